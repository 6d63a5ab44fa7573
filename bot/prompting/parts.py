"""A script in the words of one format: what the builder chooses from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.prompting.examples import read_examples
from bot.prompting.macros import replace_macros
from bot.prompting.prompt import HeadParts, Person, PromptTurn, Segment
from bot.prompting.untrusted import Neutraliser
from storage.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.prompting.builder import Script
    from bot.prompting.formats.markers import PromptFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTurn:
    """A turn, neutralised, and its segments behind the turn before it."""

    turn: PromptTurn
    segments: list[Segment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The pieces of a prompt, neutralised."""

    prompt_format: "PromptFormat"
    head: list[Segment]
    examples: list[WrittenTurn]
    turns: list[WrittenTurn]
    persona_name: str
    person_name: str
    length_word: str | None

    def write_open_turn(
        self, examples: Sequence[WrittenTurn], turns: Sequence[WrittenTurn]
    ) -> list[Segment]:
        """The open turn behind those that were chosen."""
        chosen = turns or examples
        previous = chosen[-1].turn if chosen else None
        return self.prompt_format.write_open_turn(self.persona_name, self.length_word, previous)

    def lead(self, turns: Sequence[WrittenTurn]) -> list[WrittenTurn]:
        """The same turns, the first of them right behind the head, whatever stood before it."""
        if not turns:
            return []
        first = replace(turns[0], segments=self.prompt_format.write_turn(turns[0].turn))
        return [first, *turns[1:]]

    def join(
        self, examples: Sequence[WrittenTurn], turns: Sequence[WrittenTurn]
    ) -> tuple[Segment, ...]:
        """The whole prompt of those that were chosen."""
        written = [segment for turn in (*examples, *turns) for segment in turn.segments]
        return (*self.head, *written, *self.write_open_turn(examples, turns))


def write_parts(
    script: "Script", prompt_format: "PromptFormat", special_strings: "Iterable[str]"
) -> Parts:
    """Replace macros in the card, make everybody's text harmless, write the segments."""
    safe = Neutraliser(
        special_strings=(*special_strings, *prompt_format.text_markers),
        line_headers=prompt_format.line_headers,
        persona_name=script.persona.spoken_name,
    )
    persona_name = safe.speaker(script.persona.spoken_name)
    person_name = safe.name(script.person.name)
    safe.add_speakers([person_name])
    safe.add_speakers(map(safe.name, {t.name for t in script.turns if t.role is Role.PERSON}))
    head = _write_head(script, safe, persona_name=persona_name, person_name=person_name)
    examples = read_examples(
        script.persona.example_dialogue, persona_name=persona_name, person_name=person_name
    )
    # The stored name: made clean a second time, a marked one could lose its mark.
    turns = [
        *(replace(turn, name=script.person.name) for turn in examples),
        *_drop_before(script.turns, script.anchor_turn_id),
    ]
    unnamed = () if prompt_format.has_names else (persona_name, person_name)
    clean = [_neutralise(turn, safe, persona_name, unnamed) for turn in turns]
    written = _write_turns(clean, prompt_format)
    return Parts(
        prompt_format=prompt_format,
        head=prompt_format.write_head(replace(head, has_turns=bool(turns))),
        examples=written[: len(examples)],
        turns=written[len(examples) :],
        persona_name=persona_name,
        person_name=person_name,
        length_word=script.length_word,
    )


def _write_turns(turns: list[PromptTurn], prompt_format: "PromptFormat") -> list[WrittenTurn]:
    befores = [None, *turns]
    return [
        WrittenTurn(turn=turn, segments=prompt_format.write_turn(turn, previous))
        for previous, turn in zip(befores, turns, strict=False)
    ]


def _write_head(
    script: "Script", safe: Neutraliser, *, persona_name: str, person_name: str
) -> HeadParts:
    def card_text(text: str) -> str:
        return safe.card(replace_macros(text, char=persona_name, user=person_name))

    persona = script.persona
    default = (
        f"Write {persona_name}'s next reply in a fictional chat between {persona_name} and "
        f"{person_name}."
    )
    return HeadParts(
        persona_name=persona_name,
        description=card_text(persona.description),
        personality=card_text(persona.personality),
        scenario=card_text(persona.scenario),
        system_prompt=safe.card(
            replace_macros(
                persona.system_prompt, char=persona_name, user=person_name, original=default
            )
        ),
        person=Person(name=person_name, description=safe.card(script.person.description)),
        length_word=script.length_word,
    )


def _neutralise(
    turn: PromptTurn, safe: Neutraliser, persona_name: str, unnamed: Sequence[str]
) -> PromptTurn:
    """Names follow the role, never the text: the persona's turns always bear its present name."""
    name = ""
    if turn.role is not Role.NARRATOR:
        name = persona_name if turn.role is Role.PERSONA else safe.name(turn.name)
    if name in unnamed:
        name = ""
    return replace(turn, name=name, text=safe.utterance(turn.text, starts_line=not name))


def _drop_before(turns: Sequence[PromptTurn], anchor: int | None) -> Sequence[PromptTurn]:
    """The turns from the anchor on; all of them if it is gone, because then nothing is known."""
    for number, turn in enumerate(turns):
        if turn.turn_id == anchor:
            return turns[number:]
    return turns
