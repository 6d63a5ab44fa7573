"""Render a conversation in the LimaRP v3 layout, as Troupe sends it.

Written on its own, from the format's description, so that training depends on nothing of the
bot; a test compares it with the project's prompt cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One turn: the persona's, a person's, or the narrator's (no name)."""

    role: str
    name: str
    text: str
    learn: bool = False
    """Whether training learns to write this line."""


@dataclass(frozen=True)
class Head:
    """What stands above the conversation."""

    char: str
    user: str
    description: str
    personality: str = ""
    scenario: str = ""
    user_description: str = ""


@dataclass(frozen=True)
class Piece:
    """A stretch of text; the end-of-text token is the target after one that is learned."""

    text: str
    learn: bool


def fill_macros(text: str, head: Head) -> str:
    """Put the two names into a card's text."""
    return text.replace("{{char}}", head.char).replace("{{user}}", head.user)


def render_head(head: Head) -> str:
    """Return the instruction block; an empty part is left out whole."""
    about = " ".join(part for part in (head.description, head.personality) if part)
    blocks = [f"{head.char}'s Persona: {about}"] if about else []
    if head.user_description:
        blocks.append(f"{head.user}'s Persona: {head.user_description}")
    if head.scenario:
        blocks.append(f"Scenario: {head.scenario}")
    blocks.append(
        f"Play the role of {head.char}. You must engage in a roleplaying chat with {head.user} "
        f"below this line. Do not write dialogues and narration for {head.user}."
    )
    return "### Instruction:\n" + fill_macros("\n\n".join(blocks), head)


def render_lines(lines: Sequence[Line], length: str | None, *, start: str = "") -> list[Piece]:
    """Return turns in pieces; only the last one may carry the length word."""
    pieces: list[Piece] = []
    text = start
    for index, line in enumerate(lines):
        is_open = index == len(lines) - 1
        if line.role != "persona":
            said = f"{line.name}: {line.text}" if line.name else line.text
            text += f"\n\n### Input:\n{said}"
            continue
        modifier = f" (length = {length})" if is_open and length else ""
        text += f"\n\n### Response:{modifier}\n{line.name}:"
        if line.learn:
            pieces += [Piece(text, learn=False), Piece(f" {line.text}", learn=True)]
            text = ""
        else:
            text += f" {line.text}"
    return [*pieces, Piece(text, learn=False)] if text else pieces


def render(head: Head, lines: Sequence[Line], length: str | None) -> list[Piece]:
    """Return the whole text in pieces; the last line is the open turn's answer."""
    return render_lines(lines, length, start=render_head(head))
