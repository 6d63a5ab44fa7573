"""LimaRP v3: extended Alpaca with length words on the header of the open turn.

Source: the cards of LimaRP-Mistral-7B and its successors. `### Input:` always has its colon; the
cards' colonless form is a slip.
"""

from typing import TYPE_CHECKING

from bot.prompting.formats.markers import (
    Markers,
    TurnByTurn,
    drop_empty,
    join_segments,
    list_speaker_stops,
    write_marked_turn,
    write_speaker,
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

_MARKERS = Markers(
    person="### Input:\n", persona="### Response:\n", narrator="### Input:\n", end="\n\n"
)


class LimarpFormat(TurnByTurn):
    """For models trained on the LimaRP data set."""

    name = "limarp"
    line_headers = ("###",)
    text_markers = ()
    has_names = True

    def write_head(self, head: HeadParts) -> list[Segment]:
        """The instruction block; paragraphs of which nothing is known are left out whole."""
        name, person = untrusted(head.persona_name), untrusted(head.person.name)
        about = " ".join(part for part in (head.description, head.personality) if part)
        blocks: list[list[Segment]] = []
        if head.lore_before:
            blocks.append([untrusted(head.lore_before)])
        if about:
            blocks.append([name, trusted("'s Persona: "), untrusted(about)])
        if head.person.description:
            blocks.append([person, trusted("'s Persona: "), untrusted(head.person.description)])
        if head.scenario:
            blocks.append([trusted("Scenario: "), untrusted(head.scenario)])
        if head.lore_after:
            blocks.append([untrusted(head.lore_after)])
        if head.system_prompt:
            blocks.append([untrusted(head.system_prompt)])
        blocks.append(self.write_instruction(head))
        return [control("### Instruction:\n"), *join_segments(blocks, "\n\n"), control("\n\n")]

    def write_instruction(self, head: HeadParts) -> list[Segment]:
        """The last paragraph of the block."""
        name, person = untrusted(head.persona_name), untrusted(head.person.name)
        return [
            trusted("Play the role of "),
            name,
            trusted(". You must engage in a roleplaying chat with "),
            person,
            trusted(" below this line. Do not write dialogues and narration for "),
            person,
            trusted("."),
        ]

    def write_turn(self, turn: PromptTurn, previous: PromptTurn | None = None) -> list[Segment]:
        """Finished turns have the bare header."""
        del previous
        return write_marked_turn(_MARKERS, turn)

    def write_open_turn(
        self, opening: OpenTurn, previous: PromptTurn | None = None
    ) -> list[Segment]:
        """The prompt ends in `Name:` without a space, as the training text was cut."""
        del previous
        length = f" (length = {opening.length_word})" if opening.length_word else ""
        header = f"### Response:{length}\n" if opening.is_persona else _MARKERS.person
        return drop_empty([control(header), *write_speaker(opening, has_names=True)])

    def list_stop_sequences(self, people: "Iterable[str]") -> tuple[str, ...]:
        """Headers, the colonless one too: nothing says that the model ends its replies itself."""
        headers = ("\n### Input", "\n### Response", "\n### Instruction")
        return (*headers, *list_speaker_stops(people))
