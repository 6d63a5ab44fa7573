"""Login, gateway sessions and events."""

import asyncio

import discord
import pytest
from discord.ext import commands

from tests.fake_discord import FakeDiscord
from tests.fake_discord.pointing import discord_pointed_at
from tests.fake_discord_itself.conftest import PACE, Bot, running, until


async def test_a_client_logs_in_and_sees_its_server(fake, bot):
    assert bot.user.id == fake.bot_user.id
    assert bot.application_id == fake.application_id
    assert [guild.name for guild in bot.guilds] == ["Stage"]
    assert bot.get_channel(fake.tavern.id).name == "tavern"
    assert bot.guilds[0].me.guild_permissions.manage_webhooks
    assert fake.identifies == 1
    assert fake.violations == []
    assert len(str(fake.bot_user.id)) == 18


async def test_a_wrong_token_is_a_login_failure(fake):
    with discord_pointed_at(fake):
        client = Bot()
        with pytest.raises(discord.LoginFailure):
            await client.start("wrong")
        await client.close()


async def test_a_privileged_intent_that_is_off_ends_the_client():
    async with FakeDiscord(pace=PACE, allow_message_content=False) as fake:
        with discord_pointed_at(fake):
            client = Bot()
            with pytest.raises(discord.PrivilegedIntentsRequired):
                await client.start(fake.token)
            await client.close()


async def test_servers_and_channels_made_later_reach_the_client(fake, bot):
    other = fake.add_guild("Other")
    channel = other.add_channel("hall", nsfw=True)
    await until(fake, lambda: bot.get_channel(channel.id), "the new channel")
    assert bot.get_channel(channel.id).is_nsfw()
    thread = fake.tavern.add_thread("aside")
    await until(fake, lambda: bot.get_channel(thread.id), "the new thread")
    assert bot.get_channel(thread.id).parent_id == fake.tavern.id
    assert thread.parent is fake.tavern
    fake.remove_guild(other)
    await until(fake, lambda: len(bot.guilds) == 1, "the server to be gone")


async def test_a_dropped_socket_is_resumed_and_missed_events_are_replayed(fake, bot):
    async with fake.gateway_down():
        await fake.noor.say(fake.tavern, "while you were away")
        assert bot.heard == []
    await until(fake, lambda: bot.heard == ["while you were away"], "the replay")
    assert (fake.identifies, fake.resumes) == (1, 1)
    await fake.drop_socket()
    await fake.noor.say(fake.tavern, "again")
    await until(fake, lambda: len(bot.heard) == 2, "the second replay")
    assert fake.violations == []


async def test_a_close_code_makes_the_client_resume_or_ends_it(fake):
    with discord_pointed_at(fake):
        client = Bot()
        task = asyncio.create_task(client.start(fake.token))
        await fake.wait_ready()
        await fake.drop_socket(4000)
        await fake.wait_for(lambda: fake.resumes == 1, what="the resume")
        await fake.drop_socket(4004)
        with pytest.raises(discord.ConnectionClosed):
            await task


async def test_op_7_makes_the_client_resume(fake, bot):
    await fake.send_reconnect()
    await fake.wait_for(lambda: fake.resumes == 1, what="the resume")
    await fake.noor.say(fake.tavern, "still there?")
    await until(fake, lambda: bot.heard == ["still there?"], "the message")
    assert fake.identifies == 1


async def test_an_invalid_session_is_begun_anew_without_a_replay(fake, bot):
    async with fake.gateway_down():
        await fake.noor.say(fake.tavern, "lost")
        await fake.invalidate_session(resumable=False)
    await fake.wait_for(lambda: fake.identifies == 2, what="the new session")
    await fake.wait_ready()
    await fake.noor.say(fake.tavern, "heard")
    await until(fake, lambda: "heard" in bot.heard, "the message")
    assert bot.heard == ["heard"]


async def test_op_9_on_a_live_socket_is_obeyed(fake, bot):
    await fake.invalidate_session(resumable=True)
    await fake.wait_for(lambda: fake.resumes == 1, what="the resume")
    await fake.invalidate_session(resumable=False)
    await fake.wait_for(lambda: fake.identifies == 2, what="the new session")
    await fake.wait_ready()


async def test_events_can_come_twice_and_late(fake, bot):
    fake.repeat_next("MESSAGE_CREATE")
    await fake.noor.say(fake.tavern, "twice")
    await until(fake, lambda: bot.heard == ["twice", "twice"], "both")
    fake.delay_next("MESSAGE_CREATE", 0.1)
    await fake.noor.say(fake.tavern, "late")
    await fake.noor.say(fake.tavern, "early")
    await until(fake, lambda: len(bot.heard) == 4, "all")
    assert bot.heard[2:] == ["early", "late"]


async def test_members_are_given_to_those_with_the_intent(fake):
    async with running(fake, Bot(members=True)) as client:
        guild = client.guilds[0]
        assert guild.get_member(fake.noor.id).name == "noor"
        kim = fake.stage.add_member("Kim", nick="K", manage_guild=True)
        await until(fake, lambda: guild.get_member(kim.id), "the new member")
        assert guild.get_member(kim.id).guild_permissions.manage_guild


async def test_an_auto_sharded_client_works(fake):
    class Sharded(Bot, commands.AutoShardedBot):
        pass

    async with running(fake, Sharded()) as client:
        await fake.noor.say(fake.tavern, "hello shard")
        await until(fake, lambda: client.heard == ["hello shard"], "the message")
        await fake.drop_socket()
        await fake.wait_for(lambda: fake.resumes == 1, what="the resume")
