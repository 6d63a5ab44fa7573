"""Read the grammar files and expand their lines.

A file has sections (`## name`), and each line of a section starts with what it is: `=` a whole
reply of a few words, `>` an opener, `-` a further sentence, `?` a closing question, `*` an
action. `[one|two]` stands for either, also nested, and `{slot}` for a word filled in later.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random

FOLDER = Path(__file__).parent / "grammar"
AN = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])(?!one\b|uni|use|eu)")
SLOT = re.compile(r"\{(\w+)\}")
QUESTION = re.compile(
    r"(?:(?<=[.!?] )|^)((?:Would|Could(?! be)|Will|Shall|Does|May I|How may|How much|How is"
    r"|Can(?!')|Did|Is it|Are you|Have you|Do you|Does it|Do I|When did|Where was I|Where is"
    r"|What do|What can|What is|What have|What's it|What else|Who is|May)\b[^.!?]*)\."
)

Section = dict[str, list[str]]
"""What a line is (`=`, `>`, `-`, `?`, `*`): the lines."""


def parse(text: str) -> dict[str, Section]:
    """Return the sections of a grammar text."""
    sections: dict[str, Section] = {}
    current: Section = defaultdict(list)
    for line in text.splitlines():
        if line.startswith("## "):
            current = sections.setdefault(line[3:].strip(), defaultdict(list))
        elif line.strip():
            current[line[0]].append(line[2:].strip())
    return sections


@cache
def load(name: str) -> dict[str, Section]:
    """Return the sections of one grammar file."""
    return parse((FOLDER / f"{name}.txt").read_text(encoding="utf-8"))


@cache
def load_voices() -> dict[str, tuple[list[str], dict[str, Section]]]:
    """Return the general voices: their trait words and their sections."""
    voices: dict[str, tuple[list[str], dict[str, Section]]] = {}
    text = (FOLDER / "voices.txt").read_text(encoding="utf-8")
    for part in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        name, _, traits = head.partition(":")
        voices[name] = ([t.strip() for t in traits.split(",")], parse(body))
    return voices


@cache
def load_words() -> dict[str, list[str]]:
    """Return the open word lists; a line with bars is split at them, another at spaces."""
    words: dict[str, list[str]] = {}
    text = (FOLDER / "words.txt").read_text(encoding="utf-8")
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        line = body.rstrip("\n")
        words[name] = line.split("|") if "|" in line else line.split()
    return words


@cache
def read_all_words() -> list[str]:
    """Return every word of four letters and more in all grammar files, in small letters."""
    text = " ".join(file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.txt")))
    return sorted({word.lower() for word in re.findall(r"[A-Za-z]{4,}", text)})


def choose(text: str, rng: Random) -> str:
    """Pick one way through the alternatives of a line."""
    result, position = _choose(text, 0, rng)
    if position != len(text):
        raise ValueError(f"A bracket does not match in {text!r}")
    return result


def _choose(text: str, position: int, rng: Random) -> tuple[str, int]:
    """Expand up to a bar, a closing bracket or the end."""
    out: list[str] = []
    while position < len(text) and text[position] not in "|]":
        if text[position] != "[":
            out.append(text[position])
            position += 1
            continue
        options: list[str] = []
        while text[position] != "]":
            option, position = _choose(text, position + 1, rng)
            options.append(option)
        position += 1
        out.append(rng.choice(options))
    return "".join(out), position


def fill(text: str, slots: Mapping[str, str]) -> str:
    """Put words into the slots; a slot with a capital gets its word with one."""

    def word(match: re.Match[str]) -> str:
        name = match[1]
        if name in slots:
            return slots[name]
        value = slots[name[0].lower() + name[1:]]
        return value[:1].upper() + value[1:]

    return AN.sub(r"\1n ", SLOT.sub(word, text))


def ask(text: str) -> str:
    """End a sentence that asks something with a question mark."""
    return QUESTION.sub(r"\1?", text)


def sentences(text: str) -> list[str]:
    """Split a text into sentences."""
    return [s for s in re.split(r"(?<=[.!?])\s+", text.strip()) if s]
