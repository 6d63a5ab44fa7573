"""Pure text: tidying what a model wrote, and shortening what is too long."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from bot.generation.special_strings import KNOWN_SPECIAL_STRINGS

MESSAGE_LIMIT = 2000
"""Characters in one Discord message."""

_SENTENCE_END = re.compile(r"[.!?…][\"'”’»*_)]*(\s|$)|[。！？]")
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
_TOKEN = re.compile(r"<[^<>\s]+>|<<[^<>\s]+>>|\[[^\[\]\s]+\]")
"""How control tokens are spelt."""
_HALF_CONTROL = re.compile(r"[<\[][^\s<\[]{0,30}$|<<[^\s<\[]{0,30}$")
_TELLING_HALF = 3
"""As much of a control token at a reply's end cannot be anything else."""
_OWN_HEADER = re.compile(r"### Response:?(?: \(length = \w+\))?")
"""The header of the persona's own turn, which some models say again in mid-sentence."""
_BOLD = "**"


def has_sentence(text: str) -> bool:
    """Whether a first sentence is complete."""
    return _SENTENCE_END.search(text) is not None


def tidy_reply(
    text: str,
    *,
    persona_name: str,
    people: Iterable[str],
    final: bool,
    is_cut: bool = False,
    markers: Iterable[str] = (),
) -> str:
    """Take off what a model writes around its reply.

    The persona's own name at line starts goes, blanks at line ends go, and everything from a line
    on that speaks for a person or looks like a header of a prompt format, or from a control token
    on, wherever it stands. So does half of such a beginning in the last line, where a reply was
    cut at its token limit.

    Args:
        text: What came so far, stop sequences already cut.
        persona_name: Whose reply it is.
        people: Names that must not speak in it.
        final: False while it still grows: then the last line is held back also if it may become
            the persona's name, because what was shown once should stay.
        is_cut: Whether it ended at its token limit; where the model ended itself, a last line that
            is somebody's name is an answer.
        markers: Headers and tokens of the format in use, besides those that are known of all.
    """
    borders = _list_borders(tuple(markers))
    text = _cut_control(text, borders.tokens, shortest=_TELLING_HALF if final else 1)
    own = f"{persona_name}:"
    ends = (*_HEADERS, *borders.headers, *(m for name in people for m in _list_marks(name)))
    whole, _, last = text.rpartition("\n")
    last = last.lstrip()
    may_be_own = own.startswith(last)
    may_be_end = any(end.startswith(last) for end in (*ends, *borders.words))
    if (is_cut and whole and may_be_end and not may_be_own) if final else may_be_end or may_be_own:
        text = whole
    lines = _tidy_lines(text, persona_name, ends, borders.words)
    # What was taken off may have stood between two halves.
    return _cut_control("\n".join(lines), borders.tokens, shortest=_TELLING_HALF).strip()


def _tidy_lines(
    text: str, persona_name: str, ends: tuple[str, ...], words: frozenset[str]
) -> list[str]:
    """The lines before the first that ends a reply, without the persona's own name before them."""
    marks = "|".join(map(re.escape, _list_marks(persona_name)))
    own_names = re.compile(rf"^(?:\s*(?:{marks}))+\s*")
    lines: list[str] = []
    for line in text.strip().split("\n"):
        while not (line.strip().startswith(ends) or line.strip() in words):
            shorter = _OWN_HEADER.sub("", own_names.sub("", line))
            if shorter == line:
                break
            line = shorter  # noqa: PLW2901
        else:
            break
        lines.append(line.rstrip())
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class _Borders:
    """Where a reply in one format ends."""

    headers: tuple[str, ...]
    """What begins a line there."""
    words: frozenset[str]
    """Headers of one word, such as `User`: they are whole lines, and others begin with them."""
    tokens: tuple[str, ...]


@lru_cache(maxsize=64)
def _list_borders(markers: tuple[str, ...]) -> _Borders:
    tokens = [mark for mark in markers if _TOKEN.fullmatch(mark)]
    words = [mark for mark in markers if mark.isalnum()]
    return _Borders(
        headers=tuple(mark for mark in markers if mark and mark not in {*tokens, *words}),
        words=frozenset(words),
        tokens=(*KNOWN_SPECIAL_STRINGS, *tokens),
    )


@lru_cache(maxsize=64)
def _compile_tokens(tokens: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))))


def _cut_control(text: str, tokens: tuple[str, ...], *, shortest: int) -> str:
    """Without a control token and what follows it, or what may become one at the end."""
    if control := _compile_tokens(tokens).search(text):
        return text[: control.start()]
    half = _HALF_CONTROL.search(text)
    if half and len(half[0]) >= shortest and any(t.startswith(half[0]) for t in tokens):
        return text[: half.start()]
    return text


def _list_marks(name: str) -> tuple[str, ...]:
    """How models write who speaks; in bold, the colon on either side of the end."""
    return (f"{name}:", f"{_BOLD}{name}:{_BOLD}", f"{_BOLD}{name}{_BOLD}:")


def draw_bar(parts: Mapping[str, int], whole: int, *, cells: int) -> str:
    """Draw what fills a whole, a mark for each part and dots for what is free.

    Borders are rounded, not lengths, so that the marks never are more than the bar has cells.
    """
    bar, filled = "", 0
    for mark, size in parts.items():
        filled += size
        bar += mark * (round(cells * min(1.0, filled / whole)) - len(bar))
    return bar.ljust(cells, "·")


def shorten(text: str, limit: int) -> str:
    """Cut at a word and say so with an ellipsis."""
    if len(text) <= limit:
        return text
    head, space, _ = text[: limit - 1].rpartition(" ")
    return (head if space and head.strip() else text[: limit - 1]).rstrip(" ,;:.") + "…"
