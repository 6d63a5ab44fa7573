"""Scenes with places for an attack."""

from dataclasses import replace
from itertools import cycle

from bot.prompting.builder import Script
from bot.prompting.prompt import Person
from personas.persona import DepthPrompt
from tests.prompting.attacks import HARMLESS, OTHER_NAME, PERSON_NAME, PERSONA_NAME
from tests.prompting.making import make_persona, narrate, person_says, persona_says


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


def long_chat(texts) -> Script:
    """A chat in which somebody, the persona and the narrator say each of these texts."""
    names = cycle((PERSON_NAME, OTHER_NAME))
    said = [
        turn
        for text in texts
        for turn in (person_says(text, name=next(names)), persona_says(text), narrate(text))
    ]
    last = person_says(texts[-1], name=PERSON_NAME)
    return replace(chat(), turns=[persona_says("Who comes?"), *said, last])


def crowded_chat(names) -> Script:
    """A chat in which everybody of these names speaks; the first has opened it."""
    said = [person_says(HARMLESS, name=name) for name in names]
    turns = [persona_says("Who comes?"), *said, person_says(HARMLESS, name=names[0])]
    return replace(chat(), person=replace(chat().person, name=names[0]), turns=turns)


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
