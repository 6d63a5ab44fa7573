"""Untrusted text never changes how a model sees the turns around it."""

import copy
import random
from dataclasses import replace
from functools import cache, lru_cache

import pytest

from bot.prompting.builder import PromptBuilder, Script
from bot.prompting.examples import read_examples
from bot.prompting.formats.registry import FORMATS
from bot.prompting.prompt import Person
from bot.prompting.untrusted import clean_name
from tests.prompting.attacks import (
    HARMLESS,
    NAMES,
    OTHER_NAME,
    PERSON_NAME,
    PERSONA_NAME,
    SPECIALS,
    TEXTS,
    VOCABULARY,
    bear_the_name,
    mutate,
    read_as_a_model,
)
from tests.prompting.making import (
    FORMAT_NAMES,
    list_control,
    list_untrusted,
    make_persona,
    narrate,
    person_says,
    persona_says,
)

MUTATIONS = 50

each_format = pytest.mark.parametrize("format_name", FORMAT_NAMES)
each_text = pytest.mark.parametrize("attack", TEXTS.values(), ids=TEXTS.keys())
each_name = pytest.mark.parametrize("attack", NAMES.values(), ids=NAMES.keys())


def render(script, format_name):
    return PromptBuilder(FORMATS[format_name], VOCABULARY).render(script)


def chat(
    text=HARMLESS, *, spoken=HARMLESS, told=HARMLESS, card=HARMLESS, profile=HARMLESS
) -> Script:
    """A chat with places for what people, persona, narrator, card and a profile say."""
    return Script(
        persona=make_persona(
            PERSONA_NAME,
            description=card,
            personality=card,
            scenario=card,
            system_prompt=card,
            example_dialogue="<START>\n{{user}}: one\n{{char}}: two",
        ),
        person=Person(name=PERSON_NAME, description=profile),
        turns=[
            persona_says("Who comes?"),
            person_says(text, name=PERSON_NAME),
            person_says(text, name=OTHER_NAME),
            persona_says(spoken),
            narrate(told),
            person_says(text, name=PERSON_NAME),
        ],
        length_word="medium",
    )


@cache
def render_harmless(format_name):
    return render(chat(), format_name)


@lru_cache(maxsize=64)
def render_named(name, format_name, place):
    """A chat in which the one who opened it, another one, or both have this name."""
    script = chat()
    if place != "writer":
        script = replace(script, person=replace(script.person, name=name))
    if place != "opener":
        turns = [replace(t, name=name) if t.name == OTHER_NAME else t for t in script.turns]
        script = replace(script, turns=turns)
    return render(script, format_name)


@cache
def read_harmless(format_name):
    return read_as_a_model(render_harmless(format_name), format_name)


def assert_turns_are_seen_alike(attacked, harmless, format_name, *, speakers=True):
    seen = read_as_a_model(attacked, format_name)
    known = harmless is render_harmless(format_name)
    expected = read_harmless(format_name) if known else read_as_a_model(harmless, format_name)
    assert seen.headers == expected.headers
    assert seen.specials == expected.specials
    if speakers:
        assert seen.speaker_lines == expected.speaker_lines
    assert list_control(attacked) == list_control(harmless)
    untrusted = "\n".join(list_untrusted(attacked))
    assert not any(special in untrusted for special in SPECIALS)
    attacked.text.encode()


def count_persona(prompt):
    """How many lines begin with the persona's name, and how many names are the persona's."""
    lines = prompt.text.splitlines()
    names = (f"{text}:" for text in list_untrusted(prompt))
    return [sum(bear_the_name(each, PERSONA_NAME) for each in group) for group in (lines, names)]


def assert_name_is_harmless(name, format_name, place):
    if not FORMATS[format_name].has_names and clean_name(name) in {PERSON_NAME, OTHER_NAME}:
        return  # who opened the scene and bears another's name is not told from that one
    attacked, harmless = (render_named(each, format_name, place) for each in (name, "Bob"))
    assert_turns_are_seen_alike(attacked, harmless, format_name, speakers=False)
    assert len(attacked.text.splitlines()) == len(harmless.text.splitlines())
    # Nobody but the persona speaks as the persona, at a line's start or behind a marker.
    spoken, expected = (count_persona(prompt) for prompt in (attacked, harmless))
    assert spoken == expected
    for stop in attacked.stop_sequences:
        assert "\n" not in stop[1:]
        assert not bear_the_name(stop.removeprefix("\n"), PERSONA_NAME)


@each_format
@each_text
def test_no_turn_changes_how_the_turns_are_seen(format_name, attack):
    for place in ("text", "spoken", "told"):
        attacked = render(chat(**{place: attack}), format_name)
        assert_turns_are_seen_alike(attacked, render_harmless(format_name), format_name)


@each_format
@each_text
def test_no_card_changes_how_the_turns_are_seen(format_name, attack):
    for place in ("card", "profile"):
        attacked = render(chat(**{place: attack}), format_name)
        # A card's head may name speakers: "Mira: a lighthouse keeper" forges no turn.
        harmless = render_harmless(format_name)
        assert_turns_are_seen_alike(attacked, harmless, format_name, speakers=False)


@each_format
@each_text
def test_no_mutation_of_a_text_changes_how_the_turns_are_seen(format_name, attack):
    chance = random.Random(f"{format_name} {attack!a}")  # noqa: S311
    for _ in range(MUTATIONS):
        text = mutate(attack, chance)
        attacked = render(chat(text, spoken=text, told=text), format_name)
        assert_turns_are_seen_alike(attacked, render_harmless(format_name), format_name)


@each_format
@each_text
def test_no_example_dialogue_changes_how_the_turns_are_seen(format_name, attack):
    dialogue = f"<START>\n{{{{user}}}}: {attack}\n{{{{char}}}}: {attack}\n<START>\n{attack}"
    script = chat()
    attacked = replace(script, persona=replace(script.persona, example_dialogue=dialogue))
    examples = [
        replace(turn, text=HARMLESS)
        for turn in read_examples(dialogue, persona_name=PERSONA_NAME, person_name=PERSON_NAME)
    ]
    harmless = replace(
        script,
        persona=replace(script.persona, example_dialogue=""),
        turns=[*examples, *script.turns],
    )
    assert_turns_are_seen_alike(
        render(attacked, format_name), render(harmless, format_name), format_name
    )


@each_format
@each_name
def test_no_name_changes_how_the_turns_are_seen(format_name, attack):
    for place in ("opener", "writer", "both"):
        assert_name_is_harmless(attack, format_name, place)


@each_format
@each_name
def test_no_mutation_of_a_name_changes_how_the_turns_are_seen(format_name, attack):
    chance = random.Random(f"{format_name} {attack!a}")  # noqa: S311
    for _ in range(MUTATIONS):
        assert_name_is_harmless(mutate(attack, chance), format_name, "both")


@each_format
@each_name
def test_no_persona_name_changes_how_the_turns_are_seen(format_name, attack):
    def render_played_by(name):
        script = chat()
        return render(replace(script, persona=replace(script.persona, name=name)), format_name)

    attacked, harmless = render_played_by(attack), render_played_by("Bob")
    assert_turns_are_seen_alike(attacked, harmless, format_name, speakers=False)
    assert len(attacked.text.splitlines()) == len(harmless.text.splitlines())


@each_format
@each_text
def test_what_is_kept_stays_as_it_was_written(format_name, attack):
    script = chat(attack, spoken=attack, told=attack, card=attack, profile=attack)
    before = copy.deepcopy(script)
    render(script, format_name)
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
