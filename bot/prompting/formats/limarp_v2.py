"""LimaRP v2 on Llama 2: the length is a sentence at the end of the instruction.

Source: the cards of the v2 merges, where only `medium` is written out; that it takes LimaRP's other
words as well is our guess.
"""

from dataclasses import replace

from bot.prompting.formats.limarp import LimarpFormat
from bot.prompting.prompt import HeadParts, OpenTurn, PromptTurn, Segment, trusted, untrusted


class LimarpV2Format(LimarpFormat):
    """LimaRP's headers without anything on them."""

    name = "limarp_v2"

    def write_instruction(self, head: HeadParts) -> list[Segment]:
        """With another length the whole prompt is another one: it stands before all turns."""
        instruction = super().write_instruction(head)
        if not head.length_word:
            return instruction
        sentence = f" should respond with messages of {head.length_word} length."
        return [*instruction, trusted(" "), untrusted(head.persona_name), trusted(sentence)]

    def write_open_turn(
        self, opening: OpenTurn, previous: PromptTurn | None = None
    ) -> list[Segment]:
        """The bare header."""
        return super().write_open_turn(replace(opening, length_word=None), previous)
