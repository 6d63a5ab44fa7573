"""Alpaca, several turns: Nous-Hermes, the Llama 2 merges of 2023 (SillyTavern's preset)."""

from typing import TYPE_CHECKING

from bot.prompting.formats.lengths import write_length_sentence
from bot.prompting.formats.markers import (
    Markers,
    list_speaker_stops,
    write_marked_turn,
    write_plain_body,
)
from bot.prompting.prompt import HeadParts, PromptTurn, Segment, control, trusted, untrusted

if TYPE_CHECKING:
    from collections.abc import Iterable

_MARKERS = Markers(
    person="### Instruction:\n", persona="### Response:\n", narrator="### Input:\n", end="\n\n"
)


class AlpacaFormat:
    """For models trained on Alpaca instructions."""

    name = "alpaca"
    line_headers = ("###",)

    def write_head(self, head: HeadParts) -> list[Segment]:
        """Plain text before the first header."""
        return [*write_plain_body(head), control("\n\n")]

    def write_turn(self, turn: PromptTurn) -> list[Segment]:
        """People under `### Instruction:`, the narrator under `### Input:`."""
        return write_marked_turn(_MARKERS, turn)

    def write_open_turn(self, persona_name: str, length_word: str | None) -> list[Segment]:
        """A length is a sentence just before the open turn: the model knows no length words."""
        opening: list[Segment] = []
        if length_word:
            sentence = write_length_sentence(length_word)
            opening = [control("### Input:\n"), trusted(sentence), control("\n\n")]
        return [*opening, control("### Response:\n"), untrusted(persona_name), control(":")]

    def list_stop_sequences(self, people: "Iterable[str]") -> tuple[str, ...]:
        """Headers and people."""
        headers = ("\n### Instruction", "\n### Input", "\n### Response")
        return (*headers, *list_speaker_stops(people))
