"""Scenes on Discord that a server with OpenAI's API plays."""

import pytest

from bot.generation.remote_config import OpenaiConfig
from tests.end_to_end.conftest import RunningBot
from tests.end_to_end.test_process import persona_texts
from tests.end_to_end.test_scenes import play
from tests.fake_openai import FakeOpenai


@pytest.fixture
async def server():
    async with FakeOpenai("tabbyapi") as server:
        server.name = "Nous-Hermes-Llama2-70b-5bpw-exl2"
        yield server


@pytest.fixture
async def open_bot(settings, fake, server):
    """Start the bot on that server."""
    running = []

    async def start(**fields):
        config = {"kind": "openai", "url": server.url, **fields}
        engine = OpenaiConfig.model_validate(config)
        changes = {"engine": engine, "prompt_format": "auto"}
        bot = RunningBot(settings.model_copy(update=changes), fake)
        running.append(bot)
        await bot.start()

    yield start
    for bot in running:
        await bot.stop()


async def hear(fake, member, channel, reply):
    """Ask, and wait for this reply."""
    await member.say(channel, "Who are you?")
    await fake.wait_for(
        lambda: persona_texts(fake, channel)[-1] == f"**Maren**\n{reply}", what=f"{reply!r}"
    )


async def test_the_servers_model_is_played_in_its_own_format(open_bot, server, fake, noor, tavern):
    await open_bot()
    await play(noor, tavern, "maren")
    await hear(fake, noor, tavern, server.default_reply)
    assert server.prompts[-1].endswith("\n### Response:\nMaren:")
    assert server.headers[-1]["X-Session-ID"]
    status = await (await noor.slash(tavern, "status")).answer()
    assert server.name in status.content


async def test_the_server_may_write_the_prompt_itself(open_bot, server, fake, noor, tavern):
    server.default_reply = "Maren: *She nods.* Aye."
    await open_bot(api="chat")
    await play(noor, tavern, "maren")
    await hear(fake, noor, tavern, "*She nods.* Aye.")
    [*_, last] = server.requests[-1]["messages"]
    assert last["role"] == "user"
    assert last["content"].startswith("Noor: Who are you?")


async def test_a_server_that_goes_away_in_mid_reply_loses_nothing(
    open_bot, server, fake, noor, tavern
):
    await open_bot()
    await play(noor, tavern, "maren")
    server.cut_next(after_pieces=2)
    await hear(fake, noor, tavern, server.default_reply)
    assert len(server.requests) == 2


async def test_a_busy_server_is_asked_again_and_nobody_notices(
    open_bot, server, fake, noor, tavern
):
    await open_bot()
    await play(noor, tavern, "maren")
    server.retry_after = "0"
    server.fail_next(429, times=2)
    await hear(fake, noor, tavern, server.default_reply)
    assert len(server.requests) == 3


async def test_where_the_server_writes_prompts_there_is_no_format_to_choose(
    open_bot, guild, noor, tavern
):
    manager = guild.add_member("Ilse", manage_guild=True)
    await open_bot(api="chat")
    await play(noor, tavern, "maren")
    refused = await (await manager.slash(tavern, "scene format", name="chatml")).answer()
    assert refused.content.startswith("The server that runs the model writes the prompts itself")
    answer = await (await manager.slash(tavern, "scene format", name="auto")).answer()
    assert "TROUPE_ENGINE__API=chat" in answer.content
