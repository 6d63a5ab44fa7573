"""Families whose turns stand for themselves, each between its own markers."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.prompting.formats.lengths import write_length_sentence
from bot.prompting.formats.markers import (
    Markers,
    TurnByTurn,
    drop_empty,
    list_speaker_stops,
    write_marked_turn,
    write_plain_body,
    write_speaker,
)
from bot.prompting.prompt import HeadParts, OpenTurn, PromptTurn, Segment, control, trusted

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFormat(TurnByTurn):
    """A head and turns in one family's markers; the start token is the server's to add."""

    name: str
    head: tuple[str, str]
    """Around persona and scenario."""
    markers: Markers
    """With the narrator's like a person's where a system message has no place in the chat."""
    stop_sequences: tuple[str, ...] = field(repr=False)
    line_headers: tuple[str, ...] = ()
    text_markers: tuple[str, ...] = ()
    has_names: bool = True
    is_trimmed: bool = False
    """Whether the family's own template takes blanks off both ends of every message."""

    def write_head(self, head: HeadParts) -> list[Segment]:
        """One block before all turns."""
        begin, end = self.head
        return drop_empty([control(begin), *write_plain_body(head), control(end)])

    def write_turn(self, turn: PromptTurn, previous: PromptTurn | None = None) -> list[Segment]:
        """Names are written: several people share a channel."""
        del previous  # two turns of one speaker are two turns
        if self.is_trimmed:
            turn = replace(turn, text=turn.text.strip())
        return write_marked_turn(self.markers, turn)

    def write_open_turn(
        self, opening: OpenTurn, previous: PromptTurn | None = None
    ) -> list[Segment]:
        """A length is told just before the open turn: these models know no length words."""
        del previous
        markers, lead = self.markers, list[Segment]()
        if opening.length_word:
            sentence = write_length_sentence(opening.length_word)
            if markers.narrator == markers.person:
                sentence = f"({sentence})"  # nobody in the scene says it
            lead = [control(markers.narrator), trusted(sentence), control(markers.end)]
        marker = markers.persona if opening.is_persona else markers.person
        if not self.has_names and not opening.text:
            marker = marker.rstrip(" ")
        return drop_empty(
            [*lead, control(marker), *write_speaker(opening, has_names=self.has_names)]
        )

    def list_stop_sequences(self, people: "Iterable[str]") -> tuple[str, ...]:
        """The bare markers and people."""
        return (*self.stop_sequences, *list_speaker_stops(people))
