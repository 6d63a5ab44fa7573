"""Keeps apart what two authors wrote, where a preset puts nothing between them.

Each text was made harmless for itself: `<|im_` and `end|>`, or `##` and `# Response:`, become what
neither was when they touch.
"""

from collections.abc import Sequence

from bot.prompting.prompt import Segment, SegmentKind, trusted
from bot.prompting.untrusted import ZERO_WIDTH_NON_JOINER, fold


def part_neighbours(segments: Sequence[Segment], line_headers: Sequence[str]) -> list[Segment]:
    """The same segments, an invisible character between untrusted ones that touch.

    Where both together would begin a line like a header, a blank as well.
    """
    headers = tuple(header for each in line_headers if (header := fold(each)))
    parted: list[Segment] = []
    line: list[str] = []
    for segment in segments:
        if not segment.text:
            continue
        if (
            parted
            and parted[-1].kind is SegmentKind.UNTRUSTED
            and segment.kind is SegmentKind.UNTRUSTED
        ):
            parted.append(trusted(_write_border("".join(line), segment.text, headers)))
        parted.append(segment)
        before, feed, last = segment.text.rpartition("\n")
        if feed:
            line = [last]
        else:
            line.append(before or last)
    return parted


def _write_border(line: str, text: str, headers: tuple[str, ...]) -> str:
    begun, whole = fold(line), fold(line + text.split("\n", 1)[0])
    is_forged = not begun.startswith(headers) and whole.startswith(headers)
    return f" {ZERO_WIDTH_NON_JOINER}" if begun and is_forged else ZERO_WIDTH_NON_JOINER
