"""Alternatives of a reply, as people see them: the row, the panel, what the model is given."""

import pytest

from tests.end_to_end.test_scenes import converse, is_ours, persona_texts, play, read


def row(message):
    """Labels of the buttons under a message; those that cannot be pressed in brackets."""
    return [f"({button.label})" if button.disabled else button.label for button in message.buttons]


@pytest.fixture
async def replied(bot, fake, model, noor, tavern):
    """A scene with one reply; returns its message."""
    await play(noor, tavern, "maren")
    await converse(fake, model, noor, tavern, "Is the lamp lit?", "First answer.")
    return await finished(fake, tavern)


async def finished(fake, channel):
    """The newest message of the persona's, when its row is there."""

    def newest():
        return next(message for message in reversed(channel.messages) if is_ours(fake, message))

    await fake.wait_for(lambda: "↻" in row(newest()), what="the row")
    return newest()


async def shows(fake, message, text, place):
    await fake.wait_for(
        lambda: message.content.endswith(text) and f"({place})" in row(message),
        what=f"{text!r} at {place}",
    )


async def test_only_the_newest_reply_has_a_row(fake, model, noor, tavern, replied):
    assert row(replied) == ["(◀)", "(1/1)", "▶", "↻", "⋯"]
    greeting = tavern.messages[0]
    await fake.wait_for(lambda: not greeting.components, what="the greeting's row to go")
    await converse(fake, model, noor, tavern, "And now?", "Second reply.")
    await fake.wait_for(lambda: not replied.components, what="the older row to go")


async def test_the_last_arrow_makes_another_and_the_story_follows_what_is_shown(
    fake, model, noor, tavern, replied
):
    model.replies.append("Other answer.")
    await noor.press(replied, label="▶")
    await shows(fake, replied, "Other answer.", "2/2")
    assert model.prompts[-1] == model.prompts[-2], "it is written from the same story"
    await noor.press(replied, label="◀")
    await shows(fake, replied, "First answer.", "1/2")
    await converse(fake, model, noor, tavern, "Go on", "So.")
    assert "Maren: First answer." in model.prompts[-1]
    assert "Other answer." not in model.prompts[-1]


async def test_alternatives_outlive_a_restart(bot, fake, model, noor, tavern, replied):
    model.replies.append("Other answer.")
    await noor.press(replied, label="↻")
    await shows(fake, replied, "Other answer.", "2/2")
    await bot.restart()
    await noor.press(replied, label="◀")
    await shows(fake, replied, "First answer.", "1/2")
    await noor.press(replied, label="▶")
    await shows(fake, replied, "Other answer.", "2/2")


async def test_an_alternative_that_was_being_written_is_written_after_a_restart(
    bot, fake, model, noor, tavern, replied
):
    model.hold()
    await noor.press(replied, label="↻")
    await model.wait_for(lambda: model.running == 1, what="the generation")
    await bot.stop()
    model.release()
    model.replies.append("After the restart.")
    await bot.start()
    await shows(fake, replied, "After the restart.", "2/2")


async def test_two_who_press_at_once_get_one_alternative(fake, model, guild, noor, tavern, replied):
    model.hold()
    model.replies.append("Other answer.")
    presses = [await noor.press(replied, label="▶") for _ in range(2)]
    await model.wait_for(lambda: model.running == 1, what="the generation")
    model.release()
    await shows(fake, replied, "Other answer.", "2/2")
    lines = [line.content for press in presses for line in press.messages if line.ephemeral]
    assert len(lines) == 1
    assert "already" in lines[0]
    assert len(model.prompts) == 2


async def test_somebody_else_may_not(fake, model, guild, noor, tavern, replied):
    ada = guild.add_member("Ada")
    answer = await (await ada.press(replied, label="↻")).answer()
    assert answer.ephemeral
    assert "Noor, who opened this scene" in answer.content
    assert len(model.prompts) == 1


async def test_a_failed_alternative_leaves_the_reply_and_tells_who_asked(
    fake, model, noor, tavern, replied
):
    model.fail_next(status=500)
    press = await noor.press(replied, label="↻")
    await fake.wait_for(
        lambda: any(line.ephemeral for line in press.messages), what="the private line"
    )
    await shows(fake, replied, "First answer.", "1/1")


async def test_more_of_a_reply_is_an_alternative_that_begins_like_it(
    fake, model, noor, tavern, replied
):
    panel = await (await noor.press(replied, label="⋯")).answer()
    assert panel.ephemeral
    model.replies.append(" And more of it.")
    await noor.press(panel, label="Continue")
    await shows(fake, replied, "First answer. And more of it.", "2/2")
    assert model.prompts[-1].endswith("Maren: First answer.")
    await noor.press(replied, label="◀")
    await shows(fake, replied, "First answer.", "1/2")


async def test_shorter_longer_and_a_hint(fake, model, noor, tavern, replied):
    for number, (label, word) in enumerate([("Shorter", "short"), ("Longer", "medium")], start=2):
        panel = await (await noor.press(replied, label="⋯")).answer()
        model.replies.append(f"Number {number}.")
        await noor.press(panel, label=label)
        await shows(fake, replied, f"Number {number}.", f"{number}/{number}")
        assert f"(length = {word})" in model.prompts[-1]
    panel = await (await noor.press(replied, label="⋯")).answer()
    asked = await noor.press(panel, label="Again, with a hint")
    model.replies.append("Rainy.")
    await noor.submit(asked, **{"What should it be like?": "mention the rain"})
    await shows(fake, replied, "Rainy.", "4/4")
    assert "### Input:\n(mention the rain)\n" in model.prompts[-1]


async def test_a_reply_is_edited_in_the_story(fake, model, noor, tavern, replied):
    panel = await (await noor.press(replied, label="⋯")).answer()
    asked = await noor.press(panel, label="Edit")
    await noor.submit(asked, **{"What should it say?": "My own words."})
    await shows(fake, replied, "My own words.", "2/2")
    await converse(fake, model, noor, tavern, "Go on", "So.")
    assert "Maren: My own words." in model.prompts[-1]


async def test_stopping_keeps_what_is_there_as_an_alternative(fake, model, noor, tavern, replied):
    model.replies.append("One two three four. " * 20)
    model.piece_delay = 0.02
    await noor.press(replied, label="↻")
    await fake.wait_for(lambda: "One two" in replied.content, what="the first words")
    await fake.wait_for(lambda: row(replied) == ["■"], what="the stop button")
    await noor.press(replied, label="■")
    await fake.wait_for(lambda: "(2/2)" in row(replied), what="the row")
    assert "One two" in replied.content


async def test_a_row_from_before_a_new_scene_does_nothing(fake, model, noor, tavern, replied):
    await play(noor, tavern, "grumbold")
    answer = await (await noor.press(replied, label="↻")).answer()
    assert answer.ephemeral
    assert "no reply of the scene" in answer.content
    assert len(model.prompts) == 1


async def test_greetings_are_alternatives_of_the_first_message(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    greeting = await finished(fake, tavern)
    places = row(greeting)
    count = int(places[1].strip("()").split("/")[1])
    assert count > 1, "the bundled card has alternate greetings"
    first = greeting.content
    await noor.press(greeting, label="▶")
    await fake.wait_for(lambda: f"(2/{count})" in row(greeting), what="the second greeting")
    assert greeting.content != first
    await converse(fake, model, noor, tavern, "Hello", "Hm.")
    assert greeting.content.removeprefix("**Maren**\n") in model.prompts[-1]
    assert persona_texts(fake, tavern)[0] == read(greeting)


async def test_commands_do_what_the_row_does(fake, model, noor, tavern, replied):
    model.replies.append("With rain.")
    answer = await (
        await noor.slash(tavern, "regenerate", hint="mention the rain", length="tiny")
    ).answer()
    assert answer.ephemeral
    await shows(fake, replied, "With rain.", "2/2")
    assert "(mention the rain)" in model.prompts[-1]
    assert model.prompts[-1].endswith("### Response: (length = tiny)\nMaren:")
    model.replies.append(" And wind.")
    await noor.slash(tavern, "continue")
    await shows(fake, replied, "With rain. And wind.", "3/3")


async def test_a_command_without_a_reply_says_so(bot, fake, model, noor, tavern):
    answer = await (await noor.slash(tavern, "regenerate")).answer()
    assert answer.ephemeral
    assert "no reply of the scene" in answer.content


async def test_a_reply_too_long_for_the_form_is_not_cut(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    await (await noor.slash(tavern, "length", word="unlimited")).answer()
    text = " ".join(f"{number:030}." for number in range(150))
    model.replies.append(text)
    await noor.say(tavern, "Go on")
    await fake.wait_for(
        lambda: tavern.messages[-1].content.endswith("149."), what="the whole reply"
    )
    panel = await (await noor.press(await finished(fake, tavern), label="⋯")).answer()
    refused = await (await noor.press(panel, label="Edit")).answer()
    assert "takes 4,000 characters" in refused.content
