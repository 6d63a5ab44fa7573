"""The values that a prompt is made of."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.generation.types import SamplerSettings
    from storage.records import Role

LENGTH_WORDS = (
    "micro",
    "tiny",
    "short",
    "medium",
    "long",
    "massive",
    "huge",
    "enormous",
    "humongous",
    "unlimited",
)
"""LimaRP v3's length words, shortest first (cards of LimaRP-Mistral-7B and its successors)."""


class SegmentKind(StrEnum):
    """Who wrote a piece of a prompt."""

    CONTROL = "control"
    """The format's own markers: the only text that may become control tokens."""
    TRUSTED = "trusted"
    """Configuration."""
    UNTRUSTED = "untrusted"
    """People's messages and names, cards."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a prompt with one author."""

    kind: SegmentKind
    text: str


def control(text: str) -> Segment:
    """A format's own marker."""
    return Segment(SegmentKind.CONTROL, text)


def trusted(text: str) -> Segment:
    """A sentence of ours."""
    return Segment(SegmentKind.TRUSTED, text)


def untrusted(text: str) -> Segment:
    """Somebody's text, already neutralised."""
    return Segment(SegmentKind.UNTRUSTED, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTurn:
    """One utterance, in the order of the scene."""

    role: "Role"
    name: str
    """Of who speaks; not written for the narrator."""
    text: str
    turn_id: int = 0
    """The stored turn's id; 0 for example dialogue and cases from a file."""
    is_example: bool = False
    """Whether it is of the example dialogue, which comes before the scene."""
    begins_block: bool = False
    """Whether a block of the example dialogue begins with it."""
    is_named: bool = True
    """Whether the speaker's name is written before the text."""
    is_newest_of_people: bool = False
    is_note: bool = False
    """Whether it is an instruction of the card's or for this reply, and nobody's turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTurn:
    """The turn at the end of a prompt, where the model goes on."""

    name: str
    """Of who speaks."""
    is_persona: bool = True
    """False when the model drafts a person's turn."""
    text: str = ""
    """What is there of it already."""
    length_word: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who opened the scene: what `{{user}}` gives, for as long as the scene lasts."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadParts:
    """The texts of a prompt's head: macros replaced, neutralised, empty where not given."""

    persona_name: str
    description: str
    personality: str
    scenario: str
    system_prompt: str
    person: Person
    length_word: str | None = None
    """For formats that say it in the head."""
    has_turns: bool = True
    """Whether anything comes between the head and the open turn."""
    lore_before: str = ""
    """Lore that comes before the persona's description."""
    lore_after: str = ""
    """Lore that comes after the scenario."""

    @property
    def texts(self) -> dict[str, str]:
        """What the card and the person bring into the head, by what people call it."""
        texts = {
            "system prompt": self.system_prompt,
            "description": self.description,
            "personality": self.personality,
            "scenario": self.scenario,
            "description of the person": self.person.description,
            "lore": "\n".join(filter(None, (self.lore_before, self.lore_after))),
        }
        return {name: text for name, text in texts.items() if text}


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptShares:
    """How many tokens of a prompt are what, counted piece by piece."""

    head: int
    """Persona, scenario, and the open turn's header."""
    examples: int
    turns: int
    reply: int
    """Kept free for the reply."""
    head_parts: tuple[tuple[str, int], ...] = ()
    """What in the head is what; only where it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt that fits its window."""

    segments: tuple[Segment, ...] = field(repr=False)
    stop_sequences: tuple[str, ...]
    token_count: int | None
    """None when nothing was there to count with."""
    max_tokens: int
    anchor_turn_id: int | None
    """The oldest turn that is in it, when older ones no longer fitted."""
    model: str = ""
    """Whose format and vocabulary it was written for."""
    sampler: "SamplerSettings | None" = None
    """How it is to be continued; None is as that model is played otherwise."""
    shares: PromptShares | None = None
    """None when nothing was there to count with."""
    reply_markers: tuple[str, ...] = ()
    """The format's own headers and tokens: a reply ends before one that it has."""

    @property
    def text(self) -> str:
        """The rendered prompt."""
        return "".join(segment.text for segment in self.segments)
