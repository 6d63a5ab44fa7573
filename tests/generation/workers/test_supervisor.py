import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from bot.generation.errors import EngineDiedError, EngineUnavailableError
from bot.generation.types import EngineState
from bot.generation.workers import process as process_module
from bot.generation.workers import supervisor as supervisor_module
from tests.generation.workers.supervising import (
    ENDLESS,
    LLAMACPP,
    count_ends,
    freeze,
    get_pid,
    is_alive,
    open_worker,
    read_on,
    supervise,
    wait_for_pid,
    wait_until,
    wait_until_failed,
)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


# The real worker


async def test_a_worker_loads_and_listens_on_loopback_only():
    async with supervise() as supervisor:
        assert supervisor.state is EngineState.LOADING
        endpoint = await supervisor.get_endpoint()
        assert supervisor.state is EngineState.READY
        assert endpoint.url.startswith("http://127.0.0.1:")
        assert is_alive(get_pid(supervisor))


async def test_a_worker_answers_only_to_its_key_and_has_no_pages():
    async with supervise() as supervisor, aiohttp.ClientSession() as session:
        endpoint = await supervisor.get_endpoint()
        key = {"Authorization": f"Bearer {endpoint.api_key}"}
        for path, headers, status in [
            ("/props", {}, 401),
            ("/props", {"Authorization": "Bearer other"}, 401),
            ("/props", key, 200),
            ("/", key, 404),
        ]:
            async with session.get(endpoint.url + path, headers=headers) as response:
                assert (path, response.status) == (path, status)


async def test_a_worker_killed_in_mid_reply_comes_back_by_itself():
    async with open_worker() as (supervisor, engine):
        first_pid, first = get_pid(supervisor), await supervisor.get_endpoint()
        chunks = engine.generate(ENDLESS)
        assert (await anext(chunks)).finish_reason is None
        os.kill(first_pid, signal.SIGKILL)
        with pytest.raises(EngineDiedError):
            [chunk async for chunk in chunks]
        assert (await engine.wait_ready()).context_length == 512
        assert supervisor.state is EngineState.READY
        assert get_pid(supervisor) != first_pid
        assert (await supervisor.get_endpoint()).api_key != first.api_key
        assert await read_on(engine) is not None


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
async def test_a_worker_that_crashes_before_it_answers_comes_back(number: signal.Signals):
    async with open_worker() as (supervisor, engine):
        await freeze(get_pid(supervisor))
        reading = asyncio.create_task(read_on(engine))
        await asyncio.sleep(0.05)
        os.kill(get_pid(supervisor), number)
        os.kill(get_pid(supervisor), signal.SIGCONT)
        with pytest.raises(EngineDiedError):
            await reading
        await engine.wait_ready()
        assert await read_on(engine) is not None


@on_linux
async def test_secrets_are_neither_in_the_environment_nor_in_the_arguments(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("TROUPE_DISCORD_TOKEN", "secret-token")
    monkeypatch.setenv("troupe_discord_token", "secret-token")
    monkeypatch.setenv("TROUPE_ENGINE__API_KEY", "secret-key")
    monkeypatch.setenv("HARMLESS", "stays")
    async with supervise() as supervisor:
        endpoint = await supervisor.get_endpoint()
        process = Path(f"/proc/{get_pid(supervisor)}")
        environment = (process / "environ").read_bytes()
        arguments = (process / "cmdline").read_bytes()
    assert b"HARMLESS=stays" in environment
    assert LLAMACPP.encode() in arguments
    assert len(endpoint.api_key) >= 32
    for secret in ("secret-token", "secret-key", endpoint.api_key):
        assert secret.encode() not in environment + arguments


async def test_a_key_press_in_the_terminal_does_not_reach_the_worker():
    async with supervise() as supervisor:
        await supervisor.get_endpoint()
        assert os.getsid(get_pid(supervisor)) == get_pid(supervisor) != os.getsid(0)


PARENT = """
import asyncio, sys
from tests.generation.workers.supervising import DEMO_MODEL, supervise
async def main():
    async with supervise(DEMO_MODEL if sys.argv[1] == "ready" else "loading") as supervisor:
        if sys.argv[1] == "ready":
            await supervisor.get_endpoint()
        while not (supervisor._worker and supervisor._worker._lines):
            await asyncio.sleep(0.01)
        print(supervisor.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@on_linux
@pytest.mark.parametrize("phase", ["ready", "loading"])
async def test_a_worker_does_not_outlive_a_bot_that_was_killed(phase: str):
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, phase, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    worker = os.pidfd_open(int(await parent.stdout.readline()))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(worker, ended.set)
    try:
        assert not ended.is_set()
        parent.kill()
        async with asyncio.timeout(5):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(worker)
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(worker, signal.SIGKILL)
        os.close(worker)
        await parent.communicate()


# Closing


async def test_closing_leaves_no_process():
    async with supervise() as supervisor:
        await supervisor.get_endpoint()
        async with asyncio.timeout(2):
            await supervisor.aclose()
        assert not is_alive(get_pid(supervisor))
        assert supervisor.state is EngineState.FAILED
        with pytest.raises(EngineUnavailableError, match="being closed"):
            await supervisor.get_endpoint()
        await supervisor.aclose()


@pytest.mark.parametrize("model", ["stuck", "deaf"])
async def test_a_worker_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch, model: str):
    monkeypatch.setattr(process_module, "_CLOSE_SECONDS", 0.05)
    async with supervise(model) as supervisor:
        await wait_for_pid(supervisor)
        if model == "deaf":
            await supervisor.get_endpoint()
        await supervisor.aclose()
        assert not is_alive(get_pid(supervisor))


async def test_closing_at_once_leaves_no_process():
    async with supervise() as supervisor:
        await supervisor.aclose()
        assert supervisor.pid is None or not is_alive(supervisor.pid)


async def test_who_waits_while_it_is_closed_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process_module, "_CLOSE_SECONDS", 0.05)
    async with supervise("stuck") as supervisor:
        waiting = asyncio.create_task(supervisor.get_endpoint())
        await asyncio.sleep(0)
        await supervisor.aclose()
        with pytest.raises(EngineUnavailableError, match="being closed"):
            await waiting


async def test_closing_can_be_cancelled(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process_module, "_CLOSE_SECONDS", 0.1)
    async with supervise("deaf") as supervisor:
        await supervisor.get_endpoint()
        closing = asyncio.create_task(supervisor.aclose())
        await asyncio.sleep(0.01)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
    assert not is_alive(get_pid(supervisor))


# Workers that misbehave


@pytest.mark.parametrize("model", ["noisy", "talkative"])
async def test_what_else_a_worker_writes_does_no_harm(model: str):
    async with supervise(model) as supervisor:
        assert (await supervisor.get_endpoint()).url == "http://127.0.0.1:9"


async def test_the_first_error_line_is_the_reason_while_it_loads():
    async with supervise("failing") as supervisor:
        with pytest.raises(EngineUnavailableError, match="kept running: no such tensor"):
            await supervisor.get_endpoint()


async def test_a_worker_that_says_nothing_is_given_up():
    async with supervise("silent") as supervisor:
        with pytest.raises(EngineUnavailableError, match="said nothing"):
            await supervisor.get_endpoint()


async def test_python_that_cannot_be_started_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    async with supervise("silent") as supervisor:
        with pytest.raises(EngineUnavailableError, match="could not be started"):
            await supervisor.get_endpoint()


@pytest.mark.parametrize("settled_seconds", [-1, 60])
async def test_a_worker_that_loads_and_dies_is_always_started_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, settled_seconds: float
):
    monkeypatch.setattr(supervisor_module, "_SETTLED_SECONDS", settled_seconds)
    async with supervise("dying") as supervisor:
        await wait_until(supervisor, lambda: count_ends(caplog) == 6)
        assert supervisor.state is not EngineState.FAILED
    assert "second / GGML_ASSERT(x) failed" in caplog.text


async def test_the_time_that_loading_takes_is_not_time_of_use(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(supervisor_module, "_SETTLED_SECONDS", -1)
    async with supervise("failing") as supervisor:
        await wait_until_failed(supervisor)
    assert count_ends(caplog) == 4
