"""Each persona speaks with its own name and face, and under the bot's name where that cannot be."""

import asyncio
import json

import pytest

from tests.end_to_end.conftest import RunningBot
from tests.end_to_end.test_scenes import converse, persona_texts, play
from tests.end_to_end.test_streaming import bot_messages

LONG = " ".join(f"Number{n}." for n in range(60))


def speakers(fake, channel):
    return [message.author.name for message in bot_messages(fake, channel)]


async def begin_long_reply(fake, model, noor, channel):
    """Have a reply begun whose first words are shown."""
    before = len(bot_messages(fake, channel))
    model.replies.append(LONG)
    model.piece_delay = 0.02
    await noor.say(channel, "Count.")
    await fake.wait_for(
        lambda: len(bot_messages(fake, channel)) > before, what="the first words of the reply"
    )
    return bot_messages(fake, channel)[-1]


@pytest.fixture
async def faced_bot(settings, fake):
    """A bot that knows where the personas' pictures are."""
    address = "https://faces.example.org/pictures/"
    running = RunningBot(settings.model_copy(update={"avatar_base_url": address}), fake)
    await running.start()
    yield running
    await running.stop()


async def test_name_and_face_are_seen_and_one_webhook_serves_all_personas(
    faced_bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    await converse(fake, model, noor, tavern, "Hello", "Mind the cat.")
    await play(noor, tavern, "unit-seven")
    await converse(fake, model, noor, tavern, "Hello", "Beep.")
    said = bot_messages(fake, tavern)
    assert [message.author.name for message in said] == ["Maren", "Maren"] + ["Unit Seven"] * 2
    assert said[1].content == "Mind the cat."
    assert said[1].author.avatar_url == "https://faces.example.org/pictures/maren.png"
    assert said[3].author.avatar_url == "https://faces.example.org/pictures/unit-seven.png"
    assert [webhook.creator for webhook in tavern.webhooks] == [fake.bot_user]
    assert len(fake.requests_to("GET", "/channels/{c}/webhooks")) == 1


async def test_a_restart_finds_the_webhook_again(bot, fake, model, noor, tavern):
    tavern.add_webhook("PluralKit")
    await play(noor, tavern, "maren")
    (_, ours) = tavern.webhooks
    await bot.restart()
    await converse(fake, model, noor, tavern, "Hello", "Still me.")
    assert len(tavern.webhooks) == 2
    assert bot_messages(fake, tavern)[-1].webhook_id == ours.id


async def test_without_the_permission_it_speaks_under_its_own_name_and_says_so_once(
    bot, fake, model, noor, tavern, caplog
):
    await play(noor, tavern, "maren")
    fake.deny(tavern, "manage_webhooks")
    for number in range(2):
        said = await converse(fake, model, noor, tavern, "Hello", f"Plain {number}.")
        assert said == f"**Maren**\nPlain {number}."
    assert speakers(fake, tavern) == ["Maren", "Troupe", "Troupe"]
    assert caplog.text.count("Manage Webhooks") == 1
    fake.allow(tavern, "manage_webhooks")
    await converse(fake, model, noor, tavern, "Hello", "With my face.")
    assert speakers(fake, tavern)[-1] == "Maren"


async def test_a_channel_with_fifteen_webhooks_gets_no_other(
    bot, fake, model, noor, tavern, caplog
):
    others = [tavern.add_webhook(f"Other {number}") for number in range(15)]
    await play(noor, tavern, "maren")
    assert await converse(fake, model, noor, tavern, "Hello", "Plain.") == "**Maren**\nPlain."
    assert speakers(fake, tavern) == ["Troupe", "Troupe"]
    assert caplog.text.count("15 webhooks") == 1
    others[3].delete()
    await converse(fake, model, noor, tavern, "And now?", "There is room.")
    assert speakers(fake, tavern)[-1] == "Maren"


async def test_a_thread_speaks_through_its_parents_webhook(bot, fake, model, noor, tavern):
    thread = tavern.add_thread("aside")
    await play(noor, thread, "tilda-brass")
    await begin_long_reply(fake, model, noor, thread)
    await fake.wait_for(
        lambda: bot_messages(fake, thread)[-1].content == LONG, what="the whole text"
    )
    assert speakers(fake, thread) == ["Tilda Brass", "Tilda Brass"]
    assert len(tavern.webhooks) == 1
    assert tavern.messages == []
    thread.archive()
    await bot.restart()
    model.piece_delay = 0.0
    await converse(fake, model, noor, thread, "Hello", "Awake.")
    assert speakers(fake, thread)[-1] == "Tilda Brass"


async def test_a_forum_post_speaks_through_the_forums_webhook(
    fake, model, settings, guild, noor, monkeypatch
):
    forum = guild.add_channel("stories")
    monkeypatch.setattr(forum, "type", 15)
    post = forum.add_thread("The lamp")
    running = RunningBot(settings, fake)
    await running.start()
    try:
        await play(noor, post, "maren")
        await converse(fake, model, noor, post, "Hello", "Mind the cat.")
    finally:
        await running.stop()
    assert speakers(fake, post) == ["Maren", "Maren"]
    assert len(forum.webhooks) == 1


async def test_two_places_of_a_channel_at_once_make_one_webhook(bot, fake, noor, tavern):
    threads = [tavern.add_thread(f"aside {number}") for number in range(3)]
    fake.fail_next("POST", "/channels/{c}/webhooks", status=None, delay=0.3)
    await asyncio.gather(*(play(noor, place, "maren") for place in (tavern, *threads)))
    assert len(tavern.webhooks) == 1
    assert all(speakers(fake, place) == ["Maren"] for place in (tavern, *threads))


async def test_in_direct_messages_it_speaks_under_its_own_name(bot, fake, model, noor):
    dm = fake.add_dm(noor)
    assert await converse(fake, model, noor, dm, "Hello", "Up here.") == "**Maren**\nUp here."
    assert speakers(fake, dm) == ["Troupe"]
    assert fake.requests_to("GET", "/channels/{c}") == []


@pytest.mark.parametrize(
    ("name", "seen"),
    [("Clyde", "Cl yde"), ("Queen Discordia", "Queen Dis cordia"), ("Everyone", "Ever yone")],
)
async def test_a_name_that_discord_refuses_is_mended(bot, fake, noor, tavern, name, seen):
    folder = bot.settings.data_folder.parent / "cards"
    folder.mkdir()
    card = {"name": name, "description": "An outlaw.", "first_mes": "Hands up!"}
    (folder / "outlaw.json").write_text(json.dumps(card))
    await bot.stop()
    bot.settings = bot.settings.model_copy(update={"persona_folder": folder})
    await bot.start()
    assert name in await play(noor, tavern, "outlaw")
    assert speakers(fake, tavern) == [seen]


async def test_the_button_on_a_webhooks_message_works(bot, fake, model, guild, noor, tavern):
    bridge = guild.add_channel("bridge")
    model.slots = 1
    await play(noor, tavern, "maren")
    await play(noor, bridge, "grumbold")
    model.hold()
    await noor.say(tavern, "First.")
    await model.wait_for(lambda: model.running == 1, what="the first generation")
    await noor.say(bridge, "Second.")
    await fake.wait_for(
        lambda: "in the queue" in bridge.messages[-1].content, what="the place in the queue"
    )
    line = bridge.messages[-1]
    assert line.webhook_id == bridge.webhooks[0].id
    answer = await (await noor.press(line, label="Cancel")).answer()
    assert answer.content == "Stopped."
    await fake.wait_for(lambda: line.deleted, what="the line to go")
    model.release()


async def test_a_reply_to_a_webhooks_message_counts_as_addressed_also_after_a_restart(
    bot, fake, model, noor, tavern
):
    model.replies.append("You called?")
    await noor.say(tavern, "Good evening", mention_bot=True)
    await fake.wait_for(lambda: persona_texts(fake, tavern), what="an answer to the mention")
    said = bot_messages(fake, tavern)[-1]
    assert said.webhook_id
    await bot.restart()
    foreign = await tavern.add_webhook("PluralKit").say("I am somebody else.")
    await noor.say(tavern, "Not for you", reply_to=foreign)
    model.replies.append("I did say that.")
    await noor.say(tavern, "Did you?", reply_to=said)
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 2, what="the second answer")
    assert "Not for you" not in model.prompts[-1]


async def test_its_own_webhooks_never_trigger_it(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    await converse(fake, model, noor, tavern, "Hello", "Hm.")
    await asyncio.sleep(0.3)
    assert len(model.prompts) == 1
    assert speakers(fake, tavern) == ["Maren", "Maren"]


async def test_many_threads_share_a_webhook_without_being_held_back_by_discord(
    bot, fake, model, noor, tavern
):
    model.slots = 6
    threads = [tavern.add_thread(f"aside {number}") for number in range(6)]
    for thread in threads:
        await play(noor, thread, "maren")
    model.default_reply = LONG
    model.piece_delay = 0.01
    await asyncio.gather(*(noor.say(thread, "Count.") for thread in threads))
    for thread in threads:
        await fake.wait_for(
            lambda thread=thread: bot_messages(fake, thread)[-1].content == LONG,
            timeout=15,
            what="every whole text",
        )
    assert [request for request in fake.requests if request.status == 429] == []
    assert len(tavern.webhooks) == 1
