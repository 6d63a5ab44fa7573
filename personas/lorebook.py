"""A lorebook: what a persona's world is, told when it is spoken of."""

from dataclasses import dataclass
from typing import Literal

LorePlace = Literal["before_char", "after_char"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoreEntry:
    """One piece of lore and what calls for it."""

    keys: tuple[str, ...]
    """Texts that call for it; patterns where `is_pattern`, or where written `/pattern/flags`."""
    content: str
    """As it stands in the card, with macros and V3's decorators (`@@depth 4`)."""
    name: str = ""
    comment: str = ""
    id: str = ""
    """The card's own number or name for it; empty if it has none."""
    is_enabled: bool = True
    is_constant: bool = False
    """Told always, as far as the budget goes."""
    is_selective: bool = False
    """Whether one of `secondary_keys` has to be spoken of too."""
    secondary_keys: tuple[str, ...] = ()
    is_pattern: bool = False
    """V3's `use_regex`: every key is a regular expression."""
    is_case_sensitive: bool | None = None
    """None leaves it to the service."""
    insertion_order: float = 100.0
    """Lower stands higher up in the prompt. 100 is SillyTavern's default."""
    priority: float | None = None
    """Lower is dropped first when the budget is used up; None leaves it to `insertion_order`."""
    position: LorePlace = "before_char"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lorebook:
    """Lore that belongs together."""

    entries: tuple[LoreEntry, ...]
    """In the order of the card."""
    name: str = ""
    description: str = ""
    scan_depth: int | None = None
    """How many of the last turns are looked through; None leaves it to the service."""
    token_budget: int | None = None
    """How many tokens all of it may take; None leaves it to the service."""
    is_recursive: bool = False
    """Whether lore that is told may call for more lore."""
