"""All formats by the name that settings use."""

from typing import Final

from bot.prompting.formats.alpaca import ALPACA
from bot.prompting.formats.alpaca_single import ALPACA_AXOLOTL, ALPACA_SINGLE, ALPACA_STANFORD
from bot.prompting.formats.chatml import CHATML, CHATML_NAMELESS
from bot.prompting.formats.command_r import COMMAND_R
from bot.prompting.formats.gemma import GEMMA
from bot.prompting.formats.limarp import LimarpFormat
from bot.prompting.formats.limarp_v2 import LimarpV2Format
from bot.prompting.formats.llama2 import LLAMA2
from bot.prompting.formats.llama3 import LLAMA3
from bot.prompting.formats.markers import PromptFormat
from bot.prompting.formats.metharme import METHARME
from bot.prompting.formats.mistral import (
    MISTRAL_TEKKEN,
    MISTRAL_V1,
    MISTRAL_V3,
    MISTRAL_V7,
    MISTRAL_V7_TEKKEN,
)
from bot.prompting.formats.phi import PHI3, PHI4, PHI4_MINI
from bot.prompting.formats.vicuna import VICUNA

_ALL: tuple[PromptFormat, ...] = (
    LimarpFormat(),
    LimarpV2Format(),
    ALPACA,
    ALPACA_SINGLE,
    ALPACA_AXOLOTL,
    ALPACA_STANFORD,
    CHATML,
    CHATML_NAMELESS,
    LLAMA2,
    LLAMA3,
    MISTRAL_V1,
    MISTRAL_V3,
    MISTRAL_TEKKEN,
    MISTRAL_V7,
    MISTRAL_V7_TEKKEN,
    GEMMA,
    VICUNA,
    METHARME,
    PHI3,
    PHI4_MINI,
    PHI4,
    COMMAND_R,
)
FORMATS: Final[dict[str, PromptFormat]] = {each.name: each for each in _ALL}
