"""Cohere's Command R and R+.

Sources: the models' own template; SillyTavern's preset.
"""

from typing import Final

from bot.prompting.formats.chat import ChatFormat
from bot.prompting.formats.markers import Markers

_SYSTEM = "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>"
_END = "<|END_OF_TURN_TOKEN|>"

COMMAND_R: Final = ChatFormat(
    name="command_r",
    head=(_SYSTEM, _END),
    markers=Markers(
        person="<|START_OF_TURN_TOKEN|><|USER_TOKEN|>",
        persona="<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        narrator=_SYSTEM,
        end=_END,
    ),
    stop_sequences=(_END, "<|START_OF_TURN_TOKEN|>"),
)
