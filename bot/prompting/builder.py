"""Chooses what goes into a prompt, so that it fits and begins the same from message to message."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.generation.errors import ContextOverflowError, PersonaOverflowError
from bot.generation.special_strings import KNOWN_SPECIAL_STRINGS
from bot.prompting.formats.lengths import get_token_limit
from bot.prompting.formats.tokens import list_tokens
from bot.prompting.parts import Parts, WrittenTurn, write_parts
from bot.prompting.prompt import Person, Prompt, PromptShares, PromptTurn, Segment
from storage.records import Role

if TYPE_CHECKING:
    from bot.generation.sampler_config import SamplerConfig
    from bot.prompting.budget import CountTokens, TokenBudget
    from bot.prompting.formats.markers import PromptFormat
    from personas.persona import Persona

_AMPLE_SHARE = 0.75
_AMPLE_TOKENS = 16
"""Below this share of the room, less a few, the pieces' counts decide: borders change far fewer
tokens, and to count a whole prompt takes longer than all else that is done for a reply."""
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
    format_name: str | None = None
    """The scene's own prompt format; None is the model's."""
    sampler: "SamplerConfig | None" = None
    """The scene's own sampler settings, over the persona's."""
    is_persona_next: bool = True
    """False when the model drafts what the person might say."""
    hint: str = ""
    """What somebody wishes of this one reply."""
    goes_on: bool = False
    """Whether the persona's newest turn is to be gone on with."""
    lore_before: str = ""
    """Lore before the persona's description, with macros in it."""
    lore_after: str = ""


class PromptBuilder:
    """Renders scenes for one model: its format and its vocabulary's special strings."""

    def __init__(self, prompt_format: "PromptFormat", special_strings: Sequence[str] = ()) -> None:
        self._format = prompt_format
        self._special_strings = (*KNOWN_SPECIAL_STRINGS, *special_strings)

    def render(self, script: Script) -> Prompt:
        """Render all turns from the anchor on, whatever their size; nothing is counted."""
        parts = write_parts(script, self._format, self._special_strings)
        return self._finish(parts, parts.examples, parts.turns, None)

    async def build(
        self,
        script: Script,
        *,
        budget: "TokenBudget",
        count_tokens: "CountTokens",
        measures_head: bool = False,
    ) -> Prompt:
        """Choose what goes into a prompt so that the reply still fits.

        The persona is always whole. When the turns outgrow their room, the example dialogue goes
        and turns are dropped in one block at a turn border; the new beginning is the anchor that
        the caller stores with the scene. What in the head is what is counted only if asked for.

        Raises:
            ContextOverflowError: If persona and newest turn alone are larger than the budget.
            EngineError: If the engine does not answer while tokens are counted.
        """
        parts = write_parts(script, self._format, self._special_strings)
        if script.anchor_turn_id:
            parts = replace(parts, examples=[], turns=parts.lead(parts.turns))
        prompt, count, turns = await self._fit(parts, budget, count_tokens)
        if measures_head and prompt.shares:
            sizes = await count_head(parts, count_tokens)
            prompt = replace(prompt, shares=replace(prompt.shares, head_parts=sizes))
        trimmed = len(turns) < len(parts.turns)
        return replace(
            prompt,
            token_count=count,
            max_tokens=min(budget.reply_tokens, budget.context_length - count),
            anchor_turn_id=turns[0].turn.turn_id if trimmed else script.anchor_turn_id,
        )

    async def _fit(
        self, parts: Parts, budget: "TokenBudget", count_tokens: "CountTokens"
    ) -> tuple[Prompt, int, Sequence[WrittenTurn]]:
        """Drop what must go: pieces are counted to choose, the whole prompt to decide."""
        open_turn = parts.write_open_turn(parts.examples, parts.turns)
        fixed = await _count_all([parts.head, open_turn], count_tokens)
        room = budget.prompt_tokens - fixed - 1  # the start token
        examples, turns = parts.examples, parts.turns
        used = await _count_all([t.segments for t in (*examples, *turns)], count_tokens)
        ample = _AMPLE_SHARE * (budget.context_length - budget.reply_tokens) - _AMPLE_TOKENS
        if fixed + used < ample:
            prompt = self._finish(parts, examples, turns, budget)
            shares = await _share(parts, (examples, turns), budget, count_tokens)
            return replace(prompt, shares=shares), fixed + used + 1, turns
        is_cut = used > room
        if is_cut:
            examples, turns = [], parts.lead(await _take_newest(turns, room, count_tokens))
        while True:
            prompt = self._finish(parts, examples, turns, budget)
            count = await count_tokens(prompt.text, whole=True)
            if count <= budget.prompt_tokens:
                shares = await _share(parts, (examples, turns), budget, count_tokens)
                return replace(prompt, shares=shares), count, turns
            if len(turns) <= 1 and not examples:
                raise await _explain_overflow(parts, count, budget, count_tokens)
            # The pieces counted less than the whole: a block goes, then turn by turn.
            block = turns if is_cut else await _take_newest(turns, room, count_tokens)
            turns = block if examples or len(block) < len(turns) else turns[1:]
            examples, turns, is_cut = [], parts.lead(turns), True

    def _finish(
        self,
        parts: Parts,
        examples: Sequence[WrittenTurn],
        turns: Sequence[WrittenTurn],
        budget: "TokenBudget | None",
    ) -> Prompt:
        people = [
            written.turn.name
            for written in turns
            if written.turn.role is Role.PERSON and written.turn.name
        ]
        if not parts.opening.is_persona:
            people.insert(0, parts.persona_name)
        return Prompt(
            segments=parts.join(examples, turns),
            stop_sequences=parts.prompt_format.list_stop_sequences([parts.person_name, *people]),
            token_count=None,
            max_tokens=budget.reply_tokens if budget else get_token_limit(None),
            anchor_turn_id=None,
            reply_markers=_list_reply_markers(parts.prompt_format),
        )


def _list_reply_markers(prompt_format: "PromptFormat") -> tuple[str, ...]:
    """What begins its lines, but for headings, which replies may have; and its tokens."""
    headers = [line for line in prompt_format.line_headers if any(map(str.isalnum, line))]
    return tuple(dict.fromkeys([*headers, *list_tokens(prompt_format.text_markers)]))


async def _share(
    parts: Parts,
    chosen: tuple[Sequence[WrittenTurn], Sequence[WrittenTurn]],
    budget: "TokenBudget",
    count_tokens: "CountTokens",
) -> PromptShares:
    """How many tokens are whose; every piece was counted before, so nobody is asked again."""
    examples, turns = chosen
    open_turn = parts.write_open_turn(examples, turns)
    return PromptShares(
        head=await _count_all([parts.head, open_turn], count_tokens),
        examples=await _count_all([turn.segments for turn in examples], count_tokens),
        turns=await _count_all([turn.segments for turn in turns], count_tokens),
        reply=budget.context_length - budget.prompt_tokens,
    )


async def _explain_overflow(
    parts: Parts, count: int, budget: "TokenBudget", count_tokens: "CountTokens"
) -> ContextOverflowError:
    """Whether the persona is too large, and what of it, or the message."""
    head = await _count_all([parts.head, parts.write_open_turn([], [])], count_tokens)
    sizes = await count_head(parts, count_tokens)
    if head < budget.prompt_tokens or not sizes:
        return ContextOverflowError(prompt_tokens=count, context_length=budget.context_length)
    name, tokens = max(sizes, key=lambda size: size[1])
    return PersonaOverflowError(
        prompt_tokens=head, context_length=budget.context_length, part=name, part_tokens=tokens
    )


async def count_head(parts: Parts, count_tokens: "CountTokens") -> tuple[tuple[str, int], ...]:
    """How many tokens each text of the head has, by what people call it."""
    texts = parts.head_parts.texts
    return tuple([(name, await count_tokens(text)) for name, text in texts.items()])


async def _count_all(groups: Sequence[Sequence[Segment]], count_tokens: "CountTokens") -> int:
    total = 0
    for segments in groups:
        total += await count_tokens("".join(segment.text for segment in segments))
    return total


async def _take_newest(
    turns: Sequence[WrittenTurn], room: int, count_tokens: "CountTokens"
) -> list[WrittenTurn]:
    """Take turns newest first up to the share that is kept; the newest one in any case."""
    kept: list[WrittenTurn] = []
    used = 0
    for turn in reversed(turns):
        used += await _count_all([turn.segments], count_tokens)
        if kept and used > room * _KEPT_SHARE:
            break
        kept.append(turn)
    return kept[::-1]
