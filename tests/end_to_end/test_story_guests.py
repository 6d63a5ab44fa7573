"""Who else may speak in a scene: people through PluralKit and Tupperbox, and bots that may."""

import asyncio

import pytest

from tests.end_to_end.conftest import RunningBot
from tests.end_to_end.test_scenes import converse, persona_texts, play
from tests.end_to_end.test_story_changes import is_stored

PLURALKIT, TUPPERBOX = 466378653216014359, 431544605209788416
LONGER_THAN_GATHERED = 0.3


@pytest.fixture
def proxy(tavern):
    return tavern.add_webhook("Proxy", application_id=PLURALKIT)


@pytest.fixture
async def patient_bot(settings, fake):
    """It gathers for long enough that an original and its proxy's message come meanwhile."""
    running = RunningBot(settings.model_copy(update={"pace": 0.5}), fake)
    await running.start()
    yield running
    await running.stop()


async def wait_stored(settings, message):
    async with asyncio.timeout(5):
        while not is_stored(settings, message):
            await asyncio.sleep(0.005)


async def wait_answered(fake, channel, count):
    await fake.wait_for(lambda: len(persona_texts(fake, channel)) == count, what="the answer")


@pytest.mark.parametrize("is_deleted_first", [True, False])
async def test_a_proxys_message_takes_the_place_of_its_original(
    patient_bot, fake, model, noor, proxy, is_deleted_first
):
    tavern, settings = proxy.channel, patient_bot.settings
    await play(noor, tavern, "maren")
    original = await noor.say(tavern, "K: The lamp is crimson. ")
    await wait_stored(settings, original)
    if is_deleted_first:
        await noor.delete(original)
    proxied = await proxy.say("The lamp is crimson.", username="Kay")
    if not is_deleted_first:
        await wait_stored(settings, proxied)
        await noor.delete(original)
    await wait_answered(fake, tavern, 2)
    assert "### Input:\nKay: The lamp is crimson.\n\n### Response" in model.prompts[-1]
    assert "K: The" not in model.prompts[-1]
    await patient_bot.restart()
    await converse(fake, model, noor, tavern, "Well?")
    assert model.prompts[-1].count("The lamp is crimson.") == 1
    assert len(model.prompts) == 2


async def test_a_proxys_message_while_the_answer_is_written_does_not_begin_it_anew(
    bot, fake, model, noor, tavern, proxy
):
    await play(noor, tavern, "maren")
    model.hold()
    model.replies.append("So it is.")
    original = await noor.say(tavern, "K: The lamp is crimson.")
    await model.wait_for(lambda: model.running == 1, what="the generation")
    fake.repeat_next("MESSAGE_CREATE")
    await proxy.say("The lamp is crimson.", username="Kay")
    await noor.delete(original)
    await asyncio.sleep(LONGER_THAN_GATHERED)
    model.release()
    await wait_answered(fake, tavern, 2)
    await converse(fake, model, noor, tavern, "Well?")
    assert "Kay: The lamp is crimson.\n\n### Response:\nMaren: So it is." in model.prompts[-1]
    assert len(model.prompts) == 2


async def test_what_is_proxied_is_edited_and_deleted_like_any_message(
    bot, fake, model, noor, proxy
):
    tavern = proxy.channel
    warden = tavern.server.add_member("Warden", manage_guild=True)
    await play(noor, tavern, "maren")
    proxied = await proxy.say("The lamp is crimson.", username="Kay")
    await wait_answered(fake, tavern, 2)
    assert "Kay: The lamp is crimson.\n" in model.prompts[-1]
    await warden.delete(proxied)
    await converse(fake, model, noor, tavern, "Well?")
    assert "crimson" not in model.prompts[-1]


async def test_an_original_beside_the_story_has_a_proxys_message_in_it(
    bot, fake, model, noor, tavern
):
    proxy = tavern.add_webhook("Tupper", application_id=TUPPERBOX)
    await play(noor, tavern, "maren")
    original = await noor.say(tavern, "((The lamp is crimson.))")
    await proxy.say("The lamp is crimson.", username="Kay")
    await noor.delete(original)
    await wait_answered(fake, tavern, 2)
    assert "Kay: The lamp is crimson.\n" in model.prompts[-1]
    await proxy.say("((beside the story))", username="Kay")
    await converse(fake, model, noor, tavern, "Well?")
    assert "beside" not in model.prompts[-1]


async def test_other_webhooks_and_bots_are_not_heard(bot, fake, model, guild, noor, tavern):
    beeper = guild.add_member("Beeper", bot=True)
    await play(noor, tavern, "maren")
    await beeper.say(tavern, "Beep.")
    await tavern.add_webhook("News", application_id=1234567890123456).say("News!")
    await tavern.add_webhook("Nobody's").say("Hello from nobody!")
    ours = tavern.add_webhook("Ours", creator=fake.bot_user, application_id=fake.bot_user.id)
    await ours.say("Our own words.")
    await asyncio.sleep(LONGER_THAN_GATHERED)
    assert model.prompts == []
    await converse(fake, model, noor, tavern, "Hello.")
    for text in ("Beep.", "News!", "nobody", "Our own"):
        assert text not in model.prompts[-1]


async def test_an_allowed_bot_is_answered_until_a_person_must_speak(
    settings, fake, model, guild, noor, tavern
):
    beeper = guild.add_member("Beeper", bot=True)
    allowed = settings.model_copy(update={"allowed_bots": (beeper.id,), "bot_turns": 2})
    running = RunningBot(allowed, fake)
    await running.start()
    try:
        await play(noor, tavern, "maren")
        for number in range(2):
            await beeper.say(tavern, f"Beep {number}.")
            await wait_answered(fake, tavern, 2 + number)
            await running.restart()
        await beeper.say(tavern, "Beep 2.")
        await asyncio.sleep(LONGER_THAN_GATHERED)
        assert len(model.prompts) == 2, "the count outlives a restart"
        await converse(fake, model, noor, tavern, "Quiet!")
        assert "Beeper: Beep 1.\n" in model.prompts[-1]
        assert "Beep 2." not in model.prompts[-1]
        await beeper.say(tavern, "Beep 3.")
        await wait_answered(fake, tavern, 5)
    finally:
        await running.stop()
