"""Families that only know exchanges: a person's turn, then the model's, and so on.

Neighbours on one side become one turn, and the first turn is a person's. A turn is closed by the
one after it, because only that one knows whether it belongs to it.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.prompting.formats.lengths import write_length_sentence
from bot.prompting.formats.markers import (
    GO_ON,
    SCENE_BEGINS,
    TurnByTurn,
    drop_empty,
    list_speaker_stops,
    write_plain_body,
    write_shared_utterance,
    write_speaker,
)
from bot.prompting.prompt import HeadParts, OpenTurn, PromptTurn, Segment, control, trusted
from storage.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

_BETWEEN = "\n\n"
"""Between what was merged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternatingFormat(TurnByTurn):
    """A family's markers around what people say and what the model says.

    The narrator is heard among the people: these families have no place for anybody else. The
    start token is the server's to add.
    """

    name: str
    head: tuple[str, str]
    """Around persona and scenario."""
    is_folded: bool
    """Whether the head is the beginning of the first turn, which it then opens."""
    person: tuple[str, str]
    persona: tuple[str, str]
    stop_sequences: tuple[str, ...] = field(repr=False)
    line_headers: tuple[str, ...] = ()
    text_markers: tuple[str, ...] = ()
    has_names: bool = True
    is_trimmed: bool = False
    """Whether the family's own template takes blanks off both ends of every message."""

    def write_head(self, head: HeadParts) -> list[Segment]:
        """A block of its own, or the beginning of the first turn."""
        begin, end = self.head
        return drop_empty([control(begin), *write_plain_body(head), control(end)])

    def write_turn(self, turn: PromptTurn, previous: PromptTurn | None = None) -> list[Segment]:
        """What is said, behind the border to what was said before."""
        if self.is_trimmed:
            turn = replace(turn, text=turn.text.strip())
        utterance = write_shared_utterance(turn)
        if turn.role is not Role.PERSONA:
            return drop_empty([*self._enter_person(previous), *utterance])
        if previous is None or (_is_persona(previous) and previous.is_example > turn.is_example):
            lead = [*self._enter_person(previous), trusted(SCENE_BEGINS)]
            return drop_empty([*lead, control(self._border), *utterance])
        border = trusted(_BETWEEN) if _is_persona(previous) else control(self._border)
        return drop_empty([border, *utterance])

    def write_open_turn(
        self, opening: OpenTurn, previous: PromptTurn | None = None
    ) -> list[Segment]:
        """A length is told at the end of what people say; without it they may have to say more."""
        speaker = write_speaker(opening, has_names=self.has_names)
        lead: list[Segment] = []
        if opening.length_word:
            sentence = f"({write_length_sentence(opening.length_word)})"
            lead = [*self._enter_person(previous), trusted(sentence)]
        if not opening.is_persona:
            between = [trusted(_BETWEEN)] if lead else self._enter_person(previous)
            return drop_empty([*lead, *between, *speaker])
        if not lead and (previous is None or _is_persona(previous)):
            words = trusted(SCENE_BEGINS if previous is None else GO_ON)
            lead = [*self._enter_person(previous), words]
        is_bare = not self.has_names and not opening.text
        border = self._border.rstrip(" ") if is_bare else self._border
        return drop_empty([*lead, control(border), *speaker])

    def list_stop_sequences(self, people: "Iterable[str]") -> tuple[str, ...]:
        """The bare markers and people."""
        return (*self.stop_sequences, *list_speaker_stops(people))

    @property
    def _border(self) -> str:
        """From a person's turn to the persona's."""
        return self.person[1] + self.persona[0]

    def _enter_person(self, previous: PromptTurn | None) -> list[Segment]:
        """To where a person speaks, from whatever came before."""
        if previous is None:
            return [control("" if self.is_folded else self.person[0])]
        if _is_persona(previous):
            return [control(self.persona[1] + self.person[0])]
        return [trusted(_BETWEEN)]


def _is_persona(turn: PromptTurn) -> bool:
    return turn.role is Role.PERSONA
