"""How a model would read a prompt, knowing nothing of how it was made."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from tests.prompting.attacks import OTHER_NAME, PERSON_NAME, PERSONA_NAME, SPECIALS

_MARKS = " *_~`'\""
_LOOK_ALIKES = {
    **dict.fromkeys("\u0430\u03b1", "a"),
    **dict.fromkeys("\u043e\u03bf", "o"),
    **dict.fromkeys("\u043c\u03bc", "m"),
    **dict.fromkeys("\u0442\u03c4", "t"),
    **dict.fromkeys("\u0456\u03b9", "i"),
    **dict.fromkeys("\u2236\ua789\u02d0", ":"),
    "\u0455": "s",
    "\u266f": "#",
}
"""Those of the attacks, in small letters."""
_LOOKS = str.maketrans(_LOOK_ALIKES)


@dataclass(frozen=True)
class Reading:
    """How a model sees a prompt; two chats that differ in harmless words only read the same."""

    headers: tuple[str, ...]
    """The openings of turns, in their order."""
    specials: Counter[str]
    speaker_lines: int
    """Lines that begin with the name of somebody in the scene and a colon."""


_BARS = r"<\|(?:system|user|model|assistant)\|>"
_MARKERS = {
    "messages": r"<\|im_start\|>\w*",
    "preset-named": r"<\|im_start\|>",
    "native-chatml": r"<\|im_start\|>\w*",
    "native-vicuna": r"(?:USER|ASSISTANT):",
    "native-llama2": r"\[/?INST\]",
    "preset-vicuna": r"(?:USER|ASSISTANT):",
    "chatml": r"<\|im_start\|>\w*",
    "chatml_nameless": r"<\|im_start\|>\w*",
    "llama2": r"\[/?INST\]|<</?SYS>>",
    "llama3": r"<\|start_header_id\|>\w*",
    "mistral_v1": r"\[/?INST\]",
    "mistral_v3": r"\[/?INST\]",
    "mistral_tekken": r"\[/?INST\]",
    "mistral_v7": r"\[/?(?:INST|SYSTEM_PROMPT)\]",
    "mistral_v7_tekken": r"\[/?(?:INST|SYSTEM_PROMPT)\]",
    "gemma": r"<start_of_turn>\w*",
    "vicuna": r"(?:USER|ASSISTANT|SYSTEM):",
    "metharme": _BARS,
    "phi3": _BARS,
    "phi4_mini": _BARS,
    "phi4": r"<\|im_start\|>\w*",
    "command_r": r"<\|(?:START_OF_TURN|END_OF_TURN|SYSTEM|USER|CHATBOT)_TOKEN\|>",
}
"""What opens a turn wherever it stands; the other formats' headers begin a line."""
_LINE_MARKERS = {
    "messages": ("###",),
    "native-vicuna": ("user:", "assistant:"),
    "native-llama2": ("[inst]", "[/inst]"),
    "preset-vicuna": ("user:", "assistant:"),
    "vicuna": ("user:", "assistant:", "system:"),
    "metharme": ("<|system|>", "<|user|>", "<|model|>"),
    "llama2": ("[inst]", "[/inst]", "<<sys>>", "<</sys>>"),
    "mistral_v1": ("[inst]", "[/inst]"),
}
"""Ordinary text to these families' tokenizers: a look-alike at a line's start is as good."""


def read_as_a_model(text: str, format_name: str) -> Reading:
    """Read the finished text of a prompt."""
    lines = text.splitlines()
    if format_name in _MARKERS:
        marker = re.compile(_MARKERS[format_name])
        headers = marker.findall(text)
        begin = _LINE_MARKERS.get(format_name, ())
        others = map(_fold, marker.sub("|", text).splitlines()) if begin else ()
        headers += [line for line in others if line.startswith(begin)]
    else:
        # Up to the colon: in one of them an utterance begins right behind it.
        folded = map(_fold, lines)
        begin = ("###", "***", "<start>") if format_name == "preset-separated" else "###"
        headers = [line.partition(":")[0] for line in folded if line.startswith(begin)]
    spoken = Counter(map(_find_speaker, lines))
    return Reading(
        headers=tuple(headers),
        specials=Counter({special: text.count(special) for special in SPECIALS}),
        speaker_lines=sum(spoken[_fold(name)] for name in (PERSONA_NAME, PERSON_NAME, OTHER_NAME)),
    )


def bear_the_name(line: str, name: str) -> bool:
    """Whether a line looks as if somebody of this name spoke in it."""
    return _find_speaker(line) == _fold(name)


@lru_cache(maxsize=4096)
def _find_speaker(line: str) -> str:
    spoken, colon, _ = _fold(line).partition(":")
    return spoken.strip(_MARKS) if colon else ""


@lru_cache(maxsize=4096)
def _fold(line: str) -> str:
    """As the eye sees it: no invisible characters, look-alikes as what they look like."""
    if line.isascii() and line.isprintable():
        return line.strip().casefold()
    shown = re.sub("[\u034f\ufe00-\ufe0f]", "", re.sub("[\u2800\u3164]", " ", line))
    shown = "".join(c for c in shown if unicodedata.category(c) not in {"Cc", "Cf"})
    return unicodedata.normalize("NFKC", shown).strip().casefold().translate(_LOOKS)
