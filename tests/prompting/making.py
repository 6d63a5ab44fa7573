"""What the tests of prompts share: personas and turns made to order, and a tokenizer of words."""

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.prompting.builder import PromptBuilder, Script
from bot.prompting.formats.registry import FORMATS
from bot.prompting.prompt import Person, Prompt, PromptTurn, SegmentKind
from personas.persona import Persona
from storage.records import Role

ROOT = Path(__file__).parents[2]
VECTORS = ROOT.parent / "shared" / "vectors" / "prompts.json"
"""Exact prompts that are not part of this repository; tests that need them skip without."""
GOLDEN = ROOT / "tests" / "data" / "prompts"

FORMAT_NAMES = tuple(FORMATS)
KINDS = ("limarp", "alpaca", "chatml", "chatml_nameless", "alpaca_single", "llama2", "mistral_v7")
"""One format of each kind; the others differ from one of these in their markers only."""

_WORD = re.compile(r"<\|\w+\|>|\w+|[^\w\s]+")


def make_persona(name: str = "Mira", **fields: Any) -> Persona:
    return Persona(key="mira", name=name, **fields)


def person_says(text: str, name: str = "Tomas", turn_id: int = 0) -> PromptTurn:
    return PromptTurn(role=Role.PERSON, name=name, text=text, turn_id=turn_id)


def persona_says(text: str, turn_id: int = 0) -> PromptTurn:
    return PromptTurn(role=Role.PERSONA, name="Mira", text=text, turn_id=turn_id)


def narrate(text: str, turn_id: int = 0) -> PromptTurn:
    return PromptTurn(role=Role.NARRATOR, name="", text=text, turn_id=turn_id)


def make_script(
    turns: Sequence[PromptTurn],
    persona: Persona | None = None,
    person: str = "Tomas",
    **fields: Any,
) -> Script:
    return Script(
        persona=persona or make_persona(), person=Person(name=person), turns=turns, **fields
    )


def make_turns(count: int, *, seed: int, longest: int = 12) -> list[PromptTurn]:
    """Turns of all roles, each with a word of its own (`t7` is in turn 7 and nowhere else)."""
    chance = random.Random(seed)  # noqa: S311
    turns: list[PromptTurn] = []
    for turn_id in range(1, count + 1):
        text = " ".join([f"t{turn_id}", *["word"] * chance.randrange(longest)])
        say = chance.choice((person_says, person_says, persona_says, narrate))
        turns.append(say(text, turn_id=turn_id))
    return turns


def list_words(text: str) -> list[str]:
    return _WORD.findall(text)


async def count_words(text: str, *, whole: bool = False) -> int:
    """A tokenizer for which the whole is the sum of its pieces and a start token."""
    return len(list_words(text)) + whole


def find_turn_ids(prompt: Prompt) -> list[int]:
    """Which of `make_turns`' turns are in a prompt, in its order."""
    words = list_words(prompt.text)
    return [int(word[1:]) for word in words if word[0] == "t" and word[1:].isdigit()]


def list_control(prompt: Prompt) -> list[str]:
    return [piece.text for piece in prompt.segments if piece.kind is SegmentKind.CONTROL]


def list_untrusted(prompt: Prompt) -> list[str]:
    return [piece.text for piece in prompt.segments if piece.kind is SegmentKind.UNTRUSTED]


PERSONA = make_persona(
    description="d1 d2 d3 d4 d5",
    personality="p1 p2",
    scenario="s1 s2 s3",
    example_dialogue="<START>\n{{user}}: e1 e2\n{{char}}: e3 e4 e5\n<START>\n{{char}}: e6",
)
WHOLE_PERSONA = {"d1", "d2", "d3", "d4", "d5", "p1", "p2", "s1", "s2", "s3"}
EXAMPLES = {"e1", "e2", "e3", "e4", "e5", "e6"}


def make_builder(format_name="limarp"):
    return PromptBuilder(FORMATS[format_name])


async def build(script, budget, count_tokens=count_words, format_name="limarp"):
    return await make_builder(format_name).build(script, budget=budget, count_tokens=count_tokens)


async def count_more_in_whole(text, *, whole=False):
    """A tokenizer for which the whole is more than its pieces, by an eighth and five."""
    words = await count_words(text)
    return words + words // 8 + 5 if whole else words
