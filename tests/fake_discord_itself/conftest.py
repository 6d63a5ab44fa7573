"""The fake Discord against the real discord.py: what works, and what is refused."""

import asyncio
import contextlib

import aiohttp
import discord
import pytest
from discord.ext import commands

from tests.fake_discord import FakeDiscord
from tests.fake_discord.pointing import discord_pointed_at

PACE = 0.2
LIMIT_SECONDS = 15


@pytest.fixture(autouse=True)
async def time_limit(request):
    """Bound every test; it runs in a task of its own, which is found by its name."""
    loop = asyncio.get_running_loop()

    def cancel():
        for task in asyncio.all_tasks(loop):
            if getattr(task.get_coro(), "__name__", "") == request.function.__name__:
                task.cancel("the test took too long")

    handle = loop.call_later(LIMIT_SECONDS, cancel)
    yield
    handle.cancel()


class Stage(FakeDiscord):
    """A fake with one server, one channel and one person."""

    def __init__(self):
        super().__init__(pace=PACE)
        self.stage = self.add_guild("Stage")
        self.tavern = self.stage.add_channel("tavern")
        self.noor = self.stage.add_member("Noor")


class Bot(commands.Bot):
    """A bot that keeps what it hears, and does not wait five seconds to identify anew."""

    def __init__(self, on_setup=None, **intents):
        wanted = discord.Intents.default()
        wanted.message_content = True
        for name, is_wanted in intents.items():
            setattr(wanted, name, is_wanted)
        super().__init__(
            "!",
            intents=wanted,
            guild_ready_timeout=0.01,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.heard = []
        self.events = []
        self.on_setup = on_setup

    async def setup_hook(self):
        if self.on_setup is not None:
            await self.on_setup(self)

    async def before_identify_hook(self, shard_id, *, initial=False):
        pass

    async def on_message(self, message):
        if message.author != self.user and message.webhook_id is None:
            self.heard.append(message.content)

    def dispatch(self, event, /, *args, **kwargs):
        self.events.append(event)
        super().dispatch(event, *args, **kwargs)


@contextlib.asynccontextmanager
async def running(fake, bot):
    """Run a bot against the fake until the block ends."""
    with discord_pointed_at(fake):
        task = asyncio.create_task(bot.start(fake.token))
        try:
            await fake.wait_ready()
            await asyncio.wait_for(bot.wait_until_ready(), 5)
            yield bot
        finally:
            await bot.close()
            await asyncio.gather(task, return_exceptions=True)


async def until(fake, predicate, what):
    """Wait for something in the client that follows an event just sent."""
    for _ in range(200):
        if predicate():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never: {what}\n{fake.describe()}")


async def raw(fake, method, path, *, times, **options):
    """Make a request without discord.py, as often as it says; return the last answer."""
    headers = {"Authorization": f"Bot {fake.token}"}
    last = None, {}, {}
    async with aiohttp.ClientSession(fake.api_base + "/", headers=headers) as session:
        for _ in range(times):
            async with session.request(method, path, **options) as response:
                last = response.status, response.headers, await response.json()
    return last


@pytest.fixture
async def fake():
    async with Stage() as server:
        yield server


@pytest.fixture
async def bot(fake):
    async with running(fake, Bot()) as client:
        yield client
