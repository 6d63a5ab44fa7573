"""Judge replies by rules; a rule cannot see whether a reply is good, only what it lacks."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HELD_OUT = Path(__file__).with_name("held_out.toml")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"*\s]+")
_MARKERS = ("### Instruction", "### Input", "### Response")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reply answers."""

    group: str
    """Which part of the measurement it belongs to."""
    persona: str
    person: str
    text: str
    length: str | None = "medium"
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, nothing cut off."""

    asked: Asked
    text: str
    ended: bool
    """By the end token, before the limit of tokens."""


def read_held_out() -> dict[str, Any]:
    """Return the prompts, names and rules."""
    return tomllib.loads(HELD_OUT.read_text(encoding="utf-8"))


def speaks_for_person(reply: Reply) -> bool:
    """Whether the person's turn, or any new turn, is written in the reply."""
    return f"\n{reply.asked.person}:" in reply.text or any(m in reply.text for m in _MARKERS)


def repeats_sentence(reply: Reply) -> bool:
    """Whether a sentence comes twice; quotes, asterisks and case do not count."""
    said = [part.strip('"* \n').lower() for part in _SENTENCE_END.split(reply.text)]
    said = [part for part in said if part]
    return len(set(said)) < len(said)


def says_name(reply: Reply) -> bool:
    """Whether the persona's whole name is in the reply, letter for letter."""
    return re.search(rf"(?<!\w){re.escape(reply.asked.persona)}(?!\w)", reply.text) is not None


def fits_topic(reply: Reply, rules: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether the reply matches the pattern of its topic."""
    names = {"{char}": reply.asked.persona, "{user}": reply.asked.person}
    pattern = rules[reply.asked.topic]["fits"]
    for mark, name in names.items():
        pattern = pattern.replace(mark, re.escape(name))
    return re.search(pattern, reply.text, re.IGNORECASE) is not None


def mean_words(replies: Iterable[Reply]) -> dict[str, float]:
    """Return the mean number of words by length word, in the order in which they came."""
    words: dict[str, list[int]] = defaultdict(list)
    for reply in replies:
        words[reply.asked.length or "none"].append(len(reply.text.split()))
    return {length: sum(counts) / len(counts) for length, counts in words.items()}


def share(flags: Sequence[bool]) -> float:
    """Return how many of the flags are set, in percent."""
    return 100 * sum(flags) / len(flags)
