"""Gemma 1 to 3: no system message, and exchanges only.

Sources: Google's template, which refuses both; llama.cpp's template of this name.
"""

from typing import Final

from bot.prompting.formats.alternating import AlternatingFormat

_USER = "<start_of_turn>user\n"
_END = "<end_of_turn>\n"

GEMMA: Final = AlternatingFormat(
    name="gemma",
    head=(_USER, "\n\n"),
    is_folded=True,
    person=(_USER, _END),
    persona=("<start_of_turn>model\n", _END),
    stop_sequences=("<end_of_turn>", "<start_of_turn>"),
    is_trimmed=True,
)
