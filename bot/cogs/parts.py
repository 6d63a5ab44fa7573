"""A reply as messages: what each should show, and what is left when a voice is lost."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from bot.scenes.stage import Row
from bot.splitting import split_message, split_parts

_CLOSERS = "*_~|` \n"
"""What may stand at the end of a part only because it was not the whole text."""


Controls = Literal["cancel", "stop"] | Row
"""Under a message: a button that cancels or stops its reply, or the row of a finished one."""


class Target(NamedTuple):
    """What a reply shall show now."""

    text: str = ""
    is_plain: bool = False
    """A line about the reply, or nothing, and no words of the persona."""
    controls: Controls | None = None


class Part(NamedTuple):
    """One message as it should be."""

    text: str
    controls: Controls | None = None


def plan_parts(target: Target, texts: Sequence[str]) -> list[Part]:
    """The messages: a row stands under the end of a reply, a button under its beginning."""
    place = len(texts) - 1 if isinstance(target.controls, Row) else 0
    return [
        Part(text, target.controls if number == place else None)
        for number, text in enumerate(texts)
    ]


def split_shown(persona_name: str, text: str) -> list[str]:
    """A persona's words as its messages show them, without heading and repaired markup."""
    del persona_name
    return [part.body for part in split_parts(text)]


def find_rest(parts: Sequence[str], shown: Sequence[str]) -> list[str] | None:
    """What is left of a reply after the messages that are shown and cannot be changed.

    Args:
        parts: The whole reply as it would be split.
        shown: Its first messages; the last of them may have only the beginning of its part.

    Returns:
        The texts that follow; None if what is shown is not the beginning of this reply.
    """
    rest: list[str] = []
    for number, text in enumerate(shown):
        part = parts[number] if number < len(parts) else ""
        same = _count_same(part, text)
        is_cut, left = text[same:].strip(_CLOSERS), part[same:].strip()
        if rest or (is_cut and (left or not part)):
            return None
        rest = [left] if left else []
    return [*rest, *parts[len(shown) :]]


def _count_same(one: str, other: str) -> int:
    """How many characters two texts have in common from their beginnings."""
    for number, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return number
    return min(len(one), len(other))


def put_heading(heading: str, texts: Sequence[str]) -> list[str]:
    """The messages for these texts, with a heading over the first of them."""
    if not texts:
        return []
    return [*split_message(heading + texts[0]), *texts[1:]]
