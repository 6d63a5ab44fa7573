"""One worker process, from its start to the moment when it is gone."""

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Self

from bot.generation.engine import Endpoint
from bot.generation.workers.child import WorkerSettings
from bot.generation.workers.offloading import find_offloading
from bot.generation.workers.reasons import explain_end

_log = logging.getLogger(__name__)

_KEPT_LINES = 30
_LINE_LIMIT = 1024 * 1024
_CLOSE_SECONDS = 3.0
_KILL_SECONDS = 10.0
"""How long a killed process may take to go; one that waits for a broken device may never go."""


class WorkerProcess:
    """A child process that was given settings and says where it listens once it has loaded."""

    def __init__(self, process: asyncio.subprocess.Process, settings: WorkerSettings) -> None:
        self._process = process
        self._settings = settings
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._reader = asyncio.create_task(self._read_log(), name="worker-log")
        self._killed_for = ""
        self.has_loaded = False

    @classmethod
    async def start(
        cls, command: Sequence[str], settings: WorkerSettings, environment: Mapping[str, str]
    ) -> Self:
        """Start a process that waits for its settings.

        Raises:
            OSError: If there can be none, for want of memory for example.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            start_new_session=True,  # Ctrl-C reaches the bot first
            env=environment,
        )
        return cls(process, settings)

    @property
    def pid(self) -> int:
        """The process's number, also when it has ended."""
        return self._process.pid

    async def greet(self) -> Endpoint | None:
        """Send the settings and wait for the address, or for the end."""
        process = self._process
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        with contextlib.suppress(ConnectionError):
            process.stdin.write(self._settings.to_json().encode() + b"\n")
            await process.stdin.drain()
        while line := await process.stdout.readline():
            # A library may print while it is imported, before standard output is kept for us.
            with contextlib.suppress(ValueError, KeyError, TypeError):
                address = Endpoint(url=str(json.loads(line)["url"]), api_key=self._settings.api_key)
                self.has_loaded = True
                return address
        return None

    async def wait(self) -> int:
        """Wait for its end and return the exit code; negative is the signal that ended it."""
        return await self._process.wait()

    async def kill(self, reason: str) -> None:
        """End it at once, whatever it does; the reason is why it ended, from then on."""
        self._killed_for = reason
        await self._kill()

    async def close(self) -> None:
        """Ask it to end, then kill it; returns when it is reaped and its last lines are read."""
        try:
            if self._process.returncode is None:
                await self._end()
            await asyncio.wait({self._reader}, timeout=_CLOSE_SECONDS)
        finally:
            self._reader.cancel()

    def explain(self, code: int) -> str:
        """Why it ended, in a sentence for the operator."""
        lines = tuple(self._lines)
        return self._killed_for or explain_end(code, lines, loading=not self.has_loaded)

    async def _end(self) -> None:
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._process.wait()
        except (TimeoutError, asyncio.CancelledError):
            await self._kill()

    async def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        try:
            async with asyncio.timeout(_KILL_SECONDS):
                await self._process.wait()
        except TimeoutError:
            _log.error(
                "the engine worker %d was killed and does not end: its driver may hang",
                self.pid,
                extra={"action": "worker-stuck"},
            )

    async def _read_log(self) -> None:
        assert self._process.stderr is not None  # noqa: S101
        while True:
            try:
                line = await self._process.stderr.readline()
            except ValueError:  # longer than the limit: the buffer was dropped
                continue
            if not line:
                return
            text = line.decode("utf-8", errors="replace").rstrip()
            self._lines.append(text)
            _log.debug("worker: %s", text, extra={"action": "worker-log"})
            if place := find_offloading(text):
                _log.info("%s", place, extra={"action": "model-offloaded"})
