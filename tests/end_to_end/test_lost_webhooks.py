"""A webhook that is deleted, moved or refused loses no word of a reply, and doubles none."""

import logging

import pytest

from tests.end_to_end.test_faces import LONG, begin_long_reply, speakers
from tests.end_to_end.test_process import BotProcess
from tests.end_to_end.test_scenes import converse, persona_texts, play
from tests.end_to_end.test_streaming import bot_messages


async def test_a_deleted_webhook_is_made_anew(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    tavern.webhooks[0].delete()
    assert await converse(fake, model, noor, tavern, "Hello", "Back.") == "**Maren**\nBack."
    assert len(tavern.webhooks) == 1
    assert bot_messages(fake, tavern)[-1].webhook_id == tavern.webhooks[0].id


@pytest.mark.parametrize("refusal", [(400, 50035), (401, 50027), (403, 50013)])
async def test_a_refused_webhook_loses_no_reply(bot, fake, model, noor, tavern, refusal):
    status, code = refusal
    await play(noor, tavern, "maren")
    fake.fail_next("POST", "/webhooks/{w}/{t}", status=status, code=code)
    assert await converse(fake, model, noor, tavern, "Hello", "Plain.") == "**Maren**\nPlain."
    assert speakers(fake, tavern) == ["Maren", "Troupe"]


async def test_a_webhook_that_is_deleted_in_mid_reply_loses_and_doubles_nothing(
    bot, fake, model, noor, tavern
):
    fake.deny(tavern, "manage_messages")
    await play(noor, tavern, "maren")
    frozen = await begin_long_reply(fake, model, noor, tavern)
    tavern.webhooks[0].delete()
    await fake.wait_for(
        lambda: bot_messages(fake, tavern)[-1].content.endswith("Number59."), what="the rest"
    )
    said = bot_messages(fake, tavern)
    assert [message.author.name for message in said] == ["Maren", "Maren", "Troupe"]
    assert said[1] is frozen
    rest = said[2].content.removeprefix("**Maren**\n")
    assert rest != said[2].content
    assert f"{frozen.content} {rest}" == LONG
    model.piece_delay = 0.0
    await converse(fake, model, noor, tavern, "Go on", "With a new face.")
    assert speakers(fake, tavern)[-1] == "Maren"
    assert f"Maren: {LONG}\n" in model.prompts[-1]


async def test_deleting_any_message_of_a_reply_with_two_voices_is_noticed(
    bot, fake, model, guild, noor, tavern
):
    await play(noor, tavern, "maren")
    said = await begin_long_reply(fake, model, noor, tavern)
    tavern.webhooks[0].delete()
    question = next(each for each in tavern.messages if each.content == "Count.")
    await fake.wait_for(lambda: speakers(fake, tavern)[-1] == "Troupe", what="the own voice")
    await noor.delete(question)
    await fake.wait_for(lambda: len(bot_messages(fake, tavern)) == 1, what="the reply to go")
    assert said.deleted, "the bot may manage messages here"


async def test_a_line_of_a_lost_webhook_does_not_stay_beside_the_reply(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    model.loading = True
    await noor.say(tavern, "Hello?")
    await fake.wait_for(
        lambda: "by itself" in bot_messages(fake, tavern)[-1].content, what="the plain line"
    )
    tavern.webhooks[0].delete()
    model.replies.append("Awake.")
    model.loading = False
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == "**Maren**\nAwake.", what="the answer"
    )
    assert speakers(fake, tavern) == ["Maren", "Troupe"]


async def test_a_webhook_that_was_moved_never_speaks_elsewhere(
    bot, fake, model, guild, noor, tavern
):
    elsewhere = guild.add_channel("elsewhere")
    await play(noor, tavern, "maren")
    (webhook,) = tavern.webhooks
    tavern.webhooks.remove(webhook)
    elsewhere.webhooks.append(webhook)
    webhook.channel = elsewhere
    assert await converse(fake, model, noor, tavern, "Hello", "Here.") == "**Maren**\nHere."
    assert elsewhere.messages == []
    await converse(fake, model, noor, tavern, "And?", "A new one.")
    assert len(tavern.webhooks) == 1
    assert speakers(fake, tavern) == ["Maren", "Troupe", "Maren"]


async def test_a_reply_begun_under_one_name_goes_on_under_another_after_a_restart(
    bot, fake, model, noor, tavern
):
    fake.deny(tavern, "manage_webhooks")
    await play(noor, tavern, "maren")
    half = await begin_long_reply(fake, model, noor, tavern)
    await bot.stop()
    fake.allow(tavern, "manage_webhooks")
    model.piece_delay = 0.0
    model.replies[:] = ["All of it."]
    await bot.start()
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == "**Maren**\nAll of it.", what="the answer"
    )
    assert half.deleted
    assert speakers(fake, tavern) == ["Troupe", "Maren"]


async def test_a_killed_process_goes_on_in_the_half_written_message(
    fake, model, noor, tavern, tmp_path
):
    process = BotProcess(
        fake, tmp_path, TROUPE_ENGINE__KIND="llama_server", TROUPE_ENGINE__URL=model.url
    )
    await process.start()
    await play(noor, tavern, "maren")
    half = await begin_long_reply(fake, model, noor, tavern)
    await fake.wait_for(lambda: half.edits, what="an edit: the message is noted for sure")
    process.process.kill()
    await process.ended()
    model.piece_delay = 0.0
    model.replies[:] = ["The whole of it."]
    await process.start()
    await fake.wait_for(lambda: half.content == "The whole of it.", timeout=20, what="the reply")
    process.process.kill()
    await process.ended()
    assert half.author.name == "Maren"
    assert len(bot_messages(fake, tavern)) == 2
    assert len(tavern.webhooks) == 1


async def test_a_webhooks_token_is_never_logged(bot, fake, model, noor, tavern, caplog):
    caplog.set_level(logging.DEBUG, logger="bot")
    await play(noor, tavern, "maren")
    fake.fail_next("POST", "/webhooks/{w}/{t}", status=500, times=2)
    fake.fail_next("PATCH", "/webhooks/{w}/{t}/messages/{m}", status=502, times=2)
    await begin_long_reply(fake, model, noor, tavern)
    await fake.wait_for(
        lambda: bot_messages(fake, tavern)[-1].content == LONG, timeout=15, what="the whole text"
    )
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("bot")]
    assert any("an edit failed: 502" in message for message in ours)
    assert tavern.webhooks[0].token not in "".join(ours)


async def test_a_greeting_is_not_lost_with_its_webhook(bot, fake, noor, tavern):
    fake.fail_next("POST", "/webhooks/{w}/{t}", status=401, code=50027)
    assert "Maren is here" in await play(noor, tavern, "maren")
    assert speakers(fake, tavern) == ["Troupe"]
    assert persona_texts(fake, tavern)[0].startswith("**Maren**\n")


async def test_a_webhook_that_is_deleted_again_and_again_is_given_up(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    fake.fail_next("POST", "/webhooks/{w}/{t}", status=404, code=10015, times=2)
    assert await converse(fake, model, noor, tavern, "Hello", "Plain.") == "**Maren**\nPlain."
    assert speakers(fake, tavern) == ["Maren", "Troupe"]


async def test_a_line_goes_also_when_its_webhook_is_gone(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.loading = True
    said = await noor.say(tavern, "Hello?")
    await fake.wait_for(
        lambda: "by itself" in bot_messages(fake, tavern)[-1].content, what="the plain line"
    )
    tavern.webhooks[0].delete()
    await noor.delete(said)
    await fake.wait_for(lambda: len(bot_messages(fake, tavern)) == 1, what="the line to go")


async def test_a_message_that_was_not_confirmed_is_found_without_the_right_to_read_history(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    fake.deny(tavern, "read_message_history")
    fake.fail_next("POST", "/webhooks/{w}/{t}", status=500, carried_out=True)
    await converse(fake, model, noor, tavern, "Hello", "Once only.")
    await converse(fake, model, noor, tavern, "And?", "That is all.")
    assert persona_texts(fake, tavern)[1:] == ["**Maren**\nOnce only.", "**Maren**\nThat is all."]


async def test_an_earlier_reply_in_the_same_words_is_not_taken_for_an_unconfirmed_one(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    await converse(fake, model, noor, tavern, "Hello", "Hm.")
    fake.fail_next("POST", "/webhooks/{w}/{t}", status=500)
    await converse(fake, model, noor, tavern, "Hello?", "Hm.")
    assert persona_texts(fake, tavern)[1:] == ["**Maren**\nHm.", "**Maren**\nHm."]


async def test_a_refused_list_of_webhooks_is_as_good_as_no_permission(
    bot, fake, model, noor, tavern, caplog
):
    fake.fail_next("GET", "/channels/{c}/webhooks", status=403, times=2)
    await play(noor, tavern, "maren")
    assert await converse(fake, model, noor, tavern, "Hello", "Plain.") == "**Maren**\nPlain."
    assert speakers(fake, tavern) == ["Troupe", "Troupe"]
    assert caplog.text.count("Manage Webhooks") == 1
