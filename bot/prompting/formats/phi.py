"""Microsoft's Phi: 3 and 3.5, 4 mini, and 4, which is a ChatML of its own.

Sources: the models' own templates; llama.cpp's templates phi3 and phi4; SillyTavern's preset.
"""

from typing import Final

from bot.prompting.formats.chat import ChatFormat
from bot.prompting.formats.markers import Markers

_STOPS = ("<|end|>", "<|user|>", "<|assistant|>")

PHI3: Final = ChatFormat(
    name="phi3",
    head=("<|system|>\n", "<|end|>\n"),
    markers=Markers(
        person="<|user|>\n", persona="<|assistant|>\n", narrator="<|system|>\n", end="<|end|>\n"
    ),
    stop_sequences=_STOPS,
)

PHI4_MINI: Final = ChatFormat(
    name="phi4_mini",
    head=("<|system|>", "<|end|>"),
    markers=Markers(
        person="<|user|>", persona="<|assistant|>", narrator="<|system|>", end="<|end|>"
    ),
    stop_sequences=_STOPS,
)
"""The same without line feeds."""

PHI4: Final = ChatFormat(
    name="phi4",
    head=("<|im_start|>system<|im_sep|>", "<|im_end|>"),
    markers=Markers(
        person="<|im_start|>user<|im_sep|>",
        persona="<|im_start|>assistant<|im_sep|>",
        narrator="<|im_start|>system<|im_sep|>",
        end="<|im_end|>",
    ),
    stop_sequences=("<|im_end|>", "<|im_start|>"),
)
