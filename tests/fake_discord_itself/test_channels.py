"""Private channels, threads and webhooks."""

import discord
import pytest

from tests.fake_discord_itself.conftest import until


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
