"""Chooses what goes into a prompt, so that it fits and begins the same from message to message."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.generation.errors import ContextOverflowError
from bot.prompting.examples import read_examples
from bot.prompting.formats.lengths import get_token_limit
from bot.prompting.macros import replace_macros
from bot.prompting.prompt import (
    HeadParts,
    Person,
    Prompt,
    PromptShares,
    PromptTurn,
    Segment,
)
from bot.prompting.untrusted import KNOWN_SPECIAL_STRINGS, Neutraliser, clean_name
from storage.records import Role

if TYPE_CHECKING:
    from bot.prompting.budget import CountTokens, TokenBudget
    from bot.prompting.formats.markers import PromptFormat
    from personas.persona import Persona

_KEPT_SHARE = 0.6
"""A full window is cut down to this share of the history's room, so that the prompt's beginning
then stays the same for many messages and the engine reuses its cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Everything a prompt is made from, as stored."""

    persona: "Persona"
    person: Person
    turns: Sequence[PromptTurn]
    length_word: str | None = None
    anchor_turn_id: int | None = None
    """Where an earlier cut was made: older turns stay out."""


class PromptBuilder:
    """Renders scenes for one model: its format and its vocabulary's special strings."""

    def __init__(self, prompt_format: "PromptFormat", special_strings: Sequence[str] = ()) -> None:
        self._format = prompt_format
        self._special_strings = (*KNOWN_SPECIAL_STRINGS, *special_strings)

    def render(self, script: Script) -> Prompt:
        """Render all turns from the anchor on, whatever their size; nothing is counted."""
        parts = _Parts.write(script, self._format, self._special_strings)
        return self._finish(parts, parts.examples, parts.turns, None)

    async def build(
        self, script: Script, *, budget: "TokenBudget", count_tokens: "CountTokens"
    ) -> Prompt:
        """Choose what goes into a prompt so that the reply still fits.

        The persona is always whole. When the turns outgrow their room, the example dialogue goes
        and turns are dropped in one block at a turn border; the new beginning is the anchor that
        the caller stores with the scene.

        Raises:
            ContextOverflowError: If persona and newest turn alone are larger than the budget.
            EngineError: If the engine does not answer while tokens are counted.
        """
        parts = _Parts.write(script, self._format, self._special_strings)
        if script.anchor_turn_id:
            parts = replace(parts, examples=[])
        prompt, count, turns = await self._fit(parts, budget, count_tokens)
        trimmed = len(turns) < len(parts.turns)
        return replace(
            prompt,
            token_count=count,
            max_tokens=min(budget.reply_tokens, budget.context_length - count),
            anchor_turn_id=turns[0].turn_id if trimmed else script.anchor_turn_id,
        )

    async def _fit(
        self, parts: "_Parts", budget: "TokenBudget", count_tokens: "CountTokens"
    ) -> "tuple[Prompt, int, Sequence[_WrittenTurn]]":
        """Drop what must go: pieces are counted to choose, the whole prompt to decide."""
        fixed = await _count_all([parts.head, parts.open_turn], count_tokens)
        room = budget.prompt_tokens - fixed - 1  # the start token
        examples, turns = parts.examples, parts.turns
        used = await _count_all([t.segments for t in (*examples, *turns)], count_tokens)
        is_cut = used > room
        if is_cut:
            examples, turns = [], await _take_newest(turns, room, count_tokens)
        while True:
            prompt = self._finish(parts, examples, turns, budget)
            count = await count_tokens(prompt.text, whole=True)
            if count <= budget.prompt_tokens:
                shares = PromptShares(
                    head=fixed,
                    examples=await _count_all([t.segments for t in examples], count_tokens),
                    turns=await _count_all([t.segments for t in turns], count_tokens),
                )
                return replace(prompt, shares=shares), count, turns
            if len(turns) <= 1 and not examples:
                raise ContextOverflowError(
                    prompt_tokens=count, context_length=budget.context_length
                )
            # The pieces counted less than the whole: a block goes, then turn by turn.
            block = turns if is_cut else await _take_newest(turns, room, count_tokens)
            turns = block if examples or len(block) < len(turns) else turns[1:]
            examples, is_cut = [], True

    def _finish(
        self,
        parts: "_Parts",
        examples: "Sequence[_WrittenTurn]",
        turns: "Sequence[_WrittenTurn]",
        budget: "TokenBudget | None",
    ) -> Prompt:
        written = [segment for turn in (*examples, *turns) for segment in turn.segments]
        people = [turn.name for turn in turns if turn.role is Role.PERSON]
        return Prompt(
            segments=(*parts.head, *written, *parts.open_turn),
            stop_sequences=self._format.list_stop_sequences([parts.person_name, *people]),
            token_count=None,
            max_tokens=budget.reply_tokens if budget else get_token_limit(None),
            anchor_turn_id=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _WrittenTurn:
    """A turn as segments, with what is still asked of it."""

    turn_id: int
    role: Role
    name: str
    segments: list[Segment]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """A script in the words of one format, neutralised."""

    head: list[Segment]
    examples: list[_WrittenTurn]
    turns: list[_WrittenTurn]
    open_turn: list[Segment]
    person_name: str

    @classmethod
    def write(
        cls, script: Script, prompt_format: "PromptFormat", special_strings: Sequence[str]
    ) -> "_Parts":
        """Replace macros in the card, make everybody's text harmless, write the segments."""
        persona_name = clean_name(script.persona.spoken_name)
        safe = Neutraliser(
            special_strings=special_strings,
            line_headers=prompt_format.line_headers,
            persona_name=persona_name,
        )
        persona_name = safe.specials(persona_name)
        person_name = safe.name(script.person.name)
        safe.add_speakers([person_name])
        safe.add_speakers(map(safe.name, {t.name for t in script.turns if t.role is Role.PERSON}))
        head = _write_head(script, safe, persona_name=persona_name, person_name=person_name)
        examples = read_examples(
            script.persona.example_dialogue, persona_name=persona_name, person_name=person_name
        )

        def written(turn: PromptTurn) -> _WrittenTurn:
            clean = _neutralise_turn(turn, safe, persona_name)
            segments = prompt_format.write_turn(clean)
            return _WrittenTurn(
                turn_id=turn.turn_id, role=turn.role, name=clean.name, segments=segments
            )

        return cls(
            head=prompt_format.write_head(head),
            # The stored name: made clean a second time, a marked one could lose its mark.
            examples=[written(replace(turn, name=script.person.name)) for turn in examples],
            turns=[written(turn) for turn in _drop_before(script.turns, script.anchor_turn_id)],
            open_turn=prompt_format.write_open_turn(persona_name, script.length_word),
            person_name=person_name,
        )


def _write_head(
    script: Script, safe: Neutraliser, *, persona_name: str, person_name: str
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
    )


def _neutralise_turn(turn: PromptTurn, safe: Neutraliser, persona_name: str) -> PromptTurn:
    """Names follow the role, never the text: the persona's turns always bear its present name."""
    if turn.role is Role.NARRATOR:
        return replace(turn, name="", text=safe.utterance(turn.text, starts_line=True))
    name = persona_name if turn.role is Role.PERSONA else safe.name(turn.name)
    return replace(turn, name=name, text=safe.utterance(turn.text))


def _drop_before(turns: Sequence[PromptTurn], anchor: int | None) -> Sequence[PromptTurn]:
    """The turns from the anchor on; all of them if it is gone, because then nothing is known."""
    for number, turn in enumerate(turns):
        if turn.turn_id == anchor:
            return turns[number:]
    return turns


async def _count_all(groups: Sequence[Sequence[Segment]], count_tokens: "CountTokens") -> int:
    total = 0
    for segments in groups:
        total += await count_tokens("".join(segment.text for segment in segments))
    return total


async def _take_newest(
    turns: Sequence[_WrittenTurn], room: int, count_tokens: "CountTokens"
) -> list[_WrittenTurn]:
    """Take turns newest first up to the share that is kept; the newest one in any case."""
    kept: list[_WrittenTurn] = []
    used = 0
    for turn in reversed(turns):
        used += await _count_all([turn.segments], count_tokens)
        if kept and used > room * _KEPT_SHARE:
            break
        kept.append(turn)
    return kept[::-1]
