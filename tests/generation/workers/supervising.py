"""How these tests run workers: the real one with a file, or the stub with a word."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.generation.config import DEMO_MODEL
from bot.generation.engines.llama_server import LlamaServerEngine
from bot.generation.types import EngineState, FinishReason, GenerationRequest, SamplerSettings
from bot.generation.workers.child import WorkerSettings
from bot.generation.workers.supervisor import WorkerSupervisor

LLAMACPP = "bot.generation.workers.llamacpp_worker"
STUB = "tests.generation.workers.stub_worker"
BACKOFF = 0.01
SETTINGS = WorkerSettings(
    model=str(DEMO_MODEL),
    api_key="",
    parent_pid=0,
    context_length=512,
    slots=1,
    gpu_layers=0,
    threads=1,
)
ENDLESS = GenerationRequest(
    prompt="### Response:\nMaren:", max_tokens=400, sampler=SamplerSettings(temperature=5.0), seed=1
)


@asynccontextmanager
async def supervise(
    model: object = DEMO_MODEL, *, module: str = "", **options: Any
) -> AsyncIterator[WorkerSupervisor]:
    """Run the real worker with a file, or the stub with a word, unless a module is named."""
    module = module or (LLAMACPP if isinstance(model, Path) else STUB)
    settings = replace(SETTINGS, model=str(model))
    supervisor = WorkerSupervisor(module, settings, backoff_seconds=BACKOFF, **options)
    supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.aclose()


@asynccontextmanager
async def open_worker(**limits: Any) -> AsyncIterator[tuple[WorkerSupervisor, LlamaServerEngine]]:
    """Run the real worker, loaded, and an engine with these limits on silence."""
    async with supervise() as supervisor:
        await supervisor.get_endpoint()
        engine = LlamaServerEngine(supervisor, name="tested", **limits)
        yield supervisor, engine
        await engine.aclose()


def get_pid(supervisor: WorkerSupervisor) -> int:
    assert supervisor.pid is not None
    return supervisor.pid


async def wait_for_pid(supervisor: WorkerSupervisor, *, other_than: int | None = None) -> int:
    """Wait until a worker runs, or another one than that."""
    while supervisor.pid in {None, other_than}:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.001)
    return get_pid(supervisor)


async def freeze(pid: int) -> None:
    """Stop a process without ending it: all its threads, which takes a moment."""
    os.kill(pid, signal.SIGSTOP)
    while not _is_frozen(pid):  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)


def _is_frozen(pid: int) -> bool:
    stats = [file.read_text("utf-8") for file in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def list_actions(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """What was logged, from this level on."""
    return [getattr(record, "action", "") for record in caplog.records if record.levelno >= level]


def count_ends(caplog: pytest.LogCaptureFixture) -> int:
    return list_actions(caplog).count("worker-ended")


async def wait_until(supervisor: WorkerSupervisor, is_true: Callable[[], bool]) -> None:
    async with supervisor._changed:
        await supervisor._changed.wait_for(is_true)


async def wait_until_failed(supervisor: WorkerSupervisor) -> None:
    await wait_until(supervisor, lambda: supervisor.state is EngineState.FAILED)


async def read_on(engine: LlamaServerEngine) -> FinishReason | None:
    reason = None
    async with aclosing(engine.generate(ENDLESS)) as chunks:
        async for chunk in chunks:
            reason = chunk.finish_reason
    return reason
