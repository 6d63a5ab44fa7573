"""ChatML: OpenHermes 2.5, DPOpenHermes, Qwen and many of today's merges.

Source: the OpenHermes 2.5 and DPOpenHermes cards. Contents are not trimmed.
"""

from dataclasses import replace
from typing import Final

from bot.prompting.formats.chat import ChatFormat
from bot.prompting.formats.markers import Markers

_SYSTEM = "<|im_start|>system\n"
_END = "<|im_end|>\n"

CHATML: Final = ChatFormat(
    name="chatml",
    head=(_SYSTEM, _END),
    markers=Markers(
        person="<|im_start|>user\n",
        persona="<|im_start|>assistant\n",
        narrator=_SYSTEM,
        end=_END,
    ),
    # Bare: a version of DPOpenHermes failed to produce its end token.
    stop_sequences=("<|im_end|>", "<|im_start|>"),
)
"""With names, which several people in a channel need."""

CHATML_NAMELESS: Final = replace(CHATML, name="chatml_nameless", has_names=False)
"""As the cards have it, for two; whoever else joins in is named."""
