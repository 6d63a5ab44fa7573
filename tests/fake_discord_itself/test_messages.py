"""Messages, their permissions and contents."""

import io

import discord
import pytest

from tests.fake_discord import FakeFile
from tests.fake_discord_itself.conftest import Bot, running, until


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
