"""Untrusted text never changes how a model sees the turns around it."""

import copy
import random

import pytest

from tests.prompting.attacked import (
    ATTACKED,
    HEAD_PLACES,
    NAME_PLACES,
    TURN_PLACES,
    assert_beginning_is_harmless,
    assert_dialogue_is_harmless,
    assert_name_is_harmless,
    assert_names_are_harmless,
    assert_persona_name_is_harmless,
    assert_text_is_harmless,
    assert_texts_are_harmless,
    chat,
    render,
    render_named,
    telling,
)
from tests.prompting.attacks import NAMES, TEXTS, mutate

MUTATIONS = 50
IN_ONE_CHAT = 10
"""So many share what takes longest: the head, the examples, the names."""

each_format = pytest.mark.parametrize("format_name", ATTACKED)
each_text = pytest.mark.parametrize("attack", TEXTS.values(), ids=TEXTS.keys())
each_name = pytest.mark.parametrize("attack", NAMES.values(), ids=NAMES.keys())


@each_format
@each_text
def test_no_text_changes_how_the_turns_are_seen(format_name, attack):
    for place in (*TURN_PLACES, *HEAD_PLACES):
        assert_text_is_harmless(attack, format_name, place)


@each_format
def test_no_beginning_of_a_reply_changes_how_the_turns_are_seen(format_name):
    for name, attack in TEXTS.items():
        with telling(name):
            assert_beginning_is_harmless(attack, format_name)


@each_format
@each_text
def test_no_mutation_of_a_text_changes_how_the_turns_are_seen(format_name, attack):
    chance = random.Random(f"{format_name} {attack!a}")  # noqa: S311
    for _ in range(0, MUTATIONS, IN_ONE_CHAT):
        texts = [mutate(attack, chance) for _ in range(IN_ONE_CHAT)]
        assert_texts_are_harmless(texts, format_name)


@each_format
def test_no_example_dialogue_changes_how_the_turns_are_seen(format_name):
    for name, attack in TEXTS.items():
        dialogue = f"<START>\n{{{{user}}}}: {attack}\n{{{{char}}}}: {attack}\n<START>\n{attack}"
        with telling(name):
            assert_dialogue_is_harmless(dialogue, format_name)


@each_format
@each_name
def test_no_name_changes_how_the_turns_are_seen(format_name, attack):
    for place in NAME_PLACES:
        assert_name_is_harmless(attack, format_name, place)


@each_format
@each_name
def test_no_mutation_of_a_name_changes_how_the_turns_are_seen(format_name, attack):
    chance = random.Random(f"{format_name} {attack!a}")  # noqa: S311
    for _ in range(0, MUTATIONS, IN_ONE_CHAT):
        names = [mutate(attack, chance) for _ in range(IN_ONE_CHAT)]
        assert_names_are_harmless(names, format_name)


@each_format
def test_no_persona_name_changes_how_the_turns_are_seen(format_name):
    for name, attack in NAMES.items():
        with telling(name):
            assert_persona_name_is_harmless(attack, format_name)


@each_format
def test_what_is_kept_stays_as_it_was_written(format_name):
    for name, attack in TEXTS.items():
        script = chat(attack, spoken=attack, told=attack, card=attack, profile=attack)
        before = copy.deepcopy(script)
        render(script, format_name)
        with telling(name):
            assert script == before
            assert script.turns[1].text == attack


@each_format
@pytest.mark.parametrize("text", [TEXTS["macros"], TEXTS["ping"]], ids=["macros", "ping"])
def test_what_people_write_is_no_macro_and_stays_literal(format_name, text):
    assert render(chat(text), format_name).text.count(text) == 3


@each_format
def test_a_name_is_no_macro_and_stays_literal(format_name):
    prompt = render_named("{{char}} {{original}}", format_name, "writer")
    assert "{{char}} {{original}}: " in prompt.text


@each_format
@pytest.mark.parametrize(
    "text",
    [
        pytest.param('*She waves.* "Hi!" — **bold**, 3 < 4 > 2, #hash\n\n# Title', id="marks"),
        pytest.param("The time: noon.\nNote: bring Mira a coat\n- list\n1. more", id="colons"),
        pytest.param('Ann said: "Mira: who?"\nHer name is Mira.', id="names-in-mid-line"),
        pytest.param("日本語。\n👩\u200d👩\u200d👧 ❤️ é ñ\ttab", id="scripts"),
        pytest.param("four    blanks\n\n\nand three feeds, <b>x</b> [x] <3", id="white-space"),
    ],
)
def test_harmless_text_is_not_touched(format_name, text):
    prompt = render(chat(text, spoken=text, told=text, card=text, profile=text), format_name)
    assert prompt.text.count(text) == 5 + 5


@each_format
def test_a_long_message_is_whole(format_name):
    text = "word " * 800 + "end"
    assert text in render(chat(text), format_name).text
