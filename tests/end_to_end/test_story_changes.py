"""Discord is the story: what is edited changes there, what is deleted leaves it."""

import asyncio
import contextlib
import sqlite3

import pytest

from tests.end_to_end.conftest import RunningBot
from tests.end_to_end.test_scenes import converse, persona_texts, play
from tests.fake_discord.posting import unfurl

LONG = "\n\n".join(f"{word} " * 200 + "end." for word in ("alpha", "bravo", "charlie"))


@pytest.fixture
def warden(guild):
    return guild.add_member("Warden", manage_guild=True)


@pytest.fixture
async def patient_bot(settings, fake):
    """It gathers for long enough that a message can be stored and edited meanwhile."""
    running = RunningBot(settings.model_copy(update={"pace": 0.5}), fake)
    await running.start()
    yield running
    await running.stop()


async def say_and_edit(settings, member, channel, text, edited):
    """Say something and edit it once it is stored: what comes faster the bot never saw."""
    said = await member.say(channel, text)
    async with asyncio.timeout(5):
        while not is_stored(settings, said):
            await asyncio.sleep(0.005)
    await member.edit(said, edited)
    return said


def is_stored(settings, message):
    with contextlib.closing(sqlite3.connect(settings.data_folder / "troupe.sqlite3")) as database:
        rows = database.execute("SELECT 1 FROM turn_messages WHERE message_id = ?", (message.id,))
        return rows.fetchone() is not None


async def say_and_answer(fake, model, member, channel, text):
    """Converse, and return the person's message."""
    await converse(fake, model, member, channel, text)
    return next(message for message in reversed(channel.messages) if message.author == member)


async def test_an_edit_changes_the_story_also_after_a_restart(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    said = await say_and_answer(fake, model, noor, tavern, "The lamp is crimson.")
    await noor.edit(said, "The lamp is blue, <:lamp:1>.")
    await converse(fake, model, noor, tavern, "Right?")
    assert "Noor: The lamp is blue, :lamp:.\n" in model.prompts[-1]
    assert "crimson" not in model.prompts[-1]
    await bot.restart()
    await noor.edit(said, "The lamp is green.")
    await converse(fake, model, noor, tavern, "And now?")
    assert "Noor: The lamp is green.\n" in model.prompts[-1]
    assert len(persona_texts(fake, tavern)) == 4, "an edit is not answered"


async def test_what_is_edited_before_its_answer_is_answered_as_it_is_then(
    patient_bot, settings, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    await say_and_edit(settings, noor, tavern, "Helo.", "Hello.")
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 2, what="the answer")
    assert "Noor: Hello.\n" in model.prompts[-1]
    assert len(model.prompts) == 1


async def test_an_edit_while_the_answer_is_written_does_not_begin_it_anew(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    model.hold()
    model.replies.append("Yes.")
    said = await noor.say(tavern, "Is it crimson?")
    await model.wait_for(lambda: model.running == 1, what="the generation")
    fake.repeat_next("MESSAGE_UPDATE")
    await noor.edit(said, "Is it blue?")
    await asyncio.sleep(0.2)  # longer than messages are gathered
    model.release()
    await fake.wait_for(lambda: persona_texts(fake, tavern)[-1].endswith("Yes."), what="the reply")
    assert len(model.prompts) == 1
    await converse(fake, model, noor, tavern, "Sure?")
    assert "Noor: Is it blue?\n\n### Response:\nMaren: Yes.\n" in model.prompts[-1]
    assert len(persona_texts(fake, tavern)) == 3


async def test_an_edit_takes_a_message_out_of_the_story_and_puts_it_back(
    patient_bot, settings, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    said = await say_and_edit(settings, noor, tavern, "Is anybody there?", "((wrong channel))")
    await asyncio.sleep(0.5)  # longer than messages are gathered
    assert model.prompts == []
    await converse(fake, model, noor, tavern, "Hello.")
    assert "anybody" not in model.prompts[-1]
    assert "wrong channel" not in model.prompts[-1]
    await patient_bot.restart()
    await noor.edit(said, "Is anyone up there?")
    await converse(fake, model, noor, tavern, "Well?")
    assert "Noor: Is anyone up there?\n\n### Input:\nNoor: Hello." in model.prompts[-1]
    assert len(model.prompts) == 2, "what was passed over is not answered later"


async def test_what_comes_back_before_anything_was_answered_is_answered(
    patient_bot, settings, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    said = await say_and_edit(settings, noor, tavern, "Is anybody there?", "// wait")
    await asyncio.sleep(0.5)  # longer than messages are gathered
    assert model.prompts == []
    await noor.edit(said, "Is anyone up there?")
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 2, what="the answer")
    assert "Noor: Is anyone up there?\n" in model.prompts[-1]


async def test_updates_that_are_no_edits_change_nothing(bot, fake, model, noor, tavern):
    before = await noor.say(tavern, "Not in the story.")
    await play(noor, tavern, "maren")
    said = await say_and_answer(fake, model, noor, tavern, "See https://example.org/lamp")
    unfurl(said, "All about lamps")
    await noor.edit(before, "Still not.")
    await converse(fake, model, noor, tavern, "Nice?")
    assert "Noor: See https://example.org/lamp\n" in model.prompts[-1]
    assert "All about lamps" not in model.prompts[-1]
    assert "Still not." not in model.prompts[-1]


async def test_an_edited_reply_keeps_its_quote(bot, fake, model, noor, tavern):
    before = await noor.say(tavern, "Once there was a lamp.")
    await play(noor, tavern, "maren")
    said = await noor.say(tavern, "Wher is it?", reply_to=before)
    await noor.edit(said, "Where is it?")
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 2, what="the answer")
    quoted = "Noor: [in reply to Noor: Once there was a lamp.]\nWhere is it?\n"
    assert quoted in model.prompts[-1]


async def test_what_is_deleted_leaves_the_story_however_old(bot, fake, model, noor, warden, tavern):
    await play(noor, tavern, "maren")
    said = await say_and_answer(fake, model, noor, tavern, "The lamp is crimson.")
    await converse(fake, model, noor, tavern, "And the cat?", "The cat is black.")
    await bot.restart()
    fake.repeat_next("MESSAGE_DELETE", times=2)
    await noor.delete(said)
    await warden.delete(tavern.messages[-1])
    await converse(fake, model, noor, tavern, "Well?")
    assert "crimson" not in model.prompts[-1]
    assert "The cat is black." not in model.prompts[-1]
    assert "Noor: And the cat?\n\n### Input:\nNoor: Well?" in model.prompts[-1]
    assert len(model.prompts) == 3, "nothing was answered anew"


async def test_one_part_of_a_long_reply_leaves_the_story(bot, fake, model, noor, warden, tavern):
    await play(noor, tavern, "maren")
    await (await noor.slash(tavern, "length", word="unlimited")).answer()
    model.context_length = 8192
    model.replies.append(LONG)
    await noor.say(tavern, "Tell me all.")
    await fake.wait_for(
        lambda: tavern.messages[-1].content.startswith("charlie"), what="all three parts"
    )
    await converse(fake, model, noor, tavern, "Go on.")
    parts = tavern.messages[-5:-2]
    await warden.delete(parts[1])
    await converse(fake, model, noor, tavern, "Well?")
    assert "bravo" not in model.prompts[-1]
    assert "alpha end.\n\n\ncharlie" in model.prompts[-1]
    await bot.restart()
    await warden.delete(parts[0])
    await converse(fake, model, noor, tavern, "And?")
    assert "alpha" not in model.prompts[-1]
    assert "Maren: charlie" in model.prompts[-1]
    await warden.delete(parts[2])
    await converse(fake, model, noor, tavern, "Oh.")
    assert "charlie" not in model.prompts[-1]


async def test_many_that_are_deleted_at_once_leave_the_story(
    bot, fake, model, noor, warden, tavern
):
    await play(noor, tavern, "maren")
    await converse(fake, model, noor, tavern, "The lamp is crimson.", "So it is.")
    await converse(fake, model, noor, tavern, "And the cat?", "The cat is black.")
    fake.repeat_next("MESSAGE_DELETE_BULK")
    await warden.delete_many(tavern.messages[1:4])
    await converse(fake, model, noor, tavern, "Well?")
    for gone in ("crimson", "So it is.", "And the cat?"):
        assert gone not in model.prompts[-1]
    assert "Maren: The cat is black.\n" in model.prompts[-1]
