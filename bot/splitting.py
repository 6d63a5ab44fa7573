"""Long replies as several messages, each whole by itself: open markup is closed and reopened."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.markdown import BLOCK, FENCE, PARAGRAPH, Markup, Opening, Span, find_markup
from bot.text import MESSAGE_LIMIT

_SMALLEST_REPAIRED = 100
"""With less room than this, markup is text like any other: its marks would take up most of it."""
_SMALLEST_SHARE = 3
"""A part is not cut before a third of its room: better in mid-sentence than a tiny part."""
_FENCE_ROOM = len(f"\n> {FENCE}")
"""Kept free wherever code may have to be closed."""
_BORDERS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"[.!?…。！？]+[\"'”’»*_)|]*\s+|[。！？]+[」』”’]*"),
    re.compile(r"\s+"),
)
"""Where a long reply may be cut, best first: paragraph, line, sentence, word."""
_HALF_BLOCK = re.compile(r"(?:[-*+]|\d{1,9}[.)]?|#{1,3}|-#|>{1,3})\Z")
_NEWLINES = re.compile(r"\n*")
_BLANKS = re.compile(r"\s*")
_JOINER = "\u200d"
_REGIONAL = re.compile("[\U0001f1e6-\U0001f1ff]+\\Z")
"""Two of these letters are a flag."""
_GLUED = re.compile("[\u200d\u1160-\u11ff\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\udc00-\udfff]")
"""Belongs to the character before it, beside all accents and variations: joiners, Korean vowels and
finals, skin tones, tags, second halves of surrogates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One message's worth of a text."""

    opened: str
    """Added before: markup that is open here since an earlier part."""
    body: str
    """A stretch of the text itself."""
    closed: str
    """Added behind: the ends of what is open here."""

    @property
    def text(self) -> str:
        """The message."""
        return f"{self.opened}{self.body}{self.closed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joint:
    """A cut: where one part ends, where the next begins, and what is open across."""

    body_end: int
    next_start: int
    openings: tuple[Opening, ...]
    closed: str


def split_message(text: str, limit: int = MESSAGE_LIMIT) -> list[str]:
    """Split at paragraph, sentence or word, so that each part shows what it is part of.

    See `split_parts`, which tells what was added.
    """
    return [part.text for part in split_parts(text, limit)]


def split_parts(text: str, limit: int = MESSAGE_LIMIT) -> list[Part]:
    """Split a text; what was already cut stays when the text grows.

    Each cut depends only on the text before it and the first `limit` characters after, so that a
    streamed reply never moves its earlier parts. White space at the cuts is dropped; fences, code,
    emphasis, spoilers and quotes that are open there are closed and reopened; links, mentions,
    emoji and the like are cut only if they have no room in a message at all. A mark that nothing
    closes in its paragraph is text, as in Discord.
    """
    text = text.strip()
    is_repaired = limit >= _SMALLEST_REPAIRED
    parts: list[Part] = []
    position, openings = 0, tuple[Opening, ...]()
    while position < len(text):
        room = _find_room(text, position, openings, limit) if is_repaired else limit
        is_last = len(text) - position <= room
        window = text[position : position + room + (not is_last)]
        markup = find_markup(window if is_repaired else "", openings, is_whole=is_last)
        opened = _open(markup.still_open)
        if is_last:
            parts.append(Part(opened=opened, body=window, closed=_close_last(window, markup)))
            break
        joint = _choose(window, markup if is_repaired else None, limit - len(opened))
        joint = _take_fence_end(joint, text, position)
        body = text[position : position + joint.body_end]
        if body:
            parts.append(Part(opened=opened, body=body, closed=joint.closed))
        cut, position = position + joint.body_end, position + joint.next_start
        if not any(opening.is_fence for opening in joint.openings):
            blanks = _BLANKS.match(text, position)
            position = blanks.end() if blanks else position
        openings = tuple(_carry(joint.openings, text[cut:position]))
    return parts


def _find_room(text: str, position: int, openings: Sequence[Opening], limit: int) -> int:
    """How much of the text fits, at most; the same from the first moment that it is too long."""
    room = limit - len(_open(openings))
    has_fence = any(opening.is_fence for opening in openings)
    if has_fence or text.find(FENCE, position, position + room) >= 0:
        room -= _FENCE_ROOM
    return room


def _close_last(body: str, markup: Markup) -> str:
    """End code that nothing ended: the reply still grows, or was cut at its token limit."""
    spans = (span for span in markup.spans if span.opening.is_fence and span.end > len(body))
    return "".join(span.opening.closes for span in spans if span.inner_start < len(body))


def _take_fence_end(joint: _Joint, text: str, start: int) -> _Joint:
    """Where code ends at the cut, let its own end be what closes it: the part looks the same."""
    if not joint.openings or not joint.openings[-1].is_fence:
        return joint
    closer = joint.openings[-1].closes
    if not text.startswith(closer, start + joint.body_end):
        return joint
    end = joint.body_end + len(closer)
    closed = joint.closed.removeprefix(closer)
    return _Joint(body_end=end, next_start=end, openings=joint.openings[:-1], closed=closed)


def _carry(openings: Sequence[Opening], gap: str) -> Iterator[Opening]:
    """What is still open behind the white space at a cut."""
    for opening in openings:
        is_over = opening.ends_with_paragraph and PARAGRAPH.search(gap)
        if not is_over and not (opening.is_line and "\n" in gap):
            yield opening


def _choose(window: str, markup: Markup | None, limit: int) -> _Joint:
    """The last best border, else any place that may be cut, else the limit itself.

    Args:
        window: What may be in the part, and one character more.
        markup: What it holds; None where that does not matter.
        limit: What body and closing marks may be long together.
    """
    room = len(window) - 1
    smallest = room // _SMALLEST_SHARE
    for border in _BORDERS:
        ends = [match.end() for match in border.finditer(window)]
        for end in reversed(ends):
            if smallest < end <= room and (joint := _join(window, markup, end, limit)):
                return joint
    for may_melt in (False, True):
        for end in range(room, 0, -1):
            if _is_glued(window, end):
                continue
            if joint := _join(window, markup, end, limit, may_melt=may_melt):
                return joint
    return _break(window, markup, limit)


def _join(
    window: str, markup: Markup | None, cut: int, limit: int, *, may_melt: bool = False
) -> _Joint | None:
    """The cut at this place, or None where it would harm something.

    What is added may be next to the same character: better three asterisks than a link in halves.
    """
    if markup is None:
        return _Joint(body_end=_strip(window, cut), next_start=cut, openings=(), closed="")
    if markup.forbidden[cut]:
        return None
    around = markup.nested[cut]
    is_fenced = any(span.opening.is_fence for span in around)
    gap = (_NEWLINES if is_fenced else _BLANKS).match(window, cut)
    body_end, next_start = _strip(window, cut), gap.end() if gap else cut
    is_new_line = "\n" in window[body_end:next_start]
    around = [
        span
        for span in around
        if not span.opening.is_line or (not is_new_line and next_start < span.inner_end)
    ]
    is_code = any(span.opening.is_code for span in around)
    is_quoted_code = any(span.opening.closes.startswith("\n>") for span in around)
    is_in_mid_line = is_quoted_code or (not is_code and _begins_block(window, next_start))
    if is_in_mid_line and not is_new_line:
        return None
    if not all(_has_both_halves(span, body_end, next_start) for span in around):
        return None
    openings = tuple(span.opening for span in around)
    closed = _close(openings)
    if closed and not is_code and _ends_with_backslash(window[:body_end]):
        closed = f"\\{closed}"  # else it would take the first mark for itself
    opened = _open(openings)
    melts = closed[:1] == window[body_end - 1 : body_end] or (
        opened[-1:] == window[next_start : next_start + 1]
    )
    if body_end + len(closed) > limit or (closed and melts and not may_melt):
        return None
    return _Joint(body_end=body_end, next_start=next_start, openings=openings, closed=closed)


def _has_both_halves(span: Span, body_end: int, next_start: int) -> bool:
    """Whether something of it is on either side of a cut."""
    return span.inner_start < body_end and (next_start < span.inner_end or not span.opening.closes)


def _begins_block(window: str, start: int) -> bool:
    """Whether a text that stood in mid-line would become a list or a quote, or may become one."""
    block = BLOCK.match(window, start)
    is_block = block is not None and bool(block[0].strip())
    return is_block or _HALF_BLOCK.match(window, start) is not None


def _break(window: str, markup: Markup | None, limit: int) -> _Joint:
    """Cut where nothing may be cut: what is there does not fit into any message."""
    room = len(window) - 1
    if markup is None:
        return _Joint(body_end=_strip(window, room), next_start=room, openings=(), closed="")
    openings = tuple(span.opening for span in markup.nested[room] if not span.opening.is_line)
    closed = _close(openings)
    cut = min(room, limit - len(closed))
    return _Joint(body_end=_strip(window, cut), next_start=cut, openings=openings, closed=closed)


def _open(openings: Sequence[Opening]) -> str:
    return "".join(opening.opens for opening in openings)


def _close(openings: Sequence[Opening]) -> str:
    return "".join(opening.closes for opening in reversed(openings))


def _strip(text: str, end: int) -> int:
    return len(text[:end].rstrip())


def _ends_with_backslash(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _is_glued(text: str, cut: int) -> bool:
    """Whether a cut would part what is one character to a reader."""
    after = text[cut]
    if text[cut - 1] == _JOINER or _GLUED.match(after) or unicodedata.category(after)[0] == "M":
        return True
    if not _REGIONAL.match(after):
        return False
    flags = _REGIONAL.search(text, 0, cut)
    return flags is not None and len(flags[0]) % 2 == 1
