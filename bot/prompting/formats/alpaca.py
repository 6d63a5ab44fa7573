"""Alpaca, several turns: Nous-Hermes, the Llama 2 merges of 2023 (SillyTavern's preset)."""

from typing import Final

from bot.prompting.formats.chat import ChatFormat
from bot.prompting.formats.markers import Markers

ALPACA: Final = ChatFormat(
    name="alpaca",
    head=("", "\n\n"),
    markers=Markers(
        person="### Instruction:\n", persona="### Response:\n", narrator="### Input:\n", end="\n\n"
    ),
    stop_sequences=("\n### Instruction", "\n### Input", "\n### Response"),
    line_headers=("###",),
)
"""The head is plain text before the first header; the narrator speaks under `### Input:`."""
