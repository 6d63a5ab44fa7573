"""Scenes with places for an attack, and what must hold of their prompts.

Used by tests and by `tools.fuzz.prompts`, which has no pytest.
"""

from dataclasses import replace
from functools import cache, lru_cache

from bot.prompting.builder import PromptBuilder, Script
from bot.prompting.examples import read_examples
from bot.prompting.formats.markers import PromptFormat
from bot.prompting.formats.messages import MessagesFormat, read_messages
from bot.prompting.formats.registry import FORMATS
from bot.prompting.prompt import Person, Prompt
from bot.prompting.untrusted import clean_name
from personas.persona import DepthPrompt
from tests.prompting.attacks import (
    HARMLESS,
    OTHER_NAME,
    PERSON_NAME,
    PERSONA_NAME,
    SPECIALS,
    VOCABULARY,
)
from tests.prompting.making import (
    list_control,
    list_untrusted,
    make_persona,
    narrate,
    person_says,
    persona_says,
)
from tests.prompting.reading import bear_the_name, read_as_a_model

ATTACKED: dict[str, PromptFormat] = {**FORMATS, MessagesFormat.name: MessagesFormat()}
"""Every format by its name, and the chat that servers write the prompt for."""
TURN_PLACES = ("text", "spoken", "told")
HEAD_PLACES = ("card", "profile", "lore", "note")
NAME_PLACES = ("opener", "writer", "both")


def render(script, format_name, vocabulary=VOCABULARY) -> Prompt:
    return PromptBuilder(ATTACKED[format_name], vocabulary).render(script)


def chat(  # noqa: PLR0913 - a scene has as many places
    text=HARMLESS,
    *,
    spoken=HARMLESS,
    told=HARMLESS,
    card=HARMLESS,
    profile=HARMLESS,
    lore=HARMLESS,
    note=HARMLESS,
) -> Script:
    """A chat with places for all that people, persona, narrator, card and a profile say."""
    return Script(
        persona=make_persona(
            PERSONA_NAME,
            description=card,
            personality=card,
            scenario=card,
            system_prompt=card,
            post_history_instructions=note,
            depth_prompt=DepthPrompt(text=note, depth=2),
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
        lore_before=lore,
        lore_after=lore,
    )


def go_on(script, text) -> Script:
    """The same chat, in which the persona has begun to say something."""
    return replace(script, turns=[*script.turns, persona_says(text)], goes_on=True)


def name_people(script, name, place) -> Script:
    """The same chat; who opened it, another one, or both have this name."""
    if place != "writer":
        script = replace(script, person=replace(script.person, name=name))
    if place != "opener":
        turns = [replace(t, name=name) if t.name == OTHER_NAME else t for t in script.turns]
        script = replace(script, turns=turns)
    return script


def name_persona(script, name) -> Script:
    return replace(script, persona=replace(script.persona, name=name))


@cache
def render_harmless(format_name):
    return render(chat(), format_name)


@lru_cache(maxsize=64)
def render_named(name, format_name, place):
    return render(name_people(chat(), name, place), format_name)


@cache
def _read_harmless(format_name):
    return read_as_a_model(render_harmless(format_name).text, format_name)


def assert_turns_are_seen_alike(attacked, harmless, format_name, *, speakers=True):
    seen = read_as_a_model(attacked.text, format_name)
    if harmless is render_harmless(format_name):
        expected = _read_harmless(format_name)
    else:
        expected = read_as_a_model(harmless.text, format_name)
    assert seen.headers == expected.headers
    assert seen.specials == expected.specials
    if speakers:
        assert seen.speaker_lines == expected.speaker_lines
    assert _list_markers(attacked, format_name) == _list_markers(harmless, format_name)
    if format_name == MessagesFormat.name:
        assert _list_roles(attacked) == _list_roles(harmless)
    untrusted = "\n".join(list_untrusted(attacked))
    assert not any(special in untrusted for special in SPECIALS)
    attacked.text.encode()


def _list_markers(prompt: Prompt, format_name: str) -> list[str]:
    markers = list_control(prompt)
    if format_name in FORMATS:
        return markers
    # A template is not told from the blanks at the ends of what it wraps.
    return [stripped for marker in markers if (stripped := " ".join(marker.split()))]


def _list_roles(prompt: Prompt) -> list[str]:
    return [message.role for message in read_messages(prompt.segments)]


def assert_text_is_harmless(text, format_name, place):
    """A place of `chat`; of a card's, where speakers may be named, too."""
    if place == "note" and not text.strip():
        return  # no instruction, so no turn
    attacked = render(chat(**{place: text}), format_name)
    # A card's head may name speakers: "Mira: a lighthouse keeper" forges no turn.
    assert_turns_are_seen_alike(
        attacked, render_harmless(format_name), format_name, speakers=place in TURN_PLACES
    )


def assert_beginning_is_harmless(text, format_name):
    """What the persona said last and is to go on with, and what a person is to say for them."""
    if not text:
        return  # nothing was begun
    for script in (chat(), replace(chat(), is_persona_next=False)):
        attacked, harmless = (render(go_on(script, t), format_name) for t in (text, HARMLESS))
        assert_turns_are_seen_alike(attacked, harmless, format_name)


def assert_dialogue_is_harmless(dialogue, format_name):
    """Example dialogue reads as the turns that it has, each of harmless words."""
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


def assert_name_is_harmless(name, format_name, place):
    if not ATTACKED[format_name].has_names and clean_name(name) in {PERSON_NAME, OTHER_NAME}:
        return  # who opened the scene and bears another's name is not told from that one
    attacked, harmless = (render_named(each, format_name, place) for each in (name, "Bob"))
    assert_turns_are_seen_alike(attacked, harmless, format_name, speakers=False)
    assert len(attacked.text.splitlines()) == len(harmless.text.splitlines())
    # Nobody but the persona speaks as the persona, at a line's start or behind a marker.
    spoken, expected = (_count_persona(prompt) for prompt in (attacked, harmless))
    assert spoken == expected
    for stop in attacked.stop_sequences:
        assert "\n" not in stop[1:]
        assert not bear_the_name(stop.removeprefix("\n"), PERSONA_NAME)


def assert_persona_name_is_harmless(name, format_name):
    attacked, harmless = (render(name_persona(chat(), each), format_name) for each in (name, "Bob"))
    assert_turns_are_seen_alike(attacked, harmless, format_name, speakers=False)
    assert len(attacked.text.splitlines()) == len(harmless.text.splitlines())


def _count_persona(prompt):
    """How many lines begin with the persona's name, and how many names are the persona's."""
    lines = prompt.text.splitlines()
    names = (f"{text}:" for text in list_untrusted(prompt))
    return [sum(bear_the_name(each, PERSONA_NAME) for each in group) for group in (lines, names)]
