"""Llama 3 and its merges.

Sources: Meta's model card; llama.cpp's template of this name; SillyTavern's preset, which has the
narrator among the people.
"""

from typing import Final

from bot.prompting.formats.chat import ChatFormat
from bot.prompting.formats.markers import Markers

_END = "<|eot_id|>"
_USER = "<|start_header_id|>user<|end_header_id|>\n\n"

LLAMA3: Final = ChatFormat(
    name="llama3",
    head=("<|start_header_id|>system<|end_header_id|>\n\n", _END),
    markers=Markers(
        person=_USER,
        persona="<|start_header_id|>assistant<|end_header_id|>\n\n",
        narrator=_USER,
        end=_END,
    ),
    stop_sequences=("<|eot_id|>", "<|start_header_id|>", "<|end_of_text|>"),
    is_trimmed=True,
)
