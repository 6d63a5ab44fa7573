"""Metharme: Pygmalion 2, Mythalion and later models of PygmalionAI's.

Sources: the Pygmalion 2 card; SillyTavern's presets Metharme and Pygmalion, which differ in names
and in what they stop at: here names are written and all of it stops. On Llama 2's vocabulary the
markers are ordinary text.
"""

from typing import Final

from bot.prompting.formats.chat import ChatFormat
from bot.prompting.formats.markers import Markers

METHARME: Final = ChatFormat(
    name="metharme",
    head=("<|system|>", "\n"),
    markers=Markers(person="<|user|>", persona="<|model|>", narrator="<|user|>", end=""),
    stop_sequences=("</s>", "<|user|>", "<|model|>"),
    line_headers=("<|system|>", "<|user|>", "<|model|>"),
)
