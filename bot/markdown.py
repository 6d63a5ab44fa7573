"""What of a text is Discord's markdown: what is open where, and where it must not be cut.

Discord publishes no grammar. What is here follows what its clients show: code before everything
else, paired marks in any order, unpaired ones as they are. It takes linear time whatever comes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

FENCE = "```"
_SPOILER = "||"
_QUOTE_OF_ALL = ">>> "
_LANGUAGE = r"[\w+.#-]{1,30}"
_NEVER = 1 << 60  # behind every end

BLOCK = re.compile(r"[ \t]*(>>>[ ]|>[ ])?(?:(?:[-*+]|\d{1,9}[.)]|#{1,3}|-#)[ ]+)?")
"""What may stand at the beginning of a line: a quote, a list item, a heading, small print."""
PARAGRAPH = re.compile(r"\n(?:[^\S\n]*+\n)+")
_FENCE_HEAD = re.compile(rf"```(?:({_LANGUAGE})?\n|{_LANGUAGE}\Z)?")
_TICKS = re.compile("`+")
_ATOMS = r"""
    (?P<paragraph>\n(?:[^\S\n]*+\n)+)
  | (?P<block>(?m:^)[ \t]*(?:(?:>>>[ ]|>[ ])(?:(?:[-*+]|\d{1,9}[.)]|\#{1,3}|-\#)[ ]+)?
        |(?:[-*+]|\d{1,9}[.)]|\#{1,3}|-\#)[ ]+))
  | (?P<ticks>`+)
  | (?P<run>\*+|_+|~~+|\|\|+)
  | (?P<atom>
        \\[^\w\s]
      | \[[^\[\]\n]++\]\((?:[^()\s]|\([^()\s]*+\))*+\)
      | <(?:@[!&]?|\#|a?:\w{1,40}:|t:-?|/[\w\ -]{1,100}:)\d+(?::[a-zA-Z])?>
      | https?://(?:[^\s<>*|~`]|~(?!~)|\|(?!\|))+(?<![_.,:;"')\]!?])
"""
_HALF_ATOMS = r"""
      | \[[^\[\]\n]{0,200}+\Z | \[[^\[\]\n]++\](?:\((?:[^()\s]|\([^()\s]*+\))*+)?\Z
      | <[@\#at:/][^\s<>]{0,100}+\Z
"""
_WHOLE = re.compile(rf"{_ATOMS})", re.VERBOSE)
_CUT_OFF = re.compile(rf"{_ATOMS}{_HALF_ATOMS})", re.VERBOSE)
"""The same of a text that goes on: what may become a link or a mention is one already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Markup that is open, and how it is opened and closed anew."""

    opens: str
    closes: str  # empty for quotes
    is_line: bool = False
    """A quote of one line."""

    @property
    def is_fence(self) -> bool:
        """Whether it is a block of code."""
        return self.closes.endswith(FENCE)

    @property
    def is_code(self) -> bool:
        """Whether what is in it has no markup of its own."""
        return self.closes.endswith("`")

    @property
    def ends_with_paragraph(self) -> bool:
        """Whether an empty line is its end."""
        return bool(self.closes) and not self.is_fence and self.closes != _SPOILER


class Span(NamedTuple):
    """Where markup stands; its end is never while it is not known."""

    opening: Opening
    start: int
    """Negative for what was open before the text."""
    inner_start: int
    inner_end: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """The markup of a text."""

    spans: Sequence[Span]
    """In the order of their beginnings. An opening that nothing closes is none."""
    forbidden: bytearray
    """Not 0 for the positions that are inside something that is not to be cut."""
    nested: Sequence[tuple[Span, ...]]
    """For each position, the spans around it."""

    @property
    def still_open(self) -> tuple[Opening, ...]:
        """What was open before and is more than a mark that nothing closes."""
        return tuple(span.opening for span in self.spans if span.start < 0)


def find_markup(text: str, before: Sequence[Opening] = (), *, is_whole: bool) -> Markup:
    """Read the markup of a text.

    Args:
        text: A text, or its first characters.
        before: What is open at its beginning, outermost first.
        is_whole: False where more follows: then an opening that the text's end does not settle
            counts as one that will be closed.
    """
    reader = _Reader(text, before, is_whole=is_whole)
    reader.read()
    spans = sorted(reader.spans, key=lambda span: span.start)
    return Markup(spans=spans, forbidden=reader.forbidden, nested=[*_nest(spans, len(text))])


class _Reader:
    """Goes through a text once."""

    def __init__(self, text: str, before: Sequence[Opening], *, is_whole: bool) -> None:
        self.spans: list[Span] = []
        self.forbidden = bytearray(len(text) + 1)
        self._text = text
        self._is_whole = is_whole
        self._tokens = _WHOLE if is_whole else _CUT_OFF
        self._open: list[Span] = []
        """Marks that may yet be closed, at most one of each kind."""
        self._quote_end = _NEVER
        self._is_all_quoted = any(one.opens == _QUOTE_OF_ALL for one in before)
        self._last_spoiler = text.rfind(_SPOILER)
        self._ticks = _pair_ticks(text)
        self._position = 0
        for number, opening in enumerate(before):
            self._begin(Span(opening, number - len(before), 0, _NEVER, _NEVER))

    def _begin(self, span: Span) -> None:
        """Take up what is open before the text."""
        if not span.opening.closes:
            self._quote_end = end = self._find("\n", 0) if span.opening.is_line else _NEVER
            self.spans.append(span._replace(inner_end=end, end=end))
        elif span.opening.is_fence:
            self._position = self._add_fence(span)
        elif span.opening.is_code:
            starts = (m.start() for m in _TICKS.finditer(self._text) if m[0] == span.opening.closes)
            self._position = self._add_code(span, next(starts, None))
        else:
            self._open.append(span)

    def read(self) -> None:
        """Find everything."""
        text = self._text
        while token := self._tokens.search(text, self._position):
            start, self._position = token.span()
            if start >= self._quote_end:
                self._forget()
                self._quote_end = _NEVER
            kind = token.lastgroup
            if kind == "paragraph":
                self._forget()
                continue
            self._forbid(start, self._position - (kind != "block"))
            if kind == "block":
                self._read_block(token[0], start)
            elif kind == "ticks":
                self._read_ticks(token[0], start)
            elif kind == "run":
                self._read_run(start, self._position)
        if self._quote_end < len(text):
            self._forget()
        if not self._is_whole:
            self.spans += self._open

    def _forbid(self, start: int, end: int) -> None:
        self.forbidden[start + 1 : end + 1] = b"\1" * (end - start)

    def _find(self, what: str, start: int) -> int:
        found = self._text.find(what, start)
        return found if found >= 0 else _NEVER

    def _forget(self) -> None:
        """A paragraph ends: what it left open is text, but for spoilers, which may go on."""
        kept = [span for span in self._open if span.opening.closes == _SPOILER]
        self._open = kept if self._last_spoiler >= self._position else []

    def _read_block(self, block: str, start: int) -> None:
        self._forget()
        found = BLOCK.match(block)
        if not found or not (quote := found[1]) or self._is_all_quoted:
            return
        is_line = quote != _QUOTE_OF_ALL
        self._is_all_quoted = not is_line
        end = self._find("\n", self._position) if is_line else _NEVER
        opening = Opening(opens=quote, closes="", is_line=is_line)
        self.spans.append(Span(opening, start, self._position, end, end))
        if is_line:
            self._quote_end = end

    def _read_ticks(self, ticks: str, start: int) -> None:
        if len(ticks) == len(FENCE):
            self._position = self._add_fence(self._open_fence(start))
        elif len(ticks) < len(FENCE):
            span = Span(Opening(opens=ticks, closes=ticks), start, self._position, _NEVER, _NEVER)
            self._position = self._add_code(span, self._ticks.get(start))

    def _open_fence(self, start: int) -> Span:
        head = _FENCE_HEAD.match(self._text, start)
        language, end = (head[1], head.end()) if head else (None, start + len(FENCE))
        self._forbid(start, end)
        last = self.spans[-1] if self.spans else None
        quote = "> " if last and last.opening.is_line and last.end >= start else ""
        self._quote_end = _NEVER
        opening = Opening(opens=f"{quote}{FENCE}{language or ''}\n", closes=f"\n{quote}{FENCE}")
        return Span(opening, start, end, _NEVER, _NEVER)

    def _add_fence(self, span: Span) -> int:
        """Note a fence up to its end, and return that; one that nothing ends holds all the rest."""
        closer = self._text.find(FENCE, span.inner_start)
        if closer < 0:
            self.spans.append(span)
            return len(self._text)
        end = closer + len(FENCE)
        self._forbid(closer, end - 1)
        inner_end = len(
            self._text[: closer - (self._text[closer - 2 : closer] == "> ") * 2].rstrip()
        )
        self.spans.append(span._replace(inner_end=inner_end, end=end))
        return end

    def _add_code(self, span: Span, closer: int | None) -> int:
        """Note code up to its end within the paragraph, and return where to go on."""
        stop = closer if closer is not None else len(self._text)
        if PARAGRAPH.search(self._text, span.inner_start, stop):
            return span.inner_start
        if closer is None:
            if self._is_whole:
                return span.inner_start
            self.spans.append(span)
            return len(self._text)
        end = closer + len(span.opening.closes)
        self._forbid(closer, end - 1)
        self.spans.append(span._replace(inner_end=closer, end=end))
        return end

    def _read_run(self, start: int, end: int) -> None:
        """Open and close what a run of one character opens and closes."""
        text, size, mark = self._text, end - start, self._text[start]
        longest = 3 if mark in "*_" else 2
        if size > longest or (end == len(text) and not self._is_whole):
            return
        follows, precedes = text[end : end + 1], text[start - 1 : start] if start else ""
        can_open, can_close = bool(follows.strip()), bool(precedes.strip())
        if mark == "_" and size == 1:
            can_open &= not precedes.isalnum()
            can_close &= not follows.isalnum()
        while start < end:
            kinds = (mark * (end - start),) if end - start <= 2 else (mark, mark * 2)  # noqa: PLR2004
            if not (width := self._close(kinds, start, can_close=can_close)):
                width = min(2, end - start)
                if can_open:
                    self._push(mark * width, start)
            start += width

    def _close(self, kinds: Sequence[str], start: int, *, can_close: bool) -> int:
        """Close the innermost of these that is open, and return how long its mark is, else 0."""
        for number in reversed(range(len(self._open))):
            span = self._open[number]
            width = len(span.opening.closes)
            if span.opening.closes in kinds and (can_close or width > 1):
                self.spans.append(span._replace(inner_end=start, end=start + width))
                del self._open[number:]
                return width
        return 0

    def _push(self, mark: str, start: int) -> None:
        opening = Opening(opens=mark, closes=mark)
        self._open = [span for span in self._open if span.opening != opening]
        self._open.append(Span(opening, start, start + len(mark), _NEVER, _NEVER))


def _pair_ticks(text: str) -> dict[int, int]:
    """Where the next run of as many backticks begins, for each run that has one."""
    found, last = dict[int, int](), dict[str, int]()
    for run in _TICKS.finditer(text):
        if run[0] in last:
            found[last[run[0]]] = run.start()
        last[run[0]] = run.start()
    return found


def _nest(spans: Iterable[Span], length: int) -> Iterable[tuple[Span, ...]]:
    begins, ends = dict[int, list[Span]](), dict[int, set[Span]]()
    for span in spans:
        begins.setdefault(max(0, span.start + 1), []).append(span)
        ends.setdefault(span.end, set()).add(span)

    def step(around: tuple[Span, ...], position: int) -> tuple[Span, ...]:
        if position in ends:
            around = tuple(span for span in around if span not in ends[position])
        return (*around, *begins[position]) if position in begins else around

    around = accumulate(range(length + 1), step, initial=())
    next(around)
    return around
