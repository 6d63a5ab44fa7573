"""Keeps one engine worker alive: starts it, watches it, starts it again, ends it.

The model lives in a child process because native code aborts, loading takes minutes, and freed
weights give their memory back only when their process ends.
"""

import asyncio
import contextlib
import logging
import math
import os
import secrets
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.generation.errors import EngineUnavailableError
from bot.generation.types import EngineState
from bot.generation.workers.process import WorkerProcess
from bot.generation.workers.vitals import (
    LoadingWatch,
    measure_model,
    read_loaded_bytes,
    read_own_mib,
)

if TYPE_CHECKING:
    from bot.generation.engine import Endpoint
    from bot.generation.workers.child import WorkerSettings

_log = logging.getLogger(__name__)

_LOADS_IN_A_ROW = 4
"""How often a worker may fail to load before it is given up."""
_SETTLED_SECONDS = 60.0
"""A worker that was ready for this long did not end at once."""
_DOUBLINGS = 7
"""The pause before a start doubles this often: from half a second to half a minute."""
_WATCH_SECONDS = 2.0
"""How often a worker is looked at, while it loads or if its memory has a limit."""
_LOADING_SILENCE_SECONDS = 300.0
"""How long a worker may neither read nor compute while it loads; a disk that has to wake up or a
server of files that starts again takes less."""
_LAST_BREATH_SECONDS = 0.5
"""A worker that is just ending does not answer either: it may do so by itself."""
_OWN_PREFIX = "TROUPE_"
"""Of settings, the bot's token among them: none is the worker's business, however it is spelt."""
_NO_EXIT_CODE = -1


class WorkerSupervisor:
    """Owns a worker process and knows where it listens."""

    def __init__(
        self,
        module: str,
        settings: "WorkerSettings",
        *,
        backoff_seconds: float = 0.5,
        memory_limit_mib: int | None = None,
    ) -> None:
        """Keep the settings; `start` begins.

        Args:
            module: What Python runs as the worker.
            settings: What the worker is told, but for the key, which is drawn at every start.
            backoff_seconds: The first pause before it is started again.
            memory_limit_mib: What it may hold in MiB, without mapped model files; a worker beyond
                is replaced. None is no limit.
        """
        self._command = [sys.executable, "-m", module]
        self._settings = settings
        self._backoff_seconds = backoff_seconds
        self._memory_limit_mib = memory_limit_mib
        self._state = EngineState.LOADING
        self._endpoint: Endpoint | None = None
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._worker: WorkerProcess | None = None
        self._ready_at: float | None = None
        self._progress = 0.0
        self._hang = ""
        self._hang_reported = asyncio.Event()
        self._reason = ""
        self._closing = False
        self.pid: int | None = None

    @property
    def state(self) -> EngineState:
        """Loading until the first address or failure, restarting after that."""
        return self._state

    @property
    def progress(self) -> float | None:
        """How much of the model's file has been read, from 0 to 1, while a worker loads.

        None if none loads, or where nobody but Linux could tell. At 1 the context is still to be
        made and the model to be warmed up. llama.cpp's server says nothing of it on its own.
        """
        worker = self._worker
        if worker is None or worker.has_loaded:
            return None
        loaded = read_loaded_bytes(worker.pid)
        try:
            size = measure_model(Path(self._settings.model))
        except OSError:
            return None
        if loaded is None or not size:
            return None
        # The system may take pages back while others are read: nobody wants to see that.
        self._progress = max(self._progress, min(1.0, loaded / size))
        return self._progress

    def start(self) -> None:
        """Begin to keep a worker alive; returns at once."""
        if self._memory_limit_mib is not None and sys.platform != "linux":
            _log.warning(
                "the engine worker's memory has no limit: only Linux tells how much it holds",
                extra={"action": "memory-unlimited"},
            )
        self._task = asyncio.create_task(self._keep_alive(), name="worker-supervisor")

    async def get_endpoint(self) -> "Endpoint":
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

    def report_hang(self, endpoint: "Endpoint", reason: str) -> bool:
        """Have the worker at this address killed and another one started.

        Returns at once: nobody is sent to that address any more, and the watch sees to the rest.
        """
        if endpoint == self._endpoint:
            self._hang = reason
            self._hang_reported.set()
            self._endpoint = None
            self._state = EngineState.RESTARTING
        return True

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
            self._ready_at = None
            self._progress = 0.0
            self._hang = ""
            self._hang_reported.clear()
            try:
                code = await self._run_once()
            except OSError as error:  # no memory for a process, say
                code = _NO_EXIT_CODE
                self._reason = f"it could not be started: {error}"
            failed_loads = 0 if self._ready_at else failed_loads + 1
            quick_ends = 0 if self._was_useful() else quick_ends + 1
            _log.error(
                "the engine worker ended with code %s: %s",
                code,
                self._reason,
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
        key = secrets.token_urlsafe(24)
        settings = replace(self._settings, api_key=key, parent_pid=os.getpid())
        worker = await WorkerProcess.start(self._command, settings, _choose_environment())
        self._worker, self.pid = worker, worker.pid
        watching = asyncio.create_task(self._watch(worker), name="worker-watch")
        try:
            address = await worker.greet()
            if address is not None:
                self._ready_at = asyncio.get_running_loop().time()
                await self._set(EngineState.READY, address)
            code = await worker.wait()
        finally:
            watching.cancel()
            self._worker = self._endpoint = None
            await worker.close()
        self._reason = worker.explain(code)
        return code

    async def _watch(self, worker: WorkerProcess) -> None:
        """Kill a worker that hangs or has outgrown its memory."""
        loading = LoadingWatch(worker.pid)
        fault = ""
        while not fault:
            is_idle = worker.has_loaded and self._memory_limit_mib is None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if is_idle else _WATCH_SECONDS):
                    await self._hang_reported.wait()
            fault = self._hang or self._find_excess(worker.pid)
            if not worker.has_loaded and loading.measure_silence() > _LOADING_SILENCE_SECONDS:
                fault = f"it has done nothing for {_LOADING_SILENCE_SECONDS:g} s while it loads"
        await asyncio.sleep(_LAST_BREATH_SECONDS)
        _log.warning("the engine worker is replaced: %s", fault, extra={"action": "worker-killed"})
        await worker.kill(fault)

    def _find_excess(self, pid: int) -> str:
        if self._memory_limit_mib is None:
            return ""
        held = read_own_mib(pid)
        if held is None or held <= self._memory_limit_mib:
            return ""
        return f"it holds {math.ceil(held)} MiB, and may hold {self._memory_limit_mib} MiB"

    async def _set(self, state: EngineState, endpoint: "Endpoint | None") -> None:
        async with self._changed:
            self._state = state
            self._endpoint = endpoint
            self._changed.notify_all()

    def _describe_failure(self) -> str:
        if self._closing:
            return "it is being closed"
        return f"it could not be kept running: {self._reason}"


def _choose_environment() -> dict[str, str]:
    """The bot's own, without its settings."""
    return {
        key: value for key, value in os.environ.items() if not key.upper().startswith(_OWN_PREFIX)
    }
