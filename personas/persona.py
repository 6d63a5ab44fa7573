"""A persona: what a character card says, as values."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from personas.lorebook import Lorebook

# A key is the value of a Discord autocomplete choice, which may have 100 characters.
MAX_KEY_LENGTH = 80

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
# Line breaks, control characters, marks that turn the direction of writing, and the zero-width
# ones but the two joiners, without which Persian words and some emoji fall apart.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff]+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthPrompt:
    """An instruction of the card that stands so many turns before the end of the story.

    Source: SillyTavern's card extension `depth_prompt`.
    """

    text: str
    depth: int = 4
    """How many turns come after it."""
    role: str = "narrator"
    """Who it is written as: narrator, person or persona."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Who speaks.

    The texts are exactly those of the card: nothing is trimmed and no line ending is changed,
    because a card that is exported again must be the card that came in. Macros are still in them.
    """

    key: str
    """The stable name in a library; scenes remember a persona by it."""
    name: str
    nickname: str = ""
    """What the persona is called in a scene, where that is not the name."""
    description: str = ""
    personality: str = ""
    scenario: str = ""
    greeting: str = ""
    """What the persona says first; `first_mes` in a card."""
    alternate_greetings: tuple[str, ...] = ()
    example_dialogue: str = ""
    system_prompt: str = ""
    """Replaces the service's own system text; empty means that one is used."""
    post_history_instructions: str = ""
    """Stands after the story, just before the reply."""
    depth_prompt: DepthPrompt | None = None
    creator_notes: str = ""
    """For people to read; never part of a prompt."""
    creator: str = ""
    tags: tuple[str, ...] = ()
    kind: str = "v2"
    """The spec of the card it came from: v1, v2, v3, pygmalion, ooba, agnai or janitorai."""
    lorebook: Lorebook | None = None
    """The card's own lore; None if it has none."""
    sampler: Mapping[str, object] = field(
        default_factory=dict[str, object], repr=False, compare=False
    )
    """Sampler settings that the card wants, from `extensions.troupe.sampler`: as they are written
    there, because only who plays knows which there are."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What was odd about the card and how it was taken, as sentences without a full stop."""
    card: Mapping[str, object] = field(default_factory=dict[str, object], repr=False, compare=False)
    """The whole card object as it was read, with the fields that we do not know."""

    @property
    def spoken_name(self) -> str:
        """The name used in a scene, and what `{{char}}` gives: one line, nothing hidden in it."""
        name = self.name if is_blank(self.nickname) else self.nickname
        return _HIDDEN.sub(" ", name).strip() if has_hidden_characters(name) else name


def has_hidden_characters(name: str) -> bool:
    """Whether a name holds line breaks, control characters or marks of writing direction."""
    return _HIDDEN.search(name) is not None


def is_blank(text: str) -> bool:
    """Whether a reader would see nothing: spaces, control and zero-width characters only."""
    return all(unicodedata.category(character) in _INVISIBLE_CATEGORIES for character in text)


def persona_key(stem: str) -> str:
    """Make a key from the stem of a file name: lower case, words joined by hyphens.

    Letters of every script stay, with their marks (without them Hindi falls apart). A stem
    without letters or digits gives its code points, so that `🦊.png` has a key of its own too.
    """
    # Compatibility composition: macOS stores "ö" as two characters, others as one.
    text = unicodedata.normalize("NFKC", stem).lower()
    spaced = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text)
    words = spaced.split() or [f"u{ord(c):x}" for c in text if not c.isspace()]
    return "-".join(words)[:MAX_KEY_LENGTH].rstrip("-")
