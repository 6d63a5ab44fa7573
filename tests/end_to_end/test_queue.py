"""Many scenes on few slots: places in the queue, cancelling, and messages that are taken back."""

import pytest

from tests.end_to_end.test_scenes import converse, persona_texts, play, texts


@pytest.fixture
def bridge(guild):
    return guild.add_channel("bridge")


async def wait_in_queue(fake, model, noor, tavern, bridge):
    """One scene holds the only slot, the other waits and is told its place."""
    model.slots = 1
    await play(noor, tavern, "maren")
    await play(noor, bridge, "grumbold")
    model.hold()
    await noor.say(tavern, "First.")
    await model.wait_for(lambda: model.running == 1, what="the first generation")
    await noor.say(bridge, "Second.")
    await fake.wait_for(
        lambda: "in the queue" in persona_texts(fake, bridge)[-1], what="the place in the queue"
    )
    return bridge.messages[-1]


async def test_who_waits_is_told_the_place_and_then_answered(
    bot, fake, model, noor, tavern, bridge
):
    line = await wait_in_queue(fake, model, noor, tavern, bridge)
    assert line.content.startswith("*1 in the queue")
    assert [part["label"] for row in line.components for part in row["components"]] == ["Cancel"]
    assert len(model.prompts) == 1
    model.default_reply = "A fine answer."
    model.release()
    await fake.wait_for(
        lambda: bridge.messages[-1].content.endswith("A fine answer."), what="the reply"
    )
    assert bridge.messages[-1].id == line.id, "the reply takes the line's place"
    await fake.wait_for(
        lambda: "Cancel" not in [button.label for button in bridge.messages[-1].buttons],
        what="the button to go",
    )
    assert model.most_running == 1


async def test_who_waits_can_cancel(bot, fake, model, noor, tavern, bridge):
    line = await wait_in_queue(fake, model, noor, tavern, bridge)
    answer = await (await noor.press(line, label="Cancel")).answer()
    assert answer.content == "Stopped."
    assert answer.ephemeral
    await fake.wait_for(lambda: "Second." in texts(bridge)[-1], what="the line to go")
    model.release()
    said = await converse(fake, model, noor, bridge, "Third.", "Hrm.")
    assert said == "**Grumbold**\nHrm."
    assert "Noor: Second.\n\n### Input:\nNoor: Third." in model.prompts[-1]
    assert len(model.prompts) == 2, "the cancelled one was never sent"


async def test_the_button_of_a_reply_that_is_over_does_nothing(
    bot, fake, model, noor, tavern, bridge
):
    line = await wait_in_queue(fake, model, noor, tavern, bridge)
    await bot.restart()
    await fake.wait_for(
        lambda: "in the queue" in bridge.messages[-1].content, what="the place again"
    )
    answer = await (await noor.press(line, label="Cancel")).answer()
    assert answer.content == "Stopped.", "it works on a message from before the restart"
    await fake.wait_for(lambda: "Second." in texts(bridge)[-1], what="the line to go")
    model.release()


async def test_deleting_what_is_being_answered_drops_the_reply(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.replies.append("One two three four. " * 12)
    model.piece_delay = 0.02
    said = await noor.say(tavern, "Count.")
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 2, what="the first words")
    await noor.delete(said)
    await model.wait_for(lambda: model.running == 0, what="the model to be free")
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 1, what="the reply to go")
    model.piece_delay = 0.0
    await converse(fake, model, noor, tavern, "Hello.")
    assert "Count." not in model.prompts[-1]
    assert "One two" not in model.prompts[-1]


async def test_deleting_some_of_a_burst_answers_the_rest(bot, fake, model, guild, noor, tavern):
    warden = guild.add_member("Warden", manage_guild=True)
    await play(noor, tavern, "maren")
    model.hold()
    await noor.say(tavern, "Is it late?")
    wrong = [await noor.say(tavern, "Wrong channel, sorry."), await noor.say(tavern, "Oops.")]
    await model.wait_for(lambda: model.running == 1, what="the generation")
    assert "Wrong channel" in model.prompts[-1]
    model.default_reply = "Past midnight."
    await warden.delete_many(wrong)
    await model.wait_for(lambda: len(model.prompts) == 2, what="the new prompt")
    assert "Is it late?" in model.prompts[-1]
    assert "Wrong channel" not in model.prompts[-1]
    model.release()
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1].endswith("Past midnight."), what="the reply"
    )
    assert len(persona_texts(fake, tavern)) == 2


async def test_deleting_what_was_answered_long_ago_takes_no_answer_back(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    said = await noor.say(tavern, "Hello.")
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 2, what="the reply")
    await converse(fake, model, noor, tavern, "And you?")
    await noor.delete(said)
    await converse(fake, model, noor, tavern, "Well?", "Aye.")
    assert len(persona_texts(fake, tavern)) == 4
