"""ChatML with names: OpenHermes 2.5, DPOpenHermes, Qwen and many of today's merges."""

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

_END = "<|im_end|>\n"
_MARKERS = Markers(
    person="<|im_start|>user\n",
    persona="<|im_start|>assistant\n",
    narrator="<|im_start|>system\n",
    end=_END,
)


class ChatmlFormat:
    """For models whose turns stand between control tokens."""

    name = "chatml"
    line_headers = ()

    def write_head(self, head: HeadParts) -> list[Segment]:
        """One system message."""
        return [control(_MARKERS.narrator), *write_plain_body(head), control(_END)]

    def write_turn(self, turn: PromptTurn) -> list[Segment]:
        """Names are written: several people share a channel."""
        return write_marked_turn(_MARKERS, turn)

    def write_open_turn(self, persona_name: str, length_word: str | None) -> list[Segment]:
        """A length is a system message just before the open turn."""
        opening: list[Segment] = []
        if length_word:
            sentence = write_length_sentence(length_word)
            opening = [control(_MARKERS.narrator), trusted(sentence), control(_END)]
        return [*opening, control(_MARKERS.persona), untrusted(persona_name), control(":")]

    def list_stop_sequences(self, people: "Iterable[str]") -> tuple[str, ...]:
        """Bare markers: a version of DPOpenHermes failed to produce its end token."""
        return ("<|im_end|>", "<|im_start|>", *list_speaker_stops(people))
