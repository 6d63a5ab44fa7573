"""The real bot object and discord.py client over a real socket; Discord and the model are fakes."""

import asyncio
import contextlib

import pytest
from pydantic import SecretStr

from bot.app import run_bot
from bot.generation.config import LlamaServerConfig
from bot.settings import Settings
from tests.fake_discord import FakeDiscord
from tests.fake_discord.pointing import discord_pointed_at
from tests.fake_model import FakeModel

PACE = 0.1
TOKEN = "test-token"  # noqa: S105


class RunningBot:
    """The bot in this process; `stop` ends it as a crash would, with nothing said."""

    def __init__(self, settings: Settings, fake: FakeDiscord) -> None:
        self.settings = settings
        self._fake = fake
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        identifies = self._fake.identifies
        self._task = task = asyncio.create_task(run_bot(self.settings))
        await self._fake.wait_for(
            lambda: task.done() or self._fake.identifies > identifies,
            what="the bot to connect",
        )
        if task.done():
            task.result()
        await self._fake.wait_ready()

    async def stop(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    async def restart(self) -> None:
        await self.stop()
        await self.start()


@pytest.fixture
async def fake():
    async with FakeDiscord(token=TOKEN, pace=PACE) as discord:
        with discord_pointed_at(discord):
            yield discord
        assert discord.violations == []
        assert discord.pings == []


@pytest.fixture
async def model():
    async with FakeModel() as server:
        yield server


@pytest.fixture
def settings(fake, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Settings(
        discord_token=SecretStr(TOKEN),
        discord_api_base=fake.api_base,
        discord_gateway=fake.gateway,
        data_folder=tmp_path / "data",
        prompt_format="limarp",
        pace=PACE,
        engine=LlamaServerConfig(kind="llama_server", url=model.url),
    )


@pytest.fixture
async def bot(settings, fake):
    running = RunningBot(settings, fake)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def guild(fake):
    return fake.add_guild("Stage")


@pytest.fixture
def tavern(guild):
    return guild.add_channel("tavern")


@pytest.fixture
def noor(guild):
    return guild.add_member("Noor")
