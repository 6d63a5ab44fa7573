"""A model hub on loopback that speaks as much of the hub's protocol as huggingface_hub 2.4 asks.

It is strict: a request that the hub would not have, or that says more of us than it must, is
refused and listed in `violations`. Contents are on a second port, as the hub's are on other
machines, so that a token that is sent on to them is noticed.
"""

import asyncio
import contextlib
import hashlib
import threading
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_SHUTDOWN_SECONDS = 0.2
_START_SECONDS = 10
_PIECE_BYTES = 16 * 1024


@dataclass
class FakeFile:
    """What the hub announces of a file, and what it sends."""

    content: bytes
    is_large: bool = True
    """Large files are announced with their sha256 and lie elsewhere, others are in git."""
    announced_size: int | None = None
    announced_sha256: str | None = None

    @property
    def sha256(self) -> str:
        return self.announced_sha256 or hashlib.sha256(self.content).hexdigest()

    @property
    def size(self) -> int:
        return len(self.content) if self.announced_size is None else self.announced_size


@dataclass
class Request:
    """A request as it came."""

    method: str
    path: str
    range: str = ""
    token: str = ""
    agent: str = ""
    sent: int = 0
    """Bytes of a content that were answered."""


_RECORD = web.RequestKey("record", Request)


@dataclass
class FakeHub:
    """Use it as a context manager; it runs in a thread of its own, for processes and for tests."""

    files: dict[tuple[str, str], FakeFile] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    gated: set[str] = field(default_factory=set)
    """Repositories that need a token that is in `members`."""
    members: set[str] = field(default_factory=set)
    moved: dict[str, str] = field(default_factory=dict)
    """Old repository to new one."""
    statuses: list[int] = field(default_factory=list)
    """What the next requests answer instead; 0 lets one through."""
    retry_after: str = ""
    cuts: list[int | None] = field(default_factory=list)
    """After how many bytes the next contents end, their connection with them; None ends none."""
    knows_ranges: bool = True
    holds_after: int | None = None
    """After how many bytes a content stands still until `release`."""

    def __post_init__(self) -> None:
        self.held = threading.Event()
        self._released = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(_START_SECONDS)
        assert not self._thread.is_alive()

    def add(self, repository: str, path: str, content: bytes, *, is_large: bool = True) -> FakeFile:
        self.files[repository, path] = FakeFile(content, is_large)
        return self.files[repository, path]

    def release(self) -> None:
        """Let what stands still go on."""
        self._released.set()

    @property
    def ranges(self) -> list[str]:
        """What was asked of contents, oldest first."""
        return [one.range for one in self.requests if one.path.startswith("/content/")]

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        runners = [await self._open(self._make_pages()), await self._open(self._make_contents())]
        self.endpoint, self._contents = (
            f"http://127.0.0.1:{runner.addresses[0][1]}" for runner in runners
        )
        self._ready.set()
        await self._ended.wait()
        for runner in runners:
            await runner.cleanup()

    async def _open(self, app: web.Application) -> web.AppRunner:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    def _make_pages(self) -> web.Application:
        app = web.Application(middlewares=[self._record])
        app.router.add_get("/api/models/{repository:[^/]+/[^/]+}", self._describe)
        app.router.add_get("/{repository:[^/]+/[^/]+}/resolve/{revision}/{path:.+}", self._resolve)
        app.router.add_route("*", "/{anything:.*}", self._refuse)
        return app

    def _make_contents(self) -> web.Application:
        app = web.Application(middlewares=[self._record])
        app.router.add_get("/content/{sha256}", self._send, allow_head=False)
        app.router.add_route("*", "/{anything:.*}", self._refuse)
        return app

    @web.middleware
    async def _record(self, request: web.Request, handler) -> web.StreamResponse:
        one = Request(
            request.method,
            request.path,
            range=request.headers.get("Range", ""),
            token=request.headers.get("Authorization", "").removeprefix("Bearer "),
            agent=request.headers.get("User-Agent", ""),
        )
        self.requests.append(one)
        request[_RECORD] = one
        if "agent/" in one.agent or "torch/" in one.agent:
            self.violations.append(f"it says what runs it: {one.agent}")
        if self.statuses and (status := self.statuses.pop(0)):
            headers = {"Retry-After": self.retry_after} if self.retry_after else {}
            return web.Response(status=status, headers=headers)
        try:
            return await handler(request)
        except Exception as error:
            self.violations.append(f"{request.method} {request.path}: {error!r}")
            raise

    async def _refuse(self, request: web.Request) -> web.Response:
        self.violations.append(f"{request.method} {request.path} is not known")
        return web.Response(status=500)

    def _check_access(self, request: web.Request) -> web.Response | None:
        """As the hub answers strangers: 401 for what is gated and for what is not there."""
        repository, token = request.match_info["repository"], request[_RECORD].token
        if repository in self.gated and token not in self.members:
            headers = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."}
            return web.Response(status=403 if token else 401, headers=headers)
        if repository not in {known for known, _ in self.files}:
            headers = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            return web.Response(status=404 if token else 401, headers=headers)
        return None

    async def _describe(self, request: web.Request) -> web.Response:
        if request.query_string:
            self.violations.append(f"{request.path_qs} asks for more than the names")
        if refusal := self._check_access(request):
            return refusal
        repository = request.match_info["repository"]
        paths = [path for known, path in self.files if known == repository]
        siblings = [{"rfilename": path} for path in (".gitattributes", "README.md", *paths)]
        return web.json_response({"id": repository, "sha": COMMIT, "siblings": siblings})

    async def _resolve(self, request: web.Request) -> web.Response:
        repository, path = request.match_info["repository"], request.match_info["path"]
        if repository in self.moved:
            target = f"/{self.moved[repository]}/resolve/{request.match_info['revision']}/{path}"
            return web.Response(status=307, headers={"Location": target})
        if refusal := self._check_access(request):
            return refusal
        if request.match_info["revision"] not in {"main", COMMIT}:
            return web.Response(status=404, headers={"X-Error-Code": "RevisionNotFound"})
        file = self.files.get((repository, path))
        if file is None:
            return web.Response(status=404, headers={"X-Error-Code": "EntryNotFound"})
        headers = {"X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if not file.is_large:
            blob = b"blob %d\0" % len(file.content) + file.content
            headers["ETag"] = f'"{hashlib.sha1(blob, usedforsecurity=False).hexdigest()}"'
            return web.Response(body=file.content, headers=headers)
        headers["X-Linked-Size"] = str(file.size)
        headers["X-Linked-ETag"] = f'"{file.sha256}"'
        headers["X-Xet-Hash"] = file.sha256  # the hub offers Xet for every large file
        headers["Location"] = f"{self._contents}/content/{file.sha256}?signature=x"
        return web.Response(status=302, headers=headers)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        record = request[_RECORD]
        if record.token:
            self.violations.append("the token was sent on to where the contents are")
        if request.headers.get("Accept-Encoding") != "identity":
            self.violations.append("compressed contents were asked for")
        content = next(
            file.content
            for file in self.files.values()
            if file.sha256 == request.match_info["sha256"]
        )
        start, stop = 0, len(content)
        if self.knows_ranges:
            start, last = (int(one) for one in record.range.removeprefix("bytes=").split("-"))
            stop = min(last + 1, len(content))
            if start >= len(content):
                return web.Response(status=416)
        answer = web.StreamResponse(status=206 if self.knows_ranges else 200)
        answer.content_length = stop - start
        if self.knows_ranges:
            answer.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        await answer.prepare(request)
        cut = self.cuts.pop(0) if self.cuts else None
        with contextlib.suppress(ConnectionError):  # who asked has left
            await self._write(answer, content[start:stop], cut, record)
        if cut is not None and request.transport is not None:
            request.transport.close()  # what was written still goes out
        return answer

    async def _write(
        self, answer: web.StreamResponse, content: bytes, cut: int | None, record: Request
    ) -> None:
        content = content[:cut]
        while record.sent < len(content):
            if self.holds_after is not None and record.sent >= self.holds_after:
                self.held.set()
                await asyncio.to_thread(self._released.wait)
            piece = content[record.sent : record.sent + _PIECE_BYTES]
            await answer.write(piece)
            record.sent += len(piece)
