"""Scenes as people see them: who answers where, with what, and in which words."""

import asyncio

from tests.end_to_end.conftest import RunningBot
from tests.fake_discord import FakeDiscord


def texts(channel):
    return [message.content for message in channel.messages]


def is_ours(fake, message):
    """Whether the bot said it, itself or through a webhook of its application."""
    by_webhook = message.webhook_id and message.application_id == fake.application_id
    return bool(by_webhook) or message.author.id == fake.bot_user.id


def read(message):
    """What is seen of a message: a webhook's name stands over its words, the bot's is left out."""
    return (
        f"**{message.author.name}**\n{message.content}" if message.webhook_id else message.content
    )


def persona_texts(fake, channel):
    return [read(message) for message in channel.messages if is_ours(fake, message)]


async def play(member, channel, persona):
    answer = await (await member.slash(channel, "play", persona=persona)).answer()
    assert answer.ephemeral
    return answer.content


async def hear_line(fake, member, channel, text, line):
    """Say something that cannot be answered and wait for the plain line."""
    await member.say(channel, text)
    await fake.wait_for(
        lambda: line in persona_texts(fake, channel)[-1], what=f"the line for {text!r}"
    )
    return persona_texts(fake, channel)[-1]


async def converse(fake, model, member, channel, text, reply="Hm."):
    """Say something and wait until the whole reply is shown; returns what is shown."""
    before = len(persona_texts(fake, channel))
    model.replies.append(reply)
    await member.say(channel, text)
    await fake.wait_for(
        lambda: (
            len(persona_texts(fake, channel)) > before
            and persona_texts(fake, channel)[-1].endswith(reply)
        ),
        what=f"the answer to {text!r}",
    )
    return persona_texts(fake, channel)[-1]


async def test_ten_messages_in_two_channels_go_to_two_personas(bot, fake, model, guild, noor):
    tavern, bridge = guild.add_channel("tavern"), guild.add_channel("bridge")
    await play(noor, tavern, "maren")
    await play(noor, bridge, "grumbold")
    assert persona_texts(fake, tavern)[0].startswith("**Maren**\n")
    assert "Noor" in persona_texts(fake, tavern)[0]  # the greeting's {{user}}
    for number in range(5):
        said = await converse(
            fake, model, noor, tavern, f"lamp {number}", f"Light number {number}."
        )
        assert said == f"**Maren**\nLight number {number}."
        said = await converse(
            fake, model, noor, bridge, f"riddle {number}", f"Riddle number {number}."
        )
        assert said == f"**Grumbold**\nRiddle number {number}."
    assert model.prompts[-2].endswith("### Response: (length = medium)\nMaren:")
    assert model.prompts[-1].endswith("### Response: (length = medium)\nGrumbold:")
    assert "riddle" not in model.prompts[-2]
    assert "lamp 4" not in model.prompts[-1]
    assert "Maren: Light number 3.\n\n### Input:\nNoor: lamp 4\n" in model.prompts[-2]


async def test_a_switch_in_one_channel_leaves_the_others_alone(bot, fake, model, guild, noor):
    tavern, bridge = guild.add_channel("tavern"), guild.add_channel("bridge")
    await play(noor, tavern, "maren")
    await play(noor, bridge, "maren")
    await play(noor, bridge, "unit-seven")
    assert (await converse(fake, model, noor, bridge, "Hello", "Beep.")).startswith(
        "**Unit Seven**\n"
    )
    assert (await converse(fake, model, noor, tavern, "Hello", "Mind the cat.")).startswith(
        "**Maren**\n"
    )


async def test_an_earlier_scene_goes_on_when_its_persona_comes_back(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    await converse(fake, model, noor, tavern, "What shall I remember?", "Remember the lamp.")
    await play(noor, tavern, "grumbold")
    assert "goes on where it stopped" in await play(noor, tavern, "maren")
    await converse(fake, model, noor, tavern, "I am back")
    assert "Maren: Remember the lamp." in model.prompts[-1]
    assert "already playing" in await play(noor, tavern, "maren")


async def test_names_are_completed_as_they_are_typed(bot, noor, tavern):
    assert await noor.autocomplete(tavern, "play", "persona", "gr") == [("Grumbold", "grumbold")]
    everybody = await noor.autocomplete(tavern, "persona show", "persona", "")
    assert len(everybody) == 6


async def test_an_unknown_persona_is_refused_with_the_nearest(bot, noor, tavern):
    answer = await (await noor.slash(tavern, "play", persona="grumbolt")).answer()
    assert answer.ephemeral
    assert "Grumbold" in answer.content or "grumbold" in answer.content
    assert tavern.messages == []


async def test_outside_of_scenes_only_those_who_address_the_bot_are_answered(
    bot, fake, model, noor, tavern
):
    await noor.say(tavern, "just talking")
    model.replies.append("You called?")
    await noor.say(tavern, "Good evening", mention_bot=True)
    await fake.wait_for(lambda: persona_texts(fake, tavern), what="an answer to the mention")
    assert "### Input:\nNoor: Good evening\n" in model.prompts[-1]
    assert "just talking" not in model.prompts[-1]
    await noor.say(tavern, "talking on")
    model.replies.append("I did say that.")
    await noor.say(tavern, "Did you?", reply_to=tavern.messages[-2])
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 2, what="the second answer")
    assert "talking on" not in model.prompts[-1]
    assert len(model.prompts) == 2


async def test_a_mention_without_words_gets_a_hint(bot, fake, model, noor, tavern):
    await noor.say(tavern, "", mention_bot=True)
    await fake.wait_for(lambda: persona_texts(fake, tavern), what="the hint")
    assert "/play" in persona_texts(fake, tavern)[0]
    assert model.prompts == []


async def test_direct_messages_are_answered_by_the_default_persona(bot, fake, model, noor):
    dm = fake.add_dm(noor)
    assert (
        await converse(fake, model, noor, dm, "Anybody home?", "Up here.") == "**Maren**\nUp here."
    )


async def test_a_thread_has_a_scene_of_its_own(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    thread = tavern.add_thread("aside")
    await play(noor, thread, "tilda-brass")
    assert (await converse(fake, model, noor, thread, "What is it?", "Springs!")).startswith(
        "**Tilda Brass**\n"
    )
    assert len(persona_texts(fake, tavern)) == 1


async def test_out_of_character_messages_are_not_part_of_the_story(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    await noor.say(tavern, "((brb, dinner))")
    await noor.say(tavern, "// who is this?")
    await converse(fake, model, noor, tavern, "Hello")
    assert len(model.prompts) == 1
    assert "dinner" not in model.prompts[0]
    assert "who is this" not in model.prompts[0]


async def test_a_burst_of_messages_is_one_answer(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    for text in ("Wait.", "I forgot.", "The lamp is out!"):
        await noor.say(tavern, text)
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 2, what="the answer")
    assert len(model.prompts) == 1
    assert model.prompts[0].count("### Input:\nNoor: ") >= 3
    assert "Noor: The lamp is out!\n\n### Response:" in model.prompts[0]


async def test_what_comes_during_a_reply_is_answered_after_it_and_in_order(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    model.replies += ["First answer.", "Second answer."]
    model.hold()
    await noor.say(tavern, "First question?")
    await model.wait_for(lambda: model.running == 1, what="the first generation")
    await noor.say(tavern, "Second question?")
    await asyncio.sleep(0.1)  # longer than messages are gathered: it must not start a second one
    assert model.running == 1
    model.release()
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 3, what="two answers")
    assert model.most_running == 1
    assert (
        "Noor: First question?\n\n### Response:\nMaren: First answer.\n\n"
        "### Input:\nNoor: Second question?\n" in model.prompts[1]
    )


async def test_what_is_said_after_a_switch_is_answered_by_the_new_persona_only(
    bot, fake, model, noor, tavern
):
    await play(noor, tavern, "maren")
    model.replies += ["A long tale. " * 30, "Grumbold hears."]
    model.piece_delay = 0.02
    await noor.say(tavern, "Tell me a tale.")
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 2, what="the first words")
    await noor.say(tavern, "And another one!")
    assert "is here" in await play(noor, tavern, "grumbold")
    model.piece_delay = 0.0
    await noor.say(tavern, "Hello Grumbold!")
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == "**Grumbold**\nGrumbold hears.",
        what="the new persona's answer",
    )
    assert len(model.prompts) == 2
    assert sum(text.startswith("**Maren**") for text in persona_texts(fake, tavern)) == 2


async def test_two_first_direct_messages_at_once_are_one_scene(bot, fake, model, noor):
    dm = fake.add_dm(noor)
    model.default_reply = "Both."
    await asyncio.gather(noor.say(dm, "Hello."), noor.say(dm, "My name is Alba."))
    await fake.wait_for(lambda: persona_texts(fake, dm), what="the answer")
    assert len(model.prompts) == 1
    assert "Hello." in model.prompts[0]
    assert "My name is Alba." in model.prompts[0]


async def test_a_busy_channel_is_answered_without_a_pause(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.replies.append("I got a word in.")
    for number in range(40):
        await noor.say(tavern, f"chatter {number}")
        await asyncio.sleep(0.01)
        if model.prompts:
            break
    assert model.prompts, "four seconds of chatter at full pace without an answer"


async def test_length_words_reach_the_prompt(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    await (await noor.slash(tavern, "length", word="tiny")).answer()
    await converse(fake, model, noor, tavern, "Hello")
    assert model.prompts[-1].endswith("### Response: (length = tiny)\nMaren:")
    await (await noor.slash(tavern, "length", word="auto")).answer()
    await converse(fake, model, noor, tavern, "Hello again")
    assert model.prompts[-1].endswith("### Response:\nMaren:")


async def test_a_reset_asks_first_and_begins_anew(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    await converse(fake, model, noor, tavern, "My name is Noor.")
    question = await noor.slash(tavern, "scene reset")
    assert (await question.answer()).ephemeral
    kept = await noor.press(question, label="Keep it")
    assert "Nothing was changed" in (await kept.answer()).content
    question = await noor.slash(tavern, "scene reset")
    await question.answer()
    await (await noor.press(question, label="Begin anew")).answer()
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 3, what="a new greeting")
    await converse(fake, model, noor, tavern, "Who am I?")
    assert "My name is Noor." not in model.prompts[-1]


async def test_only_the_opener_or_a_manager_may_reset(bot, fake, guild, noor, tavern):
    other = guild.add_member("Tomas")
    manager = guild.add_member("Ilse", manage_guild=True)
    await play(noor, tavern, "maren")
    refused = await (await other.slash(tavern, "scene reset")).answer()
    assert refused.content.startswith("Only Noor")
    asked = await (await manager.slash(tavern, "scene reset")).answer()
    assert asked.components


async def test_stop_keeps_what_was_said_so_far(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.replies.append("One two three four. " * 12)
    model.piece_delay = 0.01
    await noor.say(tavern, "Count.")
    await fake.wait_for(lambda: len(persona_texts(fake, tavern)) == 2, what="the first words")
    answer = await (await noor.slash(tavern, "stop")).answer()
    assert answer.content == "Stopped."
    await model.wait_for(lambda: model.running == 0, what="the model to be free")
    model.piece_delay = 0.0
    await converse(fake, model, noor, tavern, "Go on.")
    stopped_at = persona_texts(fake, tavern)[1].removeprefix("**Maren**\n")
    assert "One two" in stopped_at
    assert len(stopped_at) < 200
    assert f"Maren: {stopped_at}\n\n### Input:\nNoor: Go on." in model.prompts[-1]


async def test_stop_with_nothing_to_stop_says_so(bot, noor, tavern):
    answer = await (await noor.slash(tavern, "stop")).answer()
    assert answer.content == "Nothing is being written here."


async def test_nobody_is_pinged_whatever_the_model_writes(
    bot, fake: FakeDiscord, model, noor, tavern
):
    await play(noor, tavern, "maren")
    said = await converse(fake, model, noor, tavern, "Call them", f"@everyone look, <@{noor.id}>!")
    assert "@everyone" in said
    assert fake.pings == []


async def test_every_command_is_registered_once_with_a_description(bot, fake):
    assert set(fake.commands) == {
        "play", "length", "stop", "status", "help", "persona", "scene", "regenerate", "continue",
    }  # fmt: skip


async def test_a_sharded_bot_plays_as_well(fake, model, settings, noor, tavern):
    sharded = RunningBot(settings.model_copy(update={"discord_shards": 1}), fake)
    await sharded.start()
    try:
        await play(noor, tavern, "maren")
        said = await converse(fake, model, noor, tavern, "Hello", "From a shard.")
        assert said == "**Maren**\nFrom a shard."
    finally:
        await sharded.stop()


async def test_personas_are_listed_and_shown_privately(bot, noor, tavern):
    listed = await (await noor.slash(tavern, "persona list")).answer()
    assert listed.ephemeral
    assert listed.content.count("\n- **") == 6
    assert "- **Captain Isolde**: " in listed.content
    shown = await (await noor.slash(tavern, "persona show", persona="Maren")).answer()
    assert shown.ephemeral
    assert shown.content.startswith("**Maren**\n")
    assert "{{" not in shown.content
    assert "Noor" in shown.content  # the scenario's {{user}}
    assert tavern.messages == []


async def test_a_long_list_of_personas_says_how_many_are_left(
    fake, settings, noor, tavern, tmp_path
):
    folder = tmp_path / "cards"
    folder.mkdir()
    for number in range(60):
        card = f'{{"name": "Extra {number}", "description": "{"word " * 30}", "first_mes": ""}}'
        (folder / f"extra-{number}.json").write_text(card)
    many = RunningBot(settings.model_copy(update={"persona_folder": folder}), fake)
    await many.start()
    try:
        listed = await (await noor.slash(tavern, "persona list")).answer()
        assert len(listed.content) <= 2000
        shown = listed.content.count("\n- **")
        assert f"…and {66 - shown} more." in listed.content
        assert len(await noor.autocomplete(tavern, "play", "persona", "extra")) == 25
        played = await play(noor, tavern, "extra-7")
        assert "Extra 7 is here" in played
        assert tavern.messages == []  # a card without a greeting posts none
    finally:
        await many.stop()


async def test_stop_before_the_first_word_leaves_nothing(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    model.hold()
    await noor.say(tavern, "Never mind.")
    await model.wait_for(lambda: model.running == 1, what="the generation")
    assert (await (await noor.slash(tavern, "stop")).answer()).content == "Stopped."
    await model.wait_for(lambda: model.running == 0, what="the model to be free")
    model.release()
    await converse(fake, model, noor, tavern, "Go on.", "Gladly.")
    assert len(persona_texts(fake, tavern)) == 2
    assert "Noor: Never mind.\n\n### Input:\nNoor: Go on." in model.prompts[-1]
