"""How much later than it might have been an edit began."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.engine.table import Row

_AIM = "at most 0.05"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One call that brought text to a channel."""

    started: float
    ended: float
    words: int
    """How many words of the reply it showed."""


def find_delays(
    writes: Sequence[Write], sent_at: Mapping[int, float], spacing_seconds: float
) -> list[float]:
    """Return for each edit the seconds beyond what it had to wait for.

    It has to wait for a word that is not shown yet and for the spacing after the write before.

    Args:
        writes: Of one reply, oldest first.
        sent_at: When the model sent each word, by its number.
        spacing_seconds: Between the end of a write and the next one's beginning.
    """
    delays: list[float] = []
    for number in range(1, len(writes)):
        before, edit = writes[number - 1], writes[number]
        if edit.words == before.words:
            continue  # the end of a reply, which brought no word
        delays.append(edit.started - max(sent_at[before.words], before.ended + spacing_seconds))
    return delays


def list_delay_rows(at_once: int, delays: Sequence[float], spacing_seconds: float) -> list[Row]:
    """Return the row about being late; negative is early."""
    middle, highest = statistics.median(delays), statistics.quantiles(delays, n=10)[-1]
    what = (
        f"delay from token to edit beyond the spacing ÷ spacing, {at_once} at once (median of "
        f"{len(delays)} edits: {middle * 1000:.0f} ms, nine of ten below {highest * 1000:.0f} ms)"
    )
    return [Row(what=what, ratio=middle / spacing_seconds, aim=_AIM)]
