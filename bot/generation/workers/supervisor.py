"""Keeps one engine worker alive: starts it, watches it, starts it again, ends it.

The model lives in a child process because native code aborts, loading takes minutes, and freed
weights give their memory back only when their process ends.
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import sys
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.generation.engine import Endpoint
from bot.generation.errors import EngineUnavailableError
from bot.generation.types import EngineState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.generation.workers.child import WorkerSettings

_log = logging.getLogger(__name__)

_KEPT_LINES = 30
_LINE_LIMIT = 1024 * 1024
_LOADS_IN_A_ROW = 4
"""How often a worker may fail to load before it is given up."""
_SETTLED_SECONDS = 60.0
"""A worker that was ready for this long did not end at once."""
_DOUBLINGS = 7
"""The pause before a start doubles this often: from half a second to half a minute."""
_CLOSE_SECONDS = 3.0
_OWN_PREFIX = "TROUPE_"
"""Of settings, the bot's token among them: none is the worker's business, however it is spelt."""
_NO_EXIT_CODE = -1


class WorkerSupervisor:
    """Owns a worker process and knows where it listens."""

    def __init__(
        self, module: str, settings: "WorkerSettings", *, backoff_seconds: float = 0.5
    ) -> None:
        self._command = [sys.executable, "-m", module]
        self._settings = settings
        self._backoff_seconds = backoff_seconds
        self._state = EngineState.LOADING
        self._endpoint: Endpoint | None = None
        self._changed = asyncio.Condition()
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._task: asyncio.Task[None] | None = None
        self._ready_at: float | None = None
        self._closing = False
        self.pid: int | None = None

    @property
    def state(self) -> EngineState:
        """Loading until the first address or failure, restarting after that."""
        return self._state

    @property
    def last_lines(self) -> "Sequence[str]":
        """The end of the worker's standard error: the operator's reason."""
        return tuple(self._lines)

    def start(self) -> None:
        """Begin to keep a worker alive; returns at once."""
        self._task = asyncio.create_task(self._keep_alive(), name="worker-supervisor")

    async def get_endpoint(self) -> Endpoint:
        """Wait until a worker has loaded.

        Raises:
            EngineUnavailableError: If the worker has been given up or is being closed.
        """
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._endpoint is not None or self._state is EngineState.FAILED
            )
        if self._endpoint is None:
            raise EngineUnavailableError("the engine worker", self._describe_failure())
        return self._endpoint

    async def aclose(self) -> None:
        """End the worker and wait until it is gone; can be called twice."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})  # not `await task`: who closes may be cancelled too
            self._task = None
        await self._set(EngineState.FAILED, None)

    async def _keep_alive(self) -> None:
        """Start workers until one cannot even load several times in a row.

        One that loads and dies is always started again, after longer and longer pauses: a player
        whose words kill the model must not be able to switch it off.
        """
        failed_loads = quick_ends = 0
        while failed_loads < _LOADS_IN_A_ROW:
            self._lines.clear()
            self._ready_at = None
            try:
                code = await self._run_once()
            except OSError as error:  # no memory for a process, say
                code = _NO_EXIT_CODE
                self._lines.append(f"it could not be started: {error}")
            failed_loads = 0 if self._ready_at else failed_loads + 1
            quick_ends = 0 if self._was_useful() else quick_ends + 1
            _log.error(
                "the engine worker ended with code %s; its own reason: %s",
                code,
                self._find_reason(),
                extra={"action": "worker-ended"},
            )
            if failed_loads < _LOADS_IN_A_ROW:
                await self._set(EngineState.RESTARTING, None)
                pause = self._backoff_seconds * 2 ** max(0, min(quick_ends, _DOUBLINGS) - 1)
                await asyncio.sleep(pause)
        await self._set(EngineState.FAILED, None)
        _log.critical("%s", self._describe_failure(), extra={"action": "worker-given-up"})

    def _was_useful(self) -> bool:
        """Whether the worker was ready for a while; the time that loading takes does not count."""
        if self._ready_at is None:
            return False
        return asyncio.get_running_loop().time() - self._ready_at > _SETTLED_SECONDS

    async def _run_once(self) -> int:
        """Run one worker to its end."""
        settings = replace(
            self._settings, api_key=secrets.token_urlsafe(24), parent_pid=os.getpid()
        )
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            start_new_session=True,  # Ctrl-C reaches the bot first
            env={
                key: value
                for key, value in os.environ.items()
                if not key.upper().startswith(_OWN_PREFIX)
            },
        )
        self.pid = process.pid
        reader = asyncio.create_task(self._read_log(process), name="worker-log")
        try:
            address = await self._greet(process, settings)
            if address is not None:
                self._ready_at = asyncio.get_running_loop().time()
                await self._set(EngineState.READY, address)
            return await process.wait()
        finally:
            self._endpoint = None
            await _end(process)
            await reader

    async def _greet(
        self, process: asyncio.subprocess.Process, settings: "WorkerSettings"
    ) -> Endpoint | None:
        """Send the settings and wait for the address, or for the end."""
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        with contextlib.suppress(ConnectionError):
            process.stdin.write(settings.to_json().encode() + b"\n")
            await process.stdin.drain()
        while line := await process.stdout.readline():
            # A library may print while it is imported, before standard output is kept for us.
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return Endpoint(url=str(json.loads(line)["url"]), api_key=settings.api_key)
        return None

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None  # noqa: S101
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # longer than the limit: the buffer was dropped
                continue
            if not line:
                return
            text = line.decode("utf-8", errors="replace").rstrip()
            self._lines.append(text)
            _log.debug("worker: %s", text, extra={"action": "worker-log"})

    async def _set(self, state: EngineState, endpoint: Endpoint | None) -> None:
        async with self._changed:
            self._state = state
            self._endpoint = endpoint
            self._changed.notify_all()

    def _describe_failure(self) -> str:
        if self._closing:
            return "it is being closed"
        return f"it could not be kept running; its own reason: {self._find_reason()}"

    def _find_reason(self) -> str:
        """While loading, llama.cpp's first error line: it has the cause. Later, the last lines."""
        if self._ready_at is None:
            for line in self._lines:
                _, mark, text = line.partition(" E ")
                if mark:
                    return text.strip()
        return " / ".join(list(self._lines)[-3:]) or "it said nothing"


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close its input, then kill; returns when the process is reaped."""
    if process.returncode is not None:
        return
    assert process.stdin is not None  # noqa: S101
    process.stdin.close()
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await process.wait()
    except (TimeoutError, asyncio.CancelledError):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
