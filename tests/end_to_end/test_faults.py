"""What people see when something breaks: nothing is lost, and one plain line at most."""

import asyncio

import pytest
from discord import Client

from tests.end_to_end.conftest import RunningBot
from tests.end_to_end.test_scenes import converse, hear_line, persona_texts, play
from tests.end_to_end.test_streaming import bot_messages


async def test_a_restart_in_mid_scene_goes_on_with_the_same_prompt(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    for number in range(3):
        await converse(fake, model, noor, tavern, f"Question {number}?", f"Answer {number}.")
    model.replies.append("Before.")
    model.hold()
    await noor.say(tavern, "The last question?")
    await model.wait_for(lambda: len(model.prompts) == 4, what="the prompt")
    await bot.stop()
    model.release()
    model.replies[:] = ["After the restart."]
    await bot.start()
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == "**Maren**\nAfter the restart.",
        what="the answer that was owed",
    )
    assert model.prompts[4] == model.prompts[3]


async def test_a_restart_after_a_block_trim_builds_the_same_prompt(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    number = 0
    while "\nNoor: opening" in (model.prompts or ["\nNoor: opening"])[-1] or number < 2:
        text = "opening" if number == 0 else f"line {number} " + "and on " * 30
        await converse(fake, model, noor, tavern, text, f"Reply {number}.")
        number += 1
        assert number < 60, "the window never filled"
    model.replies.append("Not finished")
    model.hold()
    await noor.say(tavern, "Once more")
    count = len(model.prompts)
    await model.wait_for(lambda: len(model.prompts) == count + 1, what="the prompt")
    await bot.stop()
    model.release()
    model.replies[:] = ["Finished."]
    await bot.start()
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == "**Maren**\nFinished.", what="the answer"
    )
    assert model.prompts[-1] == model.prompts[-2]


async def test_a_reply_that_a_crash_cut_goes_on_in_the_same_message(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.replies.append(" ".join(f"Number{n}." for n in range(80)))
    model.piece_delay = 0.05  # four seconds: the bot does not wait that long when it ends
    await noor.say(tavern, "Count")
    await fake.wait_for(lambda: len(bot_messages(fake, tavern)) == 2, what="the first words")
    await bot.stop()
    model.piece_delay = 0.0
    model.replies[:] = ["Seven, and that is all."]
    await bot.start()
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == "**Maren**\nSeven, and that is all.",
        what="the whole answer",
    )
    assert len(bot_messages(fake, tavern)) == 2


async def test_a_dead_engine_is_said_in_one_line_and_the_answer_comes_by_itself(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    model.replies += ["Half of this will not", "All of it."]
    model.cut_next(after_pieces=2)
    model.loading = True
    await noor.say(tavern, "Hello")
    await fake.wait_for(
        lambda: "by itself" in persona_texts(fake, tavern)[-1], what="the plain line"
    )
    model.loading = False
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == "**Maren**\nAll of it.", what="the answer"
    )
    assert len(bot_messages(fake, tavern)) == 2


async def test_a_failed_generation_is_one_plain_line_and_the_next_one_works(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    model.fail_next(status=500)
    said = await hear_line(fake, noor, tavern, "Hello", "*That answer failed.")
    assert "500" not in said
    assert await converse(fake, model, noor, tavern, "Again", "Better.") == "**Maren**\nBetter."


async def test_a_message_larger_than_the_window_is_refused_in_words(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.context_length = 512
    await hear_line(fake, noor, tavern, "a b " * 490, "more than the model can take in")
    assert model.prompts == []


async def test_a_429_on_an_edit_loses_nothing(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    text = " ".join(f"word{n}." for n in range(60))
    model.replies.append(text)
    model.piece_delay = 0.005
    fake.fail_next("PATCH", "/webhooks/{w}/{t}/messages/{m}", status=429, times=2, retry_after=0.2)
    await noor.say(tavern, "Tell me")
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == f"**Maren**\n{text}", what="the whole text"
    )
    edits = fake.requests_to("PATCH", "/webhooks/{w}/{t}/messages/{m}")
    assert sum(request.status == 429 for request in edits) == 2


async def test_a_reply_that_is_deleted_while_it_is_written_breaks_nothing(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    model.replies.append("One. Two. Three. Four. Five. Six. Seven. Eight.")
    model.piece_delay = 0.02
    await noor.say(tavern, "Count")
    await fake.wait_for(lambda: len(bot_messages(fake, tavern)) == 2, what="the first words")
    reply = bot_messages(fake, tavern)[-1]
    await noor.delete(reply) if reply.author.id == noor.id else await bot_delete(fake, reply)
    await model.wait_for(lambda: model.running == 0, what="the end of the generation")
    model.piece_delay = 0.0
    model.replies.append("Still here.")
    await noor.say(tavern, "Hello?")
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == "**Maren**\nStill here.", what="the next reply"
    )


async def bot_delete(fake, message):
    manager = message.channel.guild.add_member("Manager", manage_guild=True)
    await manager.delete(message)


async def test_an_event_that_comes_twice_is_answered_once(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    fake.repeat_next("MESSAGE_CREATE")
    await converse(fake, model, noor, tavern, "Hello")
    await asyncio.sleep(0.15)
    assert len(model.prompts) == 1
    assert model.prompts[0].count("Noor: Hello") == 1


async def test_a_dropped_socket_is_resumed_and_what_was_said_meanwhile_is_answered(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    await fake.drop_socket()
    model.replies.append("I heard that.")
    await noor.say(tavern, "Can you hear me?")
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == "**Maren**\nI heard that.",
        timeout=10,
        what="the answer",
    )
    assert fake.resumes >= 1
    assert len(model.prompts) == 1


async def test_a_socket_dropped_in_mid_reply_does_not_disturb_the_reply(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    text = "One. Two. Three. Four. Five. Six. Seven. Eight."
    model.replies.append(text)
    model.piece_delay = 0.02
    await noor.say(tavern, "Count")
    await fake.wait_for(lambda: len(bot_messages(fake, tavern)) == 2, what="the first words")
    await fake.drop_socket()
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == f"**Maren**\n{text}", what="the whole text"
    )


async def test_a_lost_session_is_opened_anew(bot, fake, model, noor, tavern, monkeypatch):
    async def at_once(self, shard_id, *, initial=False):
        return None

    monkeypatch.setattr(Client, "before_identify_hook", at_once)  # it waits five seconds
    await play(noor, tavern, "maren")
    identifies = fake.identifies
    await fake.invalidate_session(resumable=False)
    await fake.wait_for(lambda: fake.identifies > identifies, timeout=15, what="a new session")
    await fake.wait_ready()
    assert (await converse(fake, model, noor, tavern, "Hello")).startswith("**Maren**\n")


async def test_without_permission_to_write_play_says_what_is_missing(
    bot, fake, guild, noor, tavern
):
    fake.deny(tavern, "send_messages")
    answer = await (await noor.slash(tavern, "play", persona="maren")).answer()
    assert "I may not write in this channel" in answer.content
    assert tavern.messages == []


@pytest.mark.parametrize("times", [1, 2])
async def test_a_server_error_of_discord_on_the_last_edit_loses_no_words(
    bot, fake, model, noor, tavern, times
):
    await play(noor, tavern, "maren")
    model.replies.append("First. Second. Third. Fourth.")
    model.piece_delay = 0.03
    await noor.say(tavern, "Count")
    await fake.wait_for(lambda: len(bot_messages(fake, tavern)) == 2, what="the first words")
    fake.fail_next("PATCH", "/webhooks/{w}/{t}/messages/{m}", status=503, times=times)
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == "**Maren**\nFirst. Second. Third. Fourth.",
        timeout=10,
        what="the whole text",
    )


async def test_a_prompt_that_kills_the_engine_each_time_is_given_up_in_one_line(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    for _ in range(3):
        model.replies.append("This will not get far at all")
        model.cut_next(after_pieces=1)
    await hear_line(fake, noor, tavern, "Boom", "*The model stopped each time")
    assert len(model.prompts) == 3
    said = await converse(fake, model, noor, tavern, "Anybody there?", "Still here.")
    assert said == "**Maren**\nStill here."
    assert len(bot_messages(fake, tavern)) == 3  # greeting, the line, the answer


async def test_nothing_is_written_for_a_channel_that_must_not_be_written_in(
    bot, fake, model, noor, tavern, caplog
):
    await play(noor, tavern, "maren")
    fake.deny(tavern, "send_messages")
    await noor.say(tavern, "Can you speak?")
    async with asyncio.timeout(5):
        while "no channel to write in" not in caplog.text:
            await asyncio.sleep(0.01)
    assert model.prompts == []
    fake.allow(tavern, "send_messages")
    said = await converse(fake, model, noor, tavern, "And now?", "Both heard.")
    assert said == "**Maren**\nBoth heard."
    assert "Noor: Can you speak?\n\n### Input:\nNoor: And now?\n" in model.prompts[-1]


async def test_a_short_trouble_of_discord_loses_no_finished_words(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    fake.fail_next("POST", "/webhooks/{w}/{t}", status=503, times=5)
    said = await converse(fake, model, noor, tavern, "Hello", "Late but whole.")
    assert said == "**Maren**\nLate but whole."
    assert len(model.prompts) == 1


async def test_a_message_whose_answer_got_lost_is_not_posted_twice(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    fake.fail_next("POST", "/webhooks/{w}/{t}", status=503, carried_out=True)
    await converse(fake, model, noor, tavern, "Hello", "Once only.")
    await fake.wait_for(
        lambda: fake.requests_to("GET", "/channels/{c}/messages"), what="the look for it"
    )
    await converse(fake, model, noor, tavern, "And?", "And that is all.")
    assert persona_texts(fake, tavern).count("**Maren**\nOnce only.") == 1
    assert len(bot_messages(fake, tavern)) == 3


async def test_a_deleted_channel_is_not_answered_again_at_every_start(
    bot, fake, model, guild, noor, tavern
):
    await play(noor, tavern, "maren")
    model.hold()
    await noor.say(tavern, "Hello?")
    await model.wait_for(lambda: model.running == 1, what="the generation")
    await bot.stop()
    fake.remove_channel(tavern)
    model.release()
    await bot.start()
    await model.wait_for(lambda: len(model.prompts) == 2 and model.running == 0, what="one try")
    await fake.wait_for(
        lambda: any(request.status == 404 for request in fake.requests), what="the refusal"
    )
    await asyncio.sleep(0.2)
    await bot.restart()
    await asyncio.sleep(0.3)
    assert len(model.prompts) == 2


async def test_typing_that_is_held_back_does_not_hold_the_reply_back(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    fake.fail_next("POST", "/channels/{c}/typing", status=429, retry_after=30)
    await converse(fake, model, noor, tavern, "Hello", "At once.")


async def test_a_greeting_that_does_not_arrive_leaves_no_scene(bot, fake, model, noor, tavern):
    fake.fail_next("POST", "/webhooks/{w}/{t}", status=503, times=3)
    answer = await (await noor.slash(tavern, "play", persona="maren")).answer()
    assert answer.content.startswith("That did not work.")
    await play(noor, tavern, "maren")
    assert len(bot_messages(fake, tavern)) == 1


async def test_an_endless_name_is_refused_in_words(bot, noor, tavern):
    answer = await (await noor.slash(tavern, "play", persona="x" * 3000)).answer()
    assert answer.content.startswith("I know no persona called")


async def test_a_scene_whose_persona_is_gone_says_so(bot, fake, model, noor, tavern, tmp_path):
    folder = tmp_path / "cards"
    folder.mkdir()
    card = folder / "orrin.json"
    card.write_text('{"name": "Orrin", "description": "A clerk.", "first_mes": "Next!"}')
    await bot.stop()
    bot.settings = bot.settings.model_copy(update={"persona_folder": folder})
    await bot.start()
    await play(noor, tavern, "orrin")
    card.unlink()
    await bot.restart()
    await hear_line(fake, noor, tavern, "Hello?", "“orrin”, is no longer here")
    assert "Maren" in await play(noor, tavern, "maren")


async def test_commands_are_answered_while_the_model_loads_and_the_answer_comes_by_itself(
    fake, model, settings, noor, tavern
):
    model.loading = True
    bot = RunningBot(settings, fake)
    await bot.start()
    try:
        await play(noor, tavern, "maren")
        helped = await (await noor.slash(tavern, "help")).answer()
        assert "/play" in helped.content
        await hear_line(fake, noor, tavern, "Hello?", "by itself")
        model.replies.append("Awake now.")
        model.loading = False
        await fake.wait_for(
            lambda: persona_texts(fake, tavern)[-1] == "**Maren**\nAwake now.", what="the answer"
        )
    finally:
        await bot.stop()


async def test_as_many_replies_at_once_as_the_engine_has_slots(bot, fake, model, guild, noor):
    channels = [guild.add_channel(f"room-{number}") for number in range(4)]
    model.default_reply = "Served."
    model.hold()
    for channel in channels:
        await play(noor, channel, "maren")
        await noor.say(channel, "Hello")
    await model.wait_for(lambda: model.running == 2, what="two generations")
    await asyncio.sleep(0.3)
    assert model.running == 2
    model.release()
    for channel in channels:
        await fake.wait_for(
            lambda channel=channel: persona_texts(fake, channel)[-1] == "**Maren**\nServed.",
            what="every answer",
        )
    assert model.most_running == 2
