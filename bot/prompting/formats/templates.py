"""Tells a family by its chat template: by the markers in it, which no two families share.

The order follows llama.cpp's own (src/llama-chat.cpp): special cases before general ones.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_SPACED_SYSTEM: Final = re.compile(r"\[(?:SYSTEM_PROMPT|INST)\] ")
_SPACED_FIRST: Final = re.compile(r"""["'] \[/?INST\]""")
_UNSPACED: Final = re.compile(r"""\[INST\]["']""")
_LINE_FEED: Final = re.compile(r"""\|>(?:\\n|\n|["'] *\+ *["'](?:\\n|\n))""")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTemplate:
    """What a template was recognised as."""

    format_name: str
    marker: str
    """What gave it away."""


def find_template(template: str) -> KnownTemplate | None:
    """The family whose markers a template has; None if it is no family that Troupe writes."""
    for marker, choose in _FAMILIES:
        if marker in template and (name := choose(template)):
            return KnownTemplate(format_name=name, marker=marker)
    return None


def _choose_chatml(template: str) -> str:
    return "phi4" if "<|im_sep|>" in template else "chatml"


def _choose_inst(template: str) -> str:
    """Mistral's versions differ in blanks, Llama 2 has a block for its system message."""
    if "[SYSTEM_PROMPT]" in template:
        return "mistral_v7" if _SPACED_SYSTEM.search(template) else "mistral_v7_tekken"
    if "<<SYS>>" in template:
        return "llama2"
    if _SPACED_FIRST.search(template):
        return "mistral_v1"
    return "mistral_tekken" if _UNSPACED.search(template) else "mistral_v3"


def _choose_bars(template: str) -> str:
    """`<|user|>` is Phi's, Metharme's, and several families' that Troupe does not write."""
    if "<|end|>" in template:
        return "phi3" if _LINE_FEED.search(template) else "phi4_mini"
    return "metharme" if "<|model|>" in template else ""


def _choose_vicuna(template: str) -> str:
    return "vicuna" if "ASSISTANT:" in template else ""


def _always(name: str) -> Callable[[str], str]:
    return lambda _: name


_FAMILIES: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("<|im_start|>", _choose_chatml),
    ("[INST]", _choose_inst),
    ("<start_of_turn>", _always("gemma")),
    ("<|START_OF_TURN_TOKEN|>", _always("command_r")),
    ("<|start_header_id|>", _always("llama3")),
    ("<|model|>", _choose_bars),
    ("<|assistant|>", _choose_bars),
    ("USER:", _choose_vicuna),
)
