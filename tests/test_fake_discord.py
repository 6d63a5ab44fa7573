"""The fake Discord against the real discord.py: what works, and what is refused."""

import asyncio
import contextlib
import io

import aiohttp
import discord
import pytest
from discord import app_commands
from discord.ext import commands

from tests.fake_discord import FakeDiscord, FakeFile
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


@pytest.fixture
async def fake():
    async with Stage() as server:
        yield server


@pytest.fixture
async def bot(fake):
    async with running(fake, Bot()) as client:
        yield client


# Login and gateway


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


# Messages


async def test_messages_go_in_and_out_with_replies(fake, bot):
    message = await fake.noor.say(fake.tavern, "Hello", mention_bot=True)
    assert message.content == f"<@{fake.bot_user.id}> Hello"
    await until(fake, lambda: bot.heard, "the message")
    channel = bot.get_channel(fake.tavern.id)
    fetched = await channel.fetch_message(message.id)
    assert bot.user in fetched.mentions
    sent = await fetched.reply("Well met")
    ours = fake.tavern.messages[-1]
    assert (ours.content, ours.author, ours.reply_to_id) == (
        "Well met",
        fake.bot_user,
        message.id,
    )
    await sent.edit(content="Well met, Noor")
    await sent.edit(content="Well met, Noor!")
    assert [edit.content for edit in ours.edits] == ["Well met, Noor", "Well met, Noor!"]
    assert ours.created_at_monotonic < ours.edits[0].at < ours.edits[1].at
    assert ours.history[0].content == "Well met"
    await sent.delete()
    assert ours.deleted
    assert fake.tavern.messages == [message]
    assert [one.content async for one in channel.history()] == [message.content]
    assert fake.violations == []


async def test_people_edit_delete_and_type(fake, bot):
    message = await fake.noor.say(fake.tavern, "one")
    assert message.author == fake.noor == fake.noor.user != fake.bot_user
    await fake.noor.edit(message, "two")
    await fake.noor.delete(message)
    await fake.noor.type_in(fake.tavern)
    await fake.noor.react(await fake.noor.say(fake.tavern, "three"), "👍")
    await until(fake, lambda: "raw_reaction_add" in bot.events, "all events")
    seen = [one for one in bot.events if one in ("message", "message_edit", "message_delete")]
    assert seen == ["message", "message_edit", "message_delete", "message"]
    assert "typing" in bot.events or "raw_typing" in bot.events
    several = [await fake.noor.say(fake.tavern, str(number)) for number in range(3)]
    await fake.stage.owner.delete_many(several)
    await until(fake, lambda: "bulk_message_delete" in bot.events, "the bulk deletion")


async def test_typing_is_recorded_until_the_bot_speaks(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    await channel.typing()
    assert [where for where, _ in fake.typing] == [fake.tavern.id]
    assert fake.is_typing(fake.tavern)
    await channel.send("here")
    assert not fake.is_typing(fake.tavern)


async def test_too_long_and_empty_messages_are_refused(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    with pytest.raises(discord.HTTPException) as too_long:
        await channel.send("x" * 2001)
    assert (too_long.value.status, too_long.value.code) == (400, 50035)
    with pytest.raises(discord.HTTPException) as empty:
        await channel.send("  \n ")
    assert empty.value.code == 50006
    sent = await channel.send("x" * 2000)
    with pytest.raises(discord.HTTPException) as edit:
        await sent.edit(content="x" * 2001)
    assert edit.value.code == 50035
    assert len(fake.tavern.messages) == 1
    assert len(fake.violations) == 3


async def test_application_emojis_are_made_and_listed(fake, bot):
    made = await bot.create_application_emoji(name="maren", image=b"\x89PNG\r\n\x1a\n")
    assert [emoji.name for emoji in await bot.fetch_application_emojis()] == ["maren"]
    assert str(made.id) in str(made)
    await made.delete()
    assert await bot.fetch_application_emojis() == []


async def test_what_is_not_there_is_unknown(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    with pytest.raises(discord.NotFound) as unknown:
        await channel.get_partial_message(fake.bot_user.id).edit(content="x")
    assert unknown.value.code == 10008
    gone = await fake.noor.say(fake.tavern, "soon gone")
    await fake.noor.delete(gone)
    with pytest.raises(discord.HTTPException) as reply:
        await channel.get_partial_message(gone.id).reply("late")
    assert reply.value.status == 400
    reference = discord.MessageReference(
        message_id=gone.id, channel_id=channel.id, fail_if_not_exists=False
    )
    await channel.send("anyway", reference=reference)
    assert fake.tavern.messages[-1].reply_to_id is None
    with pytest.raises(discord.NotFound):
        await bot.fetch_channel(fake.noor.id)


async def test_messages_of_others_cannot_be_edited(fake, bot):
    message = await fake.noor.say(fake.tavern, "mine")
    with pytest.raises(discord.Forbidden) as refused:
        await bot.get_channel(fake.tavern.id).get_partial_message(message.id).edit(content="x")
    assert refused.value.code == 50005


async def test_a_denied_permission_is_forbidden_until_it_is_given_back(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    fake.deny(fake.tavern, "send_messages")
    with pytest.raises(discord.Forbidden) as refused:
        await channel.send("may I?")
    assert refused.value.code == 50013
    await until(
        fake, lambda: not channel.permissions_for(channel.guild.me).send_messages, "the update"
    )
    fake.allow(fake.tavern, "send_messages")
    await channel.send("thank you")
    fake.deny(fake.stage, "manage_webhooks", "read_message_history")
    with pytest.raises(discord.Forbidden):
        await channel.create_webhook(name="Maren")
    message = await fake.noor.say(fake.tavern, "reply to me")
    with pytest.raises(discord.Forbidden) as reply:
        await channel.get_partial_message(message.id).reply("no")
    assert reply.value.code == 160002
    assert fake.violations == []


async def test_a_channel_that_the_bot_cannot_see_is_silent(fake, bot):
    fake.deny(fake.tavern, "view_channel")
    await fake.noor.say(fake.tavern, "secret")
    await fake.noor.say(fake.stage.add_channel("open"), "public")
    await until(fake, lambda: bot.heard, "the public message")
    assert bot.heard == ["public"]
    with pytest.raises(discord.Forbidden) as refused:
        await bot.get_channel(fake.tavern.id).send("x")
    assert refused.value.code == 50001


async def test_content_is_hidden_without_the_intent(fake):
    async with running(fake, Bot(message_content=False)) as client:
        await fake.noor.say(fake.tavern, "for people only")
        await fake.noor.say(fake.tavern, "for you", mention_bot=True)
        await fake.noor.say(fake.add_dm(fake.noor), "in private")
        await until(fake, lambda: len(client.heard) == 3, "all")
        assert client.heard == ["", f"<@{fake.bot_user.id}> for you", "in private"]


async def test_events_come_only_for_intents(fake):
    async with running(fake, Bot(dm_messages=False, guild_typing=False)) as client:
        await fake.noor.say(fake.add_dm(fake.noor), "unheard")
        await fake.noor.type_in(fake.tavern)
        await fake.noor.say(fake.tavern, "heard")
        await until(fake, lambda: client.heard, "the message")
        assert client.heard == ["heard"]
        assert "typing" not in client.events


async def test_pings_are_recorded_unless_allowed_mentions_forbid(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    text = f"@everyone and <@{fake.noor.id}>"
    asked = await fake.noor.say(fake.tavern, "well?")
    await channel.get_partial_message(asked.id).reply(text)
    assert fake.pings == []
    await channel.send(text, allowed_mentions=discord.AllowedMentions.all())
    only_everyone = discord.AllowedMentions(everyone=True, users=False)
    await channel.send(text, allowed_mentions=only_everyone)
    replied = discord.AllowedMentions(everyone=False, users=False, replied_user=True)
    await channel.get_partial_message(asked.id).reply("loudly", allowed_mentions=replied)
    first, second, third = fake.pings
    assert (first.mentions, first.mention_everyone) == ([fake.noor.user], True)
    assert (second.mentions, second.mention_everyone) == ([], True)
    assert third.mentions == [fake.noor.user]


async def test_a_repeated_nonce_gives_the_first_message_again(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    first = await channel.send("once", nonce=12345)
    second = await channel.send("once", nonce=12345)
    assert first.id == second.id
    assert len(fake.tavern.messages) == 1


async def test_files_embeds_and_attachments_go_both_ways(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    sent = await channel.send(
        "a card",
        file=discord.File(io.BytesIO(b"card"), "maren.png"),
        embed=discord.Embed(title="Maren", description="A ferrywoman"),
    )
    ours = fake.tavern.messages[-1]
    assert (ours.attachments[0].filename, ours.attachments[0].data) == ("maren.png", b"card")
    assert ours.texts == "a card\nMaren\nA ferrywoman"
    assert await sent.attachments[0].read() == b"card"
    upload = await fake.noor.say(fake.tavern, "", files=[FakeFile("in.json", b"{}")])
    assert await (await channel.fetch_message(upload.id)).attachments[0].read() == b"{}"
    with pytest.raises(discord.HTTPException):
        await channel.send(embed=discord.Embed(title="x" * 257))
    await sent.edit(attachments=[])
    assert ours.attachments == []


async def test_reactions_pins_and_bulk_deletion(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    sent = await channel.send("look")
    await sent.add_reaction("👍")
    assert fake.tavern.messages[0].reactions == {"👍": [fake.bot_user.id]}
    await sent.remove_reaction("👍", bot.user)
    assert fake.tavern.messages[0].reactions == {}
    await sent.pin()
    assert [one.id async for one in channel.pins()] == [sent.id]
    await sent.unpin()
    other = await channel.send("and this")
    await channel.delete_messages([sent, other])
    assert fake.tavern.messages == []


# Failures and limits


async def test_a_429_on_an_edit_is_retried(fake, bot):
    sent = await bot.get_channel(fake.tavern.id).send("one")
    fake.fail_next("PATCH", "/channels/{c}/messages/{m}", retry_after=0.1)
    await sent.edit(content="two")
    edits = fake.requests_to("PATCH", "/channels/{channel}/messages/{message}")
    assert [edit.status for edit in edits] == [429, 200]
    assert edits[1].started - edits[0].ended >= 0.1
    assert [edit.content for edit in fake.tavern.messages[-1].edits] == ["two"]
    path = f"/channels/{fake.tavern.id}/messages/{sent.id}"
    fake.fail_next("PATCH", path, retry_after=0.05, global_=True)
    await sent.edit(content="three")
    assert fake.violations == []


async def test_ordered_failures_reach_the_client(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    other = fake.stage.add_channel("other")
    route = "/channels/{c}/messages"
    fake.fail_next("POST", route, status=403, channel=other)
    await channel.send("not for this channel")
    fake.fail_next("POST", route, status=404, code=10003, channel=fake.tavern)
    with pytest.raises(discord.NotFound) as unknown:
        await channel.send("x")
    assert unknown.value.code == 10003
    fake.fail_next("POST", route, status=503, channel=fake.tavern)
    with pytest.raises(discord.DiscordServerError):
        await channel.send("x")
    fake.fail_next("POST", route, status=None, delay=0.1, channel=fake.tavern)
    await channel.send("slow")
    request = fake.requests_to("POST", route)[-1]
    assert request.ended - request.started >= 0.1


async def test_a_send_that_only_seems_to_fail_is_not_doubled(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    fake.fail_next("POST", "/channels/{c}/messages", retry_after=0.01, carried_out=True)
    await channel.send("once")
    assert len(fake.requests_to("POST", "/channels/{c}/messages")) == 2
    assert [message.content for message in fake.tavern.messages] == ["once"]


async def test_a_client_paces_itself_by_the_limit_headers():
    async with FakeDiscord(pace=0.04) as fake:
        channel = fake.add_guild("Stage").add_channel("tavern")
        async with running(fake, Bot()) as client:
            loop = asyncio.get_running_loop()
            began = loop.time()
            for number in range(6):
                await client.get_channel(channel.id).send(str(number))
            assert loop.time() - began >= 0.2 * 0.9
        assert all(request.status != 429 for request in fake.requests)


async def raw(fake, method, path, *, times, **options):
    """Make a request without discord.py, as often as it says; return the last answer."""
    headers = {"Authorization": f"Bot {fake.token}"}
    last = None, {}, {}
    async with aiohttp.ClientSession(fake.api_base + "/", headers=headers) as session:
        for _ in range(times):
            async with session.request(method, path, **options) as response:
                last = response.status, response.headers, await response.json()
    return last


async def test_the_sixth_message_in_five_seconds_is_a_429():
    async with FakeDiscord(pace=2) as fake:
        channel = fake.add_guild("Stage").add_channel("tavern")
        path, body = f"channels/{channel.id}/messages", {"content": "x"}
        status, headers, answer = await raw(fake, "POST", path, json=body, times=6)
        assert (status, answer["global"], headers["X-RateLimit-Remaining"]) == (429, False, "0")
        assert headers["Via"]
        assert 5 < answer["retry_after"] <= 10
        assert len(channel.messages) == 5


async def test_over_fifty_requests_a_second_are_a_global_429():
    async with FakeDiscord(pace=10) as fake:
        status, headers, answer = await raw(fake, "GET", "users/@me", times=51)
        assert (status, answer["global"]) == (429, True)
        assert headers["X-RateLimit-Global"] == "true"


async def test_two_edits_of_one_message_in_flight_are_a_violation(fake, bot):
    sent = await bot.get_channel(fake.tavern.id).send("one")
    await sent.edit(content="from now on discord.py knows the limit, and edits side by side")
    fake.fail_next("PATCH", "/channels/{c}/messages/{m}", status=None, delay=0.1)
    await asyncio.gather(sent.edit(content="two"), sent.edit(content="three"))
    assert fake.violations == [f"2 edits of message {sent.id} in flight at once"]


async def test_a_time_out_tells_the_state(fake):
    await fake.noor.say(fake.tavern, "to be seen in the report")
    with pytest.raises(AssertionError, match=r"in vain for a miracle(.|\n)*to be seen"):
        await fake.wait_for(lambda: False, timeout=0.01, what="a miracle")


async def test_an_unknown_route_is_a_violation(fake, bot):
    with pytest.raises(discord.NotFound):
        await bot.fetch_sticker(1)
    assert fake.violations == ["the fake has no route GET /stickers/1"]


# Private channels and threads


async def test_private_messages_go_both_ways(fake, bot):
    dm = fake.add_dm(fake.noor)
    await fake.noor.say(dm, "psst")
    await until(fake, lambda: bot.heard == ["psst"], "the message")
    user = await bot.fetch_user(fake.noor.id)
    await user.send("yes?")
    assert [message.content for message in dm.messages] == ["psst", "yes?"]
    assert fake.add_dm(fake.noor) is dm
    fake.deny(dm, "send_messages")
    with pytest.raises(discord.Forbidden) as refused:
        await user.send("hello?")
    assert refused.value.code == 50007


async def test_threads_are_opened_spoken_in_and_limited(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    sent = await channel.send("begin here")
    thread = await sent.create_thread(name="scene one")
    ours = fake.channels[thread.id]
    assert ours.parent is fake.tavern
    await thread.send("in the thread")
    assert [message.content for message in ours.messages] == ["in the thread"]
    await fake.noor.say(ours, "me too")
    await until(fake, lambda: bot.heard == ["me too"], "the message")
    free = await channel.create_thread(name="scene two", type=discord.ChannelType.public_thread)
    fake.deny(fake.tavern, "send_messages_in_threads")
    with pytest.raises(discord.Forbidden):
        await free.send("no")
    await channel.send("but here")
    await free.edit(name="renamed", archived=True)
    assert fake.channels[free.id].archived
    assert fake.channels[free.id].name == "renamed"


# Webhooks


async def test_a_webhook_speaks_edits_and_deletes(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    made = await channel.create_webhook(name="Troupe")
    found = (await channel.webhooks())[0]
    assert (found.token, found.user) == (made.token, bot.user)
    webhook = discord.Webhook.partial(made.id, made.token, client=bot)
    sent = await webhook.send("Evening.", username="Maren", avatar_url="http://x/y.png", wait=True)
    ours = fake.tavern.messages[-1]
    assert (ours.author.name, ours.webhook_id) == ("Maren", made.id)
    assert ours.author.avatar_url == "http://x/y.png"
    await sent.edit(content="Good evening.")
    assert ours.edits[-1].content == "Good evening."
    aside = fake.tavern.add_thread("aside")
    in_thread = await webhook.send("Here.", thread=discord.Object(aside.id), wait=True)
    await webhook.edit_message(in_thread.id, content="Over here.", thread=discord.Object(aside.id))
    assert [message.content for message in aside.messages] == ["Over here."]
    await sent.delete()
    assert ours.deleted
    assert fake.violations == []


async def test_webhook_names_are_checked_and_deleted_webhooks_unknown(fake, bot):
    webhook = await bot.get_channel(fake.tavern.id).create_webhook(name="Troupe")
    for name in ("Discordia", "clyde", "x" * 81):
        with pytest.raises(discord.HTTPException) as refused:
            await webhook.send("x", username=name)
        assert refused.value.code == 50035
    await webhook.delete()
    with pytest.raises(discord.NotFound) as unknown:
        await webhook.send("gone")
    assert unknown.value.code == 10015


async def test_a_channel_has_fifteen_webhooks_at_most(fake, bot):
    for number in range(15):
        fake.tavern.add_webhook(f"hook {number}")
    with pytest.raises(discord.HTTPException) as refused:
        await bot.get_channel(fake.tavern.id).create_webhook(name="one more")
    assert refused.value.code == 30007
    listed = await bot.get_channel(fake.tavern.id).webhooks()
    assert [webhook.token for webhook in listed] == [None] * 15


async def test_webhooks_of_others_are_heard_and_cannot_be_used(fake, bot):
    plural = fake.tavern.add_webhook("PluralKit")
    message = await plural.say("Hello", username="Luna")
    fetched = await bot.get_channel(fake.tavern.id).fetch_message(message.id)
    assert (fetched.author.name, fetched.webhook_id) == ("Luna", plural.id)
    assert fetched.application_id == plural.application_id
    wrong = discord.Webhook.partial(plural.id, "wrong", client=bot)
    with pytest.raises(discord.HTTPException) as refused:
        await wrong.send("x")
    assert refused.value.status == 401


# Interactions


PERSONAS = {"maren": "Maren", "marlow": "Marlow", "ilse": "Ilse"}


class Question(discord.ui.Modal, title="A question"):
    name = discord.ui.TextInput(label="Your name", custom_id="name", max_length=20)
    story = discord.ui.TextInput(
        label="Your story",
        custom_id="story",
        style=discord.TextStyle.paragraph,
        required=False,
    )

    async def on_submit(self, interaction):
        await interaction.response.send_message(f"{self.name.value}: {self.story.value or '-'}")


class Upload(discord.ui.Modal, title="Import"):
    card = discord.ui.Label(text="Card", component=discord.ui.FileUpload(custom_id="card"))

    async def on_submit(self, interaction):
        upload = self.card.component
        assert isinstance(upload, discord.ui.FileUpload)
        data = await upload.values[0].read()
        await interaction.response.edit_message(content=data.decode(), view=None)


class Panel(discord.ui.View):
    @discord.ui.button(label="Yes", custom_id="yes")
    async def yes(self, interaction, button):
        await interaction.response.edit_message(content="Agreed.", view=None)

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction, button):
        await interaction.response.defer()
        await interaction.edit_original_response(content="Later, then.")

    @discord.ui.button(label="Tell", custom_id="tell")
    async def tell(self, interaction, button):
        await interaction.response.send_message("Only for you.", ephemeral=True)

    @discord.ui.button(emoji="📎", custom_id="upload")
    async def upload(self, interaction, button):
        await interaction.response.send_modal(Upload())

    @discord.ui.button(label="Not now", custom_id="never", disabled=True)
    async def never(self, interaction, button):
        raise AssertionError

    @discord.ui.select(
        custom_id="greeting",
        options=[discord.SelectOption(label="Rain", value="0"), discord.SelectOption(label="Sun")],
    )
    async def greeting(self, interaction, select):
        await interaction.response.send_message(f"chosen: {select.values[0]}")


class Swipe(discord.ui.DynamicItem[discord.ui.Button], template=r"swipe:(?P<turn>[0-9]+)"):
    def __init__(self, turn):
        self.turn = turn
        super().__init__(discord.ui.Button(emoji="▶", custom_id=f"swipe:{turn}"))

    @classmethod
    async def from_custom_id(cls, interaction, item, match):
        return cls(int(match["turn"]))

    async def callback(self, interaction):
        await interaction.response.edit_message(content=f"turn {self.turn}, next alternative")


async def add_commands(bot):
    """Register what the tests of this part use."""

    @app_commands.command()
    @app_commands.describe(persona="who", count="how many", who="whom", where="where")
    async def play(
        interaction,
        persona: str,
        count: app_commands.Range[int, 1, 5] = 1,
        who: discord.Member | None = None,
        where: discord.TextChannel | None = None,
    ):
        """Start a scene."""
        seen = f"{who.display_name if who else '-'} {where.name if where else '-'}"
        await interaction.response.send_message(f"{PERSONAS[persona]} x{count} {seen}")

    @play.autocomplete("persona")
    async def personas(interaction, current):
        return [
            app_commands.Choice(name=name, value=key)
            for key, name in PERSONAS.items()
            if key.startswith(current)
        ]

    bot.tree.add_command(play)
    group = app_commands.Group(name="persona", description="The library")

    @group.command(name="list")
    async def list_personas(interaction):
        """List them."""
        await interaction.response.defer(ephemeral=True)
        await interaction.followup.send("Maren, Marlow")
        await interaction.followup.send("and Ilse", ephemeral=True)

    bot.tree.add_command(group)

    @bot.tree.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def panel(interaction):
        """Show the panel."""
        await interaction.response.send_message("Shall we?", view=Panel(), ephemeral=True)

    @bot.tree.command()
    async def think(interaction):
        """Answer slowly."""
        await interaction.response.defer()
        await interaction.edit_original_response(content="Well ...")
        await interaction.edit_original_response(content="Well, yes.")

    @bot.tree.command()
    async def ask(interaction):
        """Open a modal."""
        await interaction.response.send_modal(Question())

    @bot.tree.command()
    async def sleep(interaction):
        """Answer too late."""
        await asyncio.sleep(0.2)
        await interaction.response.send_message("Good morning.")

    @bot.tree.context_menu(name="Regenerate")
    async def regenerate(interaction, message: discord.Message):
        await interaction.response.send_message(f"again: {message.content}", ephemeral=True)

    bot.add_dynamic_items(Swipe)
    await bot.tree.sync()


@pytest.fixture
async def player(fake):
    async with running(fake, Bot(add_commands)) as client:
        yield client


async def test_commands_are_synced_and_answered(fake, player):
    assert {"play", "persona", "panel", "think", "ask", "Regenerate"} <= set(fake.commands)
    interaction = await fake.noor.slash(fake.tavern, "play", persona="maren")
    answer = await interaction.answer()
    assert (answer.content, answer.ephemeral) == ("Maren x1 - -", False)
    assert interaction.acknowledged
    assert not interaction.deferred
    assert fake.tavern.messages == [answer]
    assert answer.interaction is interaction
    other = await fake.noor.slash(
        fake.tavern, "play", persona="ilse", count=3, who=fake.noor, where=fake.tavern
    )
    assert (await other.answer()).content == "Ilse x3 Noor tavern"
    assert fake.violations == []


async def test_commands_work_in_private_and_in_threads(fake, player):
    for channel in (fake.add_dm(fake.noor), fake.tavern.add_thread("aside")):
        interaction = await fake.noor.slash(channel, "play", persona="maren")
        assert (await interaction.answer()).channel is channel
    with pytest.raises(AssertionError, match="not offered in private"):
        await fake.noor.slash(fake.add_dm(fake.noor), "panel")


async def test_what_discords_client_would_not_send_is_an_assertion_error(fake, player):
    with pytest.raises(AssertionError, match=r"no command 'pley' .*'play'"):
        await fake.noor.slash(fake.tavern, "pley")
    with pytest.raises(AssertionError, match=r"no option 'name'; it has .*'persona'"):
        await fake.noor.slash(fake.tavern, "play", persona="maren", name="x")
    with pytest.raises(AssertionError, match=r"needs \['persona'\]"):
        await fake.noor.slash(fake.tavern, "play")
    with pytest.raises(AssertionError, match="above 5"):
        await fake.noor.slash(fake.tavern, "play", persona="maren", count=6)
    with pytest.raises(AssertionError, match=r"subcommands are \['list'\]"):
        await fake.noor.slash(fake.tavern, "persona")
    with pytest.raises(AssertionError, match="does not offer 'panel' to Noor"):
        await fake.noor.slash(fake.tavern, "panel")


async def test_autocompletion_offers_choices(fake, player):
    offered = await fake.noor.autocomplete(fake.tavern, "play", "persona", "mar")
    assert offered == [("Maren", "maren"), ("Marlow", "marlow")]
    assert await fake.noor.autocomplete(fake.tavern, "play", "persona", "x", count=2) == []
    assert fake.violations == []


async def test_a_deferred_answer_is_filled_by_the_first_follow_up(fake, player):
    interaction = await fake.noor.slash(fake.tavern, "persona list")
    answer = await interaction.answer()
    assert interaction.deferred
    assert (answer.content, answer.ephemeral) == ("Maren, Marlow", True)
    await fake.wait_for(lambda: len(interaction.messages) == 2, what="the second follow-up")
    assert interaction.messages[1].content == "and Ilse"
    assert fake.tavern.messages == []


async def test_a_thinking_answer_is_streamed_by_edits(fake, player):
    interaction = await fake.noor.slash(fake.tavern, "think")
    answer = await interaction.answer()
    await fake.wait_for(lambda: answer.content == "Well, yes.", what="the second edit")
    assert [edit.content for edit in answer.edits] == ["Well ...", "Well, yes."]
    assert not answer.thinking
    assert fake.tavern.messages == [answer]
    assert player.heard == []


async def test_buttons_and_menus_of_a_private_panel(fake, player):
    manager = fake.stage.add_member("Kim", manage_guild=True)
    panel = await manager.slash(fake.tavern, "panel")
    shown = await panel.answer()
    assert [button.label for button in shown.buttons][:3] == ["Yes", "Later", "Tell"]
    told = await (await manager.press(panel, label="Tell")).answer()
    assert (told.content, told.ephemeral) == ("Only for you.", True)
    chosen = await (await manager.choose(panel, ["Rain"])).answer()
    assert chosen.content == "chosen: 0"
    with pytest.raises(AssertionError, match="disabled"):
        await manager.press(panel, label="Not now")
    with pytest.raises(AssertionError, match="only Kim sees"):
        await fake.noor.press(shown, label="Yes")
    with pytest.raises(AssertionError, match="no component 'No'"):
        await manager.press(panel, label="No")
    later = await manager.press(panel, custom_id="later")
    assert (await later.answer()).content == "Later, then."
    assert later.deferred
    agreed = await (await manager.press(panel, label="Yes")).answer()
    assert agreed is shown
    assert (agreed.content, agreed.components) == ("Agreed.", [])
    assert fake.violations == []


async def test_buttons_work_by_their_id_after_a_restart(fake):
    channel = fake.tavern
    async with running(fake, Bot()) as first:
        view = discord.ui.View(timeout=None)
        view.add_item(Swipe(42))
        await first.get_channel(channel.id).send("an old reply", view=view)
    async with running(fake, Bot(add_commands)):
        pressed = await fake.noor.press(channel.messages[0], label="▶")
        assert (await pressed.answer()).content == "turn 42, next alternative"
    assert fake.violations == []


async def test_buttons_on_webhook_messages_work(fake, player):
    made = await player.get_channel(fake.tavern.id).create_webhook(name="Troupe")
    webhook = discord.Webhook.partial(made.id, made.token, client=player)
    view = discord.ui.View(timeout=None)
    view.add_item(Swipe(7))
    await webhook.send("a reply", username="Maren", view=view, wait=True)
    shown = fake.tavern.messages[-1]
    answer = await (await fake.noor.press(shown, label="▶")).answer()
    assert answer is shown
    assert (shown.content, shown.author.name) == ("turn 7, next alternative", "Maren")
    assert fake.violations == []


async def test_modals_are_opened_and_submitted(fake, player):
    interaction = await fake.noor.slash(fake.tavern, "ask")
    modal = await interaction.opened()
    assert (interaction.modal.title, len(modal.inputs)) == ("A question", 2)
    with pytest.raises(AssertionError, match="must be filled in"):
        await fake.noor.submit(interaction, story="Once")
    with pytest.raises(AssertionError, match="0 to 20 characters"):
        await fake.noor.submit(interaction, name="x" * 21)
    with pytest.raises(AssertionError, match="no input 'age'"):
        await fake.noor.submit(interaction, age="7")
    with pytest.raises(AssertionError, match="answered with a modal"):
        await interaction.answer()
    submitted = await fake.noor.submit(interaction, **{"name": "Noor", "Your story": "Once"})
    assert (await submitted.answer()).content == "Noor: Once"
    assert fake.violations == []


async def test_files_are_uploaded_in_modals(fake, player):
    panel = await fake.stage.owner.slash(fake.tavern, "panel")
    await panel.answer()
    pressed = await fake.stage.owner.press(panel, label="📎")
    submitted = await fake.stage.owner.submit(pressed, Card=[FakeFile("card.json", b"a card")])
    assert (await submitted.answer()).content == "a card"
    assert fake.violations == []


async def test_context_menus_get_their_message(fake, player):
    message = await fake.noor.say(fake.tavern, "once more")
    interaction = await fake.noor.use_menu(message, "Regenerate")
    assert (await interaction.answer()).content == "again: once more"


async def test_an_answer_after_the_deadline_is_unknown():
    async with FakeDiscord(pace=0.05) as fake:
        guild = fake.add_guild("Stage")
        channel = guild.add_channel("tavern")
        client = Bot(add_commands)

        @client.tree.error
        async def ignore(interaction, error):
            pass

        async with running(fake, client):
            interaction = await guild.owner.slash(channel, "sleep")
            await fake.wait_for(lambda: fake.violations, what="the late answer")
        assert "Unknown interaction" in fake.violations[0]
        assert not interaction.acknowledged
        assert fake.unanswered == [interaction]
        assert channel.messages == []


async def test_an_interaction_is_answered_once_and_by_its_token(fake, player):
    interaction = await fake.noor.slash(fake.tavern, "think")
    await interaction.answer()
    path, body = f"interactions/{interaction.id}", {"type": 4, "data": {"content": "again"}}
    status, _, answer = await raw(
        fake, "POST", f"{path}/{interaction.token}/callback", json=body, times=1
    )
    assert (status, answer["code"]) == (400, 40060)
    status, _, answer = await raw(fake, "POST", f"{path}/wrong/callback", json=body, times=1)
    assert (status, answer["code"]) == (404, 10062)
    assert len(fake.violations) == 2


async def test_follow_ups_end_after_fifteen_minutes(fake, player):
    interaction = await fake.noor.slash(fake.tavern, "think")
    await interaction.answer()
    interaction.created -= 15 * 60 * PACE
    path = f"webhooks/{fake.application_id}/{interaction.token}"
    status, _, answer = await raw(fake, "POST", path, json={"content": "still here?"}, times=1)
    assert (status, answer["code"]) == (401, 50027)


async def test_what_discord_refuses_in_commands_and_components(fake, bot):
    http, channel = bot.http, bot.get_channel(fake.tavern.id)
    for command in (
        {"name": "Play", "description": "x", "type": 1},
        {"name": "play", "description": "", "type": 1},
        {"name": "play", "description": "x" * 101, "type": 1},
        {"name": "a b", "description": "x", "type": 1},
    ):
        with pytest.raises(discord.HTTPException) as refused:
            await http.bulk_upsert_global_commands(fake.application_id, [command])
        assert refused.value.code == 50035
    doubled = discord.ui.View()
    doubled.add_item(discord.ui.Button(label="x", custom_id="same"))
    doubled.add_item(discord.ui.Button(label="y", custom_id="same"))
    with pytest.raises(discord.HTTPException):
        await channel.send("x", view=doubled)
    nameless = discord.ui.View()
    nameless.add_item(discord.ui.Button(custom_id="nameless"))
    with pytest.raises(discord.HTTPException):
        await channel.send("x", view=nameless)
    assert fake.tavern.messages == []


async def test_layouts_of_the_second_kind_hold_text_and_buttons(fake, bot):
    class Card(discord.ui.LayoutView):
        text = discord.ui.TextDisplay("**Maren**")
        row = discord.ui.ActionRow()

        @row.button(label="Play")
        async def play(self, interaction, button):
            await interaction.response.send_message("Playing.")

    await bot.get_channel(fake.tavern.id).send(view=Card())
    shown = fake.tavern.messages[-1]
    assert shown.texts == "**Maren**"
    assert (await (await fake.noor.press(shown, label="Play")).answer()).content == "Playing."
    card = Card()
    card.text.content = "**Maren**, waiting"
    await bot.get_channel(fake.tavern.id).get_partial_message(shown.id).edit(view=card)
    assert [one.content for one in shown.history] == ["**Maren**", "**Maren**, waiting"]
    assert fake.violations == []
