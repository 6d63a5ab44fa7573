"""What is left of a long reply when one of its messages is deleted."""

from collections.abc import Callable, Sequence

SplitShown = Callable[[str, str], Sequence[str]]
"""How a persona's words are shown: its name and the whole text -> the texts of the messages."""

_GAP = "\n\n\n"
"""Stands where the remaining parts meet. A text that is split anew would be cut elsewhere than its
messages are, so a part that is deleted later is found by this."""


def cut_part(name: str, text: str, *, part: int, count: int, split: SplitShown) -> str:
    """A reply without one of its parts; nothing if that was all.

    Args:
        name: The persona's.
        text: The whole reply, or what earlier deletions left of it.
        part: Which of the messages that were there is gone, counted from 0.
        count: How many there were.
        split: How it was shown.
    """
    parts = _find_parts(name, text, count, split)
    return _GAP.join(one for number, one in enumerate(parts) if number != part)


def _find_parts(name: str, text: str, count: int, split: SplitShown) -> list[str]:
    met = text.split(_GAP)
    if len(met) == count:
        return met
    parts = list(split(name, text))
    # More than there were messages only if the text was changed since: the last then has the rest.
    return [*parts[: count - 1], _GAP.join(parts[count - 1 :])]
