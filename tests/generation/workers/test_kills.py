"""Workers killed at random moments: nothing is left behind, and whoever asked is told."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.generation.engines.llama_server import LlamaServerEngine
from bot.generation.errors import EngineError
from bot.generation.types import FinishReason
from bot.generation.workers.supervisor import WorkerSupervisor
from tests.generation.workers.supervising import get_pid, read_on, supervise, wait_for_pid

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
LONGEST_WAIT = 0.1


def list_children() -> set[int]:
    """Processes that this one started and did not reap, zombies among them."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(pid) for file in lists for pid in file.read_text("ascii").split()}


async def is_listening(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


class Player:
    """Asks for replies, one after the other, and remembers what became of them."""

    def __init__(self, supervisor: WorkerSupervisor) -> None:
        self.engine = LlamaServerEngine(supervisor, name="tested")
        self.addresses: set[str] = set()
        self.outcomes: list[object] = []
        self._supervisor = supervisor

    async def ask(self) -> None:
        try:
            self.addresses.add((await self._supervisor.get_endpoint()).url)
            self.outcomes.append(await read_on(self.engine))
        except EngineError as error:
            self.outcomes.append(error)

    async def ask_on(self) -> None:
        while True:
            await self.ask()


@asynccontextmanager
async def play() -> AsyncIterator[tuple[WorkerSupervisor, Player]]:
    """Run a worker, and check at the end that it and all before it are gone."""
    before = list_children()
    async with supervise() as supervisor:
        player = Player(supervisor)
        await player.ask()
        yield supervisor, player
        await player.engine.wait_ready()
        await player.ask()
        await player.engine.aclose()
    assert list_children() == before
    assert player.addresses
    for url in player.addresses:
        assert not await is_listening(url)
    allowed = (FinishReason, EngineError)
    assert [outcome for outcome in player.outcomes if not isinstance(outcome, allowed)] == []
    assert isinstance(player.outcomes[-1], FinishReason)


async def test_killed_while_answering():
    moments = random.Random(1)  # noqa: S311
    async with play() as (supervisor, player):
        asking = asyncio.create_task(player.ask_on())
        for _ in range(4):
            await supervisor.get_endpoint()
            await asyncio.sleep(moments.uniform(0, LONGEST_WAIT))
            pid = get_pid(supervisor)
            os.kill(pid, signal.SIGKILL)
            await wait_for_pid(supervisor, other_than=pid)
        asking.cancel()
        await asyncio.wait({asking})
        assert asking.cancelled()  # no other error ended it


async def test_killed_while_idle():
    async with play() as (supervisor, player):
        for _ in range(3):
            pid = get_pid(supervisor)
            os.kill(pid, signal.SIGKILL)
            await player.ask()  # perhaps before anybody noticed
            await wait_for_pid(supervisor, other_than=pid)
            await supervisor.get_endpoint()


async def test_killed_while_loading():
    moments = random.Random(2)  # noqa: S311
    async with play() as (supervisor, player):
        asking = asyncio.create_task(player.ask_on())
        pid = get_pid(supervisor)
        for _ in range(4):  # the first had loaded: that leaves three loads that fail in a row
            os.kill(pid, signal.SIGKILL)
            pid = await wait_for_pid(supervisor, other_than=pid)
            await asyncio.sleep(moments.uniform(0, LONGEST_WAIT))
        asking.cancel()
        await asyncio.wait({asking})
        assert asking.cancelled()  # no other error ended it
