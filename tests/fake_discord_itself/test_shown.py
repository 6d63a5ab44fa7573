"""What messages show besides words, as the real discord.py reads it."""

from tests.fake_discord import FakeFile, FakePoll
from tests.fake_discord.posting import unfurl
from tests.fake_discord_itself.conftest import until


async def test_stickers_and_polls_come_with_a_message(fake, bot):
    poll = FakePoll("Which way?", ("Left", "Right"))
    await fake.noor.say(fake.tavern, "", stickers=["Wave"], poll=poll)
    await until(fake, lambda: bot.heard, "the message")
    heard = bot.cached_messages[-1]
    assert [sticker.name for sticker in heard.stickers] == ["Wave"]
    assert heard.poll.question == "Which way?"
    assert [answer.text for answer in heard.poll.answers] == ["Left", "Right"]


async def test_a_forwarded_message_is_a_snapshot_without_its_author(fake, bot):
    bridge = fake.stage.add_channel("bridge")
    cat = FakeFile("cat.png", b"", "image/png")
    source = await fake.noor.say(bridge, "Look!", files=[cat], stickers=["Wave"])
    await fake.noor.say(fake.tavern, "", forwarded=source)
    await until(fake, lambda: len(bot.heard) == 2, "both messages")
    (snapshot,) = bot.cached_messages[-1].message_snapshots
    assert snapshot.content == "Look!"
    assert [one.filename for one in snapshot.attachments] == ["cat.png"]
    assert [one.name for one in snapshot.stickers] == ["Wave"]
    assert bot.cached_messages[-1].content == ""


async def test_an_address_that_is_shown_is_an_update_without_an_edit(fake, bot):
    message = await fake.noor.say(fake.tavern, "https://example.org")
    await until(fake, lambda: bot.heard, "the message")
    unfurl(message, "Example")
    await until(fake, lambda: "raw_message_edit" in bot.events, "the update")
    assert bot.cached_messages[-1].edited_at is None
    assert [embed.title for embed in bot.cached_messages[-1].embeds] == ["Example"]
