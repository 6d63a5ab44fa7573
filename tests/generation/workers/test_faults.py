"""Workers that hang, grow too large or cannot load, and what is said of it."""

import asyncio
import logging
import os
import signal
import sys
from contextlib import aclosing
from pathlib import Path

import aiohttp
import pytest

from bot.generation.config import DEMO_MODEL
from bot.generation.engine import Endpoint
from bot.generation.engines.llama_server import LlamaServerEngine
from bot.generation.errors import EngineDiedError, EngineUnavailableError
from bot.generation.llama_protocol import write_request
from bot.generation.streaming import read_events
from bot.generation.types import EngineState
from bot.generation.workers import process as process_module
from bot.generation.workers import supervisor as supervisor_module
from bot.generation.workers import vitals as vitals_module
from tests.generation.workers.stub_worker import GREEDY, MIB
from tests.generation.workers.supervising import (
    ENDLESS,
    STUB,
    freeze,
    get_pid,
    is_alive,
    list_actions,
    open_worker,
    read_on,
    supervise,
    wait_for_pid,
)

SILENCE = 0.2
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(supervisor_module, "_WATCH_SECONDS", 0.02)
    monkeypatch.setattr(supervisor_module, "_LAST_BREATH_SECONDS", 0)


# Hanging


@pytest.mark.parametrize("call", ["generate", "count_tokens"])
async def test_a_worker_that_hangs_is_replaced(
    caplog: pytest.LogCaptureFixture, no_pauses: None, call: str
):
    async with open_worker(silence_seconds=SILENCE, answer_seconds=SILENCE) as (supervisor, engine):
        first = get_pid(supervisor)
        await freeze(first)
        with pytest.raises(EngineDiedError):
            await (read_on(engine) if call == "generate" else engine.count_tokens("a"))
        assert supervisor.state is EngineState.RESTARTING
        await supervisor.get_endpoint()
        assert get_pid(supervisor) != first
        assert not is_alive(first)
        patient = LlamaServerEngine(supervisor, name="patient")
        assert await read_on(patient) is not None
        await patient.aclose()
    path = "/completion" if call == "generate" else "/tokenize"
    assert f"the engine worker is replaced: {path} said nothing for 0.2 s" in caplog.text
    assert f"ended with code -9: {path} said nothing" in caplog.text


async def test_who_waits_for_a_worker_that_hangs_gets_the_next_one(no_pauses: None):
    async with open_worker(answer_seconds=3) as (supervisor, engine):
        await freeze(get_pid(supervisor))
        engine._client._answer_seconds = SILENCE
        waiting = asyncio.create_task(engine.wait_ready())
        await wait_for_pid(supervisor, other_than=get_pid(supervisor))
        engine._client._answer_seconds = 10
        assert (await waiting).context_length == 512


@on_linux
async def test_a_worker_that_hangs_while_it_loads_is_given_up(
    no_pauses: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(supervisor_module, "_LOADING_SILENCE_SECONDS", 1)
    async with supervise("stuck") as supervisor:
        with pytest.raises(EngineUnavailableError, match="done nothing for 1 s while it loads"):
            await supervisor.get_endpoint()


@on_linux
async def test_a_worker_that_still_works_may_take_long_to_load(
    no_pauses: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(supervisor_module, "_LOADING_SILENCE_SECONDS", 1)
    monkeypatch.setattr(vitals_module, "_IDLE_CPU_SECONDS", 0.1)
    async with supervise("busy-load") as supervisor:
        await supervisor.get_endpoint()
        assert supervisor.state is EngineState.READY


async def test_a_hang_of_an_address_that_is_gone_harms_nobody(
    caplog: pytest.LogCaptureFixture, no_pauses: None
):
    async with supervise("noisy") as supervisor:
        endpoint = await supervisor.get_endpoint()
        assert supervisor.report_hang(Endpoint(url=endpoint.url, api_key="older"), "it is stuck")
        assert await supervisor.get_endpoint() == endpoint
        assert supervisor.state is EngineState.READY
    assert list_actions(caplog, logging.WARNING) == []


async def test_a_worker_that_dies_by_itself_is_not_said_to_hang(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(supervisor_module, "_LAST_BREATH_SECONDS", 10)
    async with supervise("noisy") as supervisor:
        endpoint, pid = await supervisor.get_endpoint(), get_pid(supervisor)
        os.kill(pid, signal.SIGABRT)
        supervisor.report_hang(endpoint, "it accepts no connection")
        await wait_for_pid(supervisor, other_than=pid)
        assert await supervisor.get_endpoint() != endpoint
    assert "ended with code -6: it said nothing" in caplog.text
    assert "accepts no connection" not in caplog.text


async def test_the_real_server_tells_how_far_it_is_with_a_prompt():
    body = write_request(ENDLESS) | {"prompt": "Once upon a time. " * 50, "n_predict": 1}
    async with supervise() as supervisor, aiohttp.ClientSession() as session:
        endpoint = await supervisor.get_endpoint()
        async with session.post(
            endpoint.url + "/completion",
            json=body,
            headers={"Authorization": f"Bearer {endpoint.api_key}"},
        ) as response:
            events = [event async for event in read_events(response.content.iter_any())]
    steps = [event["prompt_progress"] for event in events if "prompt_progress" in event]
    assert len(steps) >= 3  # the beginning, a whole batch of 256 tokens, the rest
    assert [event["content"] for event in events if "prompt_progress" in event] == [""] * len(steps)


async def test_a_worker_that_cannot_be_killed_does_not_hold_up_the_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(process_module, "_CLOSE_SECONDS", 0.01)
    monkeypatch.setattr(process_module, "_KILL_SECONDS", 0.01)
    async with supervise("deaf") as supervisor:
        await supervisor.get_endpoint()
        worker = supervisor._worker
        assert worker is not None
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.subprocess.Process, "kill", lambda _: None)
            await supervisor.aclose()
        assert list_actions(caplog, logging.ERROR) == ["worker-stuck"]
        os.kill(worker.pid, signal.SIGKILL)
        assert await worker.wait() == -signal.SIGKILL


# Memory


@on_linux
async def test_a_worker_beyond_its_memory_is_replaced(
    caplog: pytest.LogCaptureFixture, no_pauses: None
):
    limit = GREEDY // 2
    async with supervise("greedy", memory_limit_mib=limit) as supervisor:
        await supervisor.get_endpoint()
        pid = get_pid(supervisor)
        assert await wait_for_pid(supervisor, other_than=pid) != pid
        await supervisor.get_endpoint()
    message = next(r.getMessage() for r in caplog.records if "replaced" in r.getMessage())
    words = message.split()
    held = int(words[words.index("holds") + 1])
    assert limit < held < 2 * GREEDY
    assert message.endswith(f"may hold {limit} MiB")


@on_linux
async def test_a_worker_that_is_too_large_to_load_is_given_up(no_pauses: None):
    async with supervise("greedy-load", memory_limit_mib=GREEDY // 2) as supervisor:
        with pytest.raises(EngineUnavailableError, match=r"it holds \d+ MiB, and may hold 150 MiB"):
            await supervisor.get_endpoint()


@on_linux
async def test_a_worker_within_its_memory_stays(no_pauses: None):
    async with supervise("noisy", memory_limit_mib=GREEDY) as supervisor:
        await supervisor.get_endpoint()
        pid = get_pid(supervisor)
        await asyncio.sleep(0.2)
        assert get_pid(supervisor) == pid
        assert is_alive(pid)


@pytest.mark.parametrize(("limit", "warnings"), [(100, ["memory-unlimited"]), (None, [])])
async def test_where_memory_cannot_be_read_it_is_said_once(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    no_pauses: None,
    limit: int | None,
    warnings: list[str],
):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(supervisor_module, "read_own_mib", lambda _: None)
    async with supervise("noisy", memory_limit_mib=limit) as supervisor:
        await supervisor.get_endpoint()
        await asyncio.sleep(0.1)
    assert list_actions(caplog, logging.WARNING) == warnings


# Progress


@on_linux
async def test_progress_is_the_part_of_the_file_that_was_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(process_module, "_CLOSE_SECONDS", 0.05)
    file = tmp_path / "half-read"
    with file.open("wb") as new:
        new.truncate(500 * MIB)  # of nothing: it takes no room
    async with supervise(file, module=STUB) as supervisor:
        await wait_for_pid(supervisor)
        seen = []
        while (progress := supervisor.progress) is None or progress < 0.5:
            seen.append(progress or 0.0)
            await asyncio.sleep(0.001)
        assert progress < 0.8
        assert seen == sorted(seen)
    assert supervisor.progress is None


@on_linux
async def test_the_real_worker_has_read_its_whole_file_when_it_is_ready():
    async with supervise() as supervisor:
        pid = await wait_for_pid(supervisor)
        assert supervisor.progress is not None
        await supervisor.get_endpoint()
        assert supervisor.progress is None
        loaded = supervisor_module.read_loaded_bytes(pid)
        assert loaded is not None
        assert loaded >= DEMO_MODEL.stat().st_size


async def test_progress_is_unknown_where_nobody_tells(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(process_module, "_CLOSE_SECONDS", 0.05)
    async with supervise("stuck") as supervisor:
        assert supervisor.progress is None
        await wait_for_pid(supervisor)
        assert supervisor.progress is None  # there is no such file
        supervisor._settings = supervisor_module.replace(
            supervisor._settings, model=str(DEMO_MODEL)
        )
        monkeypatch.setattr(supervisor_module, "read_loaded_bytes", lambda _: None)
        assert supervisor.progress is None


# Reasons


async def test_a_file_that_cannot_be_loaded_is_given_up_with_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    cut = tmp_path / "cut.gguf"
    data = DEMO_MODEL.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    async with supervise(cut) as supervisor:
        with pytest.raises(EngineUnavailableError, match=r"running: the model file is truncated$"):
            await supervisor.get_endpoint()
        assert supervisor.state is EngineState.FAILED
    assert list_actions(caplog, logging.ERROR) == ["worker-ended"] * 4 + ["worker-given-up"]


async def test_an_unknown_architecture_is_named(tmp_path: Path):
    file = tmp_path / "other.gguf"
    data = DEMO_MODEL.read_bytes()
    assert data.count(b"\x05\0\0\0\0\0\0\0llama") >= 1
    file.write_bytes(data.replace(b"\x05\0\0\0\0\0\0\0llama", b"\x05\0\0\0\0\0\0\0lxama"))
    async with supervise(file) as supervisor:
        with pytest.raises(EngineUnavailableError, match=r"model architecture 'lxama'$"):
            await supervisor.get_endpoint()


async def test_a_processor_that_is_too_old_is_named():
    async with supervise("illegal") as supervisor:
        with pytest.raises(EngineUnavailableError, match="this processor lacks what the wheel"):
            await supervisor.get_endpoint()


async def test_what_ended_a_worker_that_had_loaded_is_named(caplog: pytest.LogCaptureFixture):
    async with open_worker() as (supervisor, engine):
        pid = get_pid(supervisor)
        async with aclosing(engine.generate(ENDLESS)) as chunks:
            await anext(chunks)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(EngineDiedError):
                [chunk async for chunk in chunks]
        await wait_for_pid(supervisor, other_than=pid)
    assert "ended with code -9: it was killed from outside, probably by the kernel" in caplog.text
