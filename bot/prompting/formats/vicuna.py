"""Vicuna 1.1 and 1.5, whose markers are ordinary words.

Sources: the Vicuna card; llama.cpp's template of this name. The training text has a blank where a
line feed stands here, as in all programs that play roles with it.
"""

from typing import Final

from bot.prompting.formats.chat import ChatFormat
from bot.prompting.formats.markers import Markers

VICUNA: Final = ChatFormat(
    name="vicuna",
    head=("", "\n\n"),
    markers=Markers(
        person="USER: ", persona="ASSISTANT: ", narrator="USER: ", end="\n", persona_end="</s>\n"
    ),
    stop_sequences=("</s>", "\nUSER:", "\nASSISTANT:"),
    line_headers=("USER:", "ASSISTANT:", "SYSTEM:"),
    text_markers=("USER:", "ASSISTANT:", "SYSTEM:"),
)
