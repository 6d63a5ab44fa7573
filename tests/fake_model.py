"""A llama.cpp server without a model: it says what a test tells it and remembers what it heard."""

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

Reply = str | Callable[[str], str]

_TOKEN = re.compile(r"\w+|\W")
_WORD = re.compile(r"\s*\S+|\s+")
_PUBLIC = "/health"
_SHUTDOWN_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What becomes of one completion."""

    status: int = 200
    body: Any = None
    cut_after: int | None = None
    silent: bool = False
    raw: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A reply as far as the request lets it go."""

    pieces: Sequence[str]
    tokens: int
    stop_type: str


class FakeModel:
    """llama.cpp's server routes on loopback; use it as an async context manager.

    A token is a word or a single other character, in prompts and replies alike, and a whole prompt
    has a start token more. Requests beyond the slots are not queued as the real server does, so
    that `most_running` tells on a client that asks for too much.
    """

    def __init__(
        self, context_length: int = 1024, slots: int = 2, api_key: str = "", *, port: int = 0
    ) -> None:
        self.context_length = context_length
        self.slots = slots
        self.api_key = api_key
        self.port = port
        """0 takes a free one; one that is named lets a server come back where it was."""
        self.name = "fake-model"
        self.chat_template = ""
        self.url = ""
        self.loading = False
        """True: every route answers as llama.cpp does while it loads."""

        self.honours_stops = True
        """False: the client's own scanner is all that ends a reply."""

        self.replies: list[Reply] = []
        """What the next completions answer, in order."""
        self.default_reply: Reply = "The lantern swings. Nobody answers."
        self.split: Callable[[str], Sequence[str]] = _WORD.findall
        """Text to pieces; the default gives words with their leading white space."""
        self.first_delay = 0.0
        self.piece_delay = 0.0

        self.routes: list[str] = []
        """The path of every request, those refused included."""
        self.prompts: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.running = 0
        self.most_running = 0
        self.finished = 0
        """Completions that came to their last event."""
        self.aborted = 0
        """Completions whose client hung up."""
        self.sent = 0
        """Pieces sent, of all completions together."""

        self._plans: deque[_Plan] = deque()
        self._changed = asyncio.Condition()
        self._free = asyncio.Event()
        self._free.set()
        self._silenced: list[asyncio.Event] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._guard], client_max_size=64 * 1024 * 1024)
        self._add_routes(app.router)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Drop every completion and close; a test may do this early, to take the server away."""
        self._closing = True
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for task in tuple(self._tasks):
            task.cancel()
        await runner.cleanup()

    # What a test tells it

    def fail_next(self, status: int = 500, times: int = 1, body: Any = None) -> None:
        """Let the next completions answer an error, with this body (dict or text) if given."""
        self._plans.extend([_Plan(status=status, body=body)] * times)

    def cut_next(self, after_pieces: int = 3) -> None:
        """Let the next completion drop its connection after so many pieces."""
        self._plans.append(_Plan(cut_after=after_pieces))

    def silent_next(self) -> None:
        """Let the next completion send nothing at all, headers included, until `release`."""
        self._plans.append(_Plan(silent=True))

    def send_next(self, *chunks: bytes) -> None:
        """Let the next completion send these bytes and end properly."""
        self._plans.append(_Plan(raw=chunks))

    def hold(self) -> None:
        """Let completions stop before their first or next piece."""
        self._free.clear()

    def release(self) -> None:
        """Let those that were held or silent go on."""
        self._free.set()
        for event in self._silenced:
            event.set()

    async def wait_for(
        self,
        is_true: Callable[[], object],
        timeout: float = 5,  # noqa: ASYNC109 - the failure says what was waited for
        what: str = "the model",
    ) -> None:
        """Wait until this is true; it is asked again whenever something happened here."""
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: bool(is_true()))
        except TimeoutError:
            message = (
                f"{what}: not after {timeout:g} s; {len(self.requests)} asked, {self.running} "
                f"running, {self.finished} finished, {self.aborted} aborted, {self.sent} sent"
            )
            raise AssertionError(message) from None

    def count(self, text: str, *, whole: bool = False) -> int:
        """Count tokens as `/tokenize` does."""
        return len(_TOKEN.findall(text)) + whole

    # Routes

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/health", self._health)
        router.add_get("/props", self._props)
        router.add_post("/tokenize", self._tokenize)
        router.add_post("/completion", self._completion)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.routes.append(request.path)
        await self._notify()
        if self.api_key and request.path != _PUBLIC:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if given != self.api_key:
                return refuse(401, "Invalid API Key", "authentication_error")
        if self.loading:
            return refuse(503, "Loading model", "unavailable_error")
        return await handler(request)

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _props(self, request: web.Request) -> web.Response:
        defaults = {"params": {}, "n_ctx": self.context_length}
        props = {"default_generation_settings": defaults, "total_slots": self.slots}
        props |= {"model_alias": self.name, "chat_template": self.chat_template}
        return web.json_response(props)

    async def _tokenize(self, request: web.Request) -> web.Response:
        body = await request.json()
        tokens = self.count(body["content"], whole=bool(body.get("add_special")))
        return web.json_response({"tokens": list(range(tokens))})

    async def _completion(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        body = self._read_body(body)
        self.prompts.append(body["prompt"])
        with self._tracked():
            await self._notify()
            try:
                return await self._answer(request, body)
            except (asyncio.CancelledError, ConnectionError):
                self.aborted += not self._closing
                raise
            finally:
                self.running -= 1
                await self._notify()

    async def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        plan = self._plans.popleft() if self._plans else _Plan()
        if plan.status != 200:
            return _fail(plan)
        prompt_tokens = self.count(body["prompt"], whole=True)
        if prompt_tokens >= self.context_length:
            return self._overflow(prompt_tokens)
        if plan.silent:
            released = asyncio.Event()
            self._silenced.append(released)
            await released.wait()
        if plan.raw is not None:
            return await _send_raw(request, plan.raw)
        reply = self.replies.pop(0) if self.replies else self.default_reply
        said = reply if isinstance(reply, str) else reply(body["prompt"])
        text = self._limit(said, body, self.context_length - prompt_tokens)

        await asyncio.sleep(self.first_delay)
        await self._free.wait()
        response = await _begin(request)
        if not await self._send_pieces(response, text, plan.cut_after):
            if request.transport is not None:
                request.transport.close()
            return response
        for event in self._make_end(body, text, prompt_tokens):
            await response.write(event)
        await response.write_eof()
        self.finished += 1
        return response

    async def _send_pieces(
        self, response: web.StreamResponse, text: Text, cut_after: int | None
    ) -> bool:
        """Send the reply; False where the connection is to be cut."""
        for number, piece in enumerate(text.pieces):
            if number == cut_after:
                return False
            if number:
                await asyncio.sleep(self.piece_delay)
            await self._free.wait()
            await response.write(write_event(self._make_piece(piece)))
            self.sent += 1
            await self._notify()
        return cut_after is None

    def _limit(self, said: str, body: dict[str, Any], room: int) -> Text:
        tokens = _TOKEN.findall(said)
        limit = body.get("n_predict", -1)
        limit = room if limit < 0 else min(limit, room)
        text = "".join(tokens[:limit])
        stops = body.get("stop", []) if self.honours_stops else []
        found = [(text.find(stop), stop) for stop in stops if stop in text]
        if found:
            end, stop = min(found)
            used = self.count(text[:end] + stop)
            return Text(pieces=self.split(text[:end]), tokens=used, stop_type="word")
        # The end of the text is a token too, so a reply of just this length did not end by itself.
        stop_type = "limit" if len(tokens) >= limit else "eos"
        used = min(limit, len(tokens) + 1)
        return Text(pieces=self.split(text), tokens=used, stop_type=stop_type)

    def _read_body(self, body: dict[str, Any]) -> dict[str, Any]:
        """A request under llama.cpp's names."""
        return body

    def _make_piece(self, piece: str) -> dict[str, Any]:
        return {"content": piece, "stop": False}

    def _make_end(self, body: dict[str, Any], text: Text, prompt_tokens: int) -> list[bytes]:
        timings = {"cache_n": 0, "prompt_n": prompt_tokens, "prompt_ms": 1.5 * prompt_tokens}
        timings |= {"predicted_n": text.tokens, "predicted_ms": 10.0 * text.tokens}
        end = {"content": "", "stop": True, "stop_type": text.stop_type, "timings": timings}
        return [write_event(end | {"model": self.name, "prompt": body["prompt"]})]

    def _overflow(self, tokens: int) -> web.Response:
        """What a prompt that is too long gets."""
        message = f"request ({tokens} tokens) exceeds the available context size"
        facts = {"n_prompt_tokens": tokens, "n_ctx": self.context_length}
        return refuse(400, message, "exceed_context_size_error", **facts)

    @contextmanager
    def _tracked(self):
        """Count this completion, and keep its task for the end."""
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def _begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    return response


async def _send_raw(request: web.Request, chunks: tuple[bytes, ...]) -> web.StreamResponse:
    response = await _begin(request)
    for chunk in chunks:
        await response.write(chunk)
    await response.write_eof()
    return response


def write_event(event: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


def _fail(plan: _Plan) -> web.Response:
    if isinstance(plan.body, str):
        return web.Response(status=plan.status, text=plan.body)
    if plan.body is not None:
        return web.json_response(plan.body, status=plan.status)
    return refuse(plan.status, "told to fail", "server_error")


def refuse(status: int, message: str, kind: str, **facts: Any) -> web.Response:
    error = {"code": status, "message": message, "type": kind, **facts}
    return web.json_response({"error": error}, status=status)
