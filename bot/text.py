"""Pure text: splitting for Discord and tidying what a model wrote."""

import re
from collections.abc import Iterable

MESSAGE_LIMIT = 2000
"""Characters in one Discord message."""

_SMALLEST_SHARE = 3
"""A part is not cut before a third of its room: better in mid-sentence than a tiny part."""
_BORDERS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"[.!?…。！？]+[\"'”’»*_)]*\s+|[。！？]"),
    re.compile(r"\s+"),
)
"""Where a long reply may be cut, best first: paragraph, line, sentence, word."""
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»*_)]*(\s|$)|[。！？]")
_GLUED = re.compile(
    "[\u0300-\u036f\u200d\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
"""Belongs to the character before it: accents, joiners, variations, skin tones, tags."""
_JOINER = "\u200d"
_HEADERS = (
    "### Instruction",
    "### Input",
    "### Response",
    "<|im_",
    "[INST]",
    "[/INST]",
    "<|start_header_id|>",
    "<start_of_turn>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<|model|>",
    "<|START_OF_TURN_TOKEN|>",
)
"""What begins a turn in one prompt format or another."""


def split_message(text: str, limit: int = MESSAGE_LIMIT) -> list[str]:
    """Split at paragraph, sentence or word; what was already cut stays when the text grows.

    Each cut depends only on the text before it and the first `limit` characters after, so that a
    streamed reply never moves its earlier parts. White space at the cuts is dropped.
    """
    parts: list[str] = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _find_cut(rest, limit)
        part = rest[:cut].rstrip()
        if part:
            parts.append(part)
        rest = rest[cut:].lstrip()
    if rest:
        parts.append(rest)
    return parts


def _find_cut(text: str, limit: int) -> int:
    """The last best border within the limit, else the limit itself, but not inside an emoji."""
    window = text[:limit]
    smallest = limit // _SMALLEST_SHARE
    for border in _BORDERS:
        ends = [match.end() for match in border.finditer(window) if match.end() > smallest]
        if ends:
            return ends[-1]
    cut = limit
    while cut > smallest and (_GLUED.match(text[cut]) or text[cut - 1] == _JOINER):
        cut -= 1
    return cut if cut > smallest else limit


def has_sentence(text: str) -> bool:
    """Whether a first sentence is complete."""
    return _SENTENCE_END.search(text) is not None


def tidy_reply(text: str, *, persona_name: str, people: Iterable[str], final: bool) -> str:
    """Take off what a model writes around its reply.

    The persona's own name at line starts goes, blanks at line ends go, and everything from a line
    on that speaks for a person or looks like a header of a prompt format. So does half of such a
    beginning in the last line, where a reply was cut at its token limit.

    Args:
        text: What came so far, stop sequences already cut.
        persona_name: Whose reply it is.
        people: Names that must not speak in it.
        final: False while it still grows: then the last line is held back also if it may become
            the persona's name, because what was shown once should stay.
    """
    own = f"{persona_name}:"
    ends = (*_HEADERS, *(f"{name}:" for name in people))
    whole, _, last = text.rpartition("\n")
    last = last.lstrip()
    may_be_own, may_be_end = own.startswith(last), any(end.startswith(last) for end in ends)
    if (whole and may_be_end and not may_be_own) if final else (may_be_end or may_be_own):
        text = whole
    lines: list[str] = []
    for line in text.strip().split("\n"):
        bare = line.strip()
        if bare.startswith(ends):
            break
        if bare.startswith(own):
            line = bare.removeprefix(own).lstrip()  # noqa: PLW2901
        lines.append(line.rstrip())
    return "\n".join(lines).strip()


def shorten(text: str, limit: int) -> str:
    """Cut at a word and say so with an ellipsis."""
    if len(text) <= limit:
        return text
    head, space, _ = text[: limit - 1].rpartition(" ")
    return (head if space and head.strip() else text[: limit - 1]).rstrip(" ,;:.") + "…"
