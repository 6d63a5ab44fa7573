"""A card's example dialogue, read into turns (layout: character card V1 spec, `mes_example`)."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.prompting.macros import replace_macros
from bot.prompting.prompt import PromptTurn
from storage.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = re.compile(r"<START>", re.IGNORECASE)


def read_examples(text: str, *, persona_name: str, person_name: str) -> list[PromptTurn]:
    """Split example dialogue into turns at lines that begin with one of the two names.

    Text that nobody speaks is kept as the narrator's, because a card's author wanted it seen.
    Macros are replaced here, after the blocks are told apart: a person may be called `<START>`.

    Args:
        text: As the card has it.
        persona_name: What `{{char}}` gives.
        person_name: What `{{user}}` gives.
    """
    speakers = {persona_name: Role.PERSONA, person_name: Role.PERSON}
    turns: list[PromptTurn] = []
    for block in _START.split(text):
        filled = replace_macros(block, char=persona_name, user=person_name)
        for number, turn in enumerate(_read_block(filled, speakers)):
            turns.append(turn if number else replace(turn, begins_block=True))
    return turns


def _read_block(block: str, speakers: dict[str, Role]) -> "Iterator[PromptTurn]":
    role, name, lines = Role.NARRATOR, "", list[str]()
    for line in block.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        spoken, colon, rest = line.partition(":")
        if colon and spoken.strip() in speakers:
            yield from _finish(role, name, lines)
            name = spoken.strip()
            role, lines = speakers[name], [rest]
        else:
            lines.append(line)
    yield from _finish(role, name, lines)


def _finish(role: Role, name: str, lines: list[str]) -> "Iterator[PromptTurn]":
    text = "\n".join(lines).strip()
    if text:
        yield PromptTurn(role=role, name=name, text=text, is_example=True)
