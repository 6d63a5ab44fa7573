"""Alpaca as it was trained: one instruction, what it is about, one response.

Persona and scenario are the instruction, the scene is the input, each turn on a line with its
speaker's name. Sources: Stanford Alpaca's training code; axolotl's prompters; the Nous-Hermes
cards. For models that lose their way among several turns; no model is taken to want it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.prompting.formats.lengths import write_length_sentence
from bot.prompting.formats.markers import (
    TurnByTurn,
    drop_empty,
    join_segments,
    list_speaker_stops,
    write_plain_body,
    write_utterance,
)
from bot.prompting.prompt import (
    HeadParts,
    OpenTurn,
    PromptTurn,
    Segment,
    control,
    trusted,
    untrusted,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREAMBLE = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
)
_PREAMBLE_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further "
    "context. Write a response that appropriately completes the request.\n\n"
)
_INPUT = "\n\n### Input:\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpacaSingleFormat(TurnByTurn):
    """One of the three forms that are about."""

    name: str
    has_preamble: bool
    end: str
    """Behind the header of the response, which names nobody."""
    line_headers: tuple[str, ...] = ("###",)
    text_markers: tuple[str, ...] = ()
    has_names: bool = True

    def write_head(self, head: HeadParts) -> list[Segment]:
        """The instruction; the preamble says whether there is an input."""
        preamble = ""
        if self.has_preamble:
            preamble = _PREAMBLE_WITH_INPUT if head.has_turns else _PREAMBLE
        return drop_empty(
            [trusted(preamble), control("### Instruction:\n"), *write_plain_body(head)]
        )

    def write_turn(self, turn: PromptTurn, previous: PromptTurn | None = None) -> list[Segment]:
        """A line of the input."""
        return [control(_INPUT if previous is None else "\n"), *write_utterance(turn)]

    def write_open_turn(
        self, opening: OpenTurn, previous: PromptTurn | None = None
    ) -> list[Segment]:
        """A length is the last line of the input; whose reply it is, the instruction has said."""
        lines: list[list[Segment]] = []
        if opening.length_word:
            lines.append([trusted(f"({write_length_sentence(opening.length_word)})")])
        if not opening.is_persona:
            lines.append(
                [trusted("(The next to speak is "), untrusted(opening.name), trusted(".)")]
            )
        lead = [control(_INPUT if previous is None else "\n")] if lines else []
        header = control(f"\n\n### Response:{self.end}")
        return drop_empty([*lead, *join_segments(lines, "\n"), header, untrusted(opening.text)])

    def list_stop_sequences(self, people: "Iterable[str]") -> tuple[str, ...]:
        """Headers and people."""
        headers = ("\n### Instruction", "\n### Input", "\n### Response")
        return (*headers, *list_speaker_stops(people))


ALPACA_SINGLE: Final = AlpacaSingleFormat(name="alpaca_single", has_preamble=False, end="\n")
"""As the Nous-Hermes cards have it."""
ALPACA_AXOLOTL: Final = AlpacaSingleFormat(name="alpaca_axolotl", has_preamble=True, end="\n")
ALPACA_STANFORD: Final = AlpacaSingleFormat(name="alpaca_stanford", has_preamble=True, end="")
