"""The open words of a conversation: who plays, where, and with what."""

# ruff: noqa: PLR2004 (the odds are what this file is made of; a name for each hides them)

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tools.demo_model.grammar import choose, fill, load, load_voices, load_words
from tools.demo_model.names import patched, person_name, persona_name, plain, town_name

BUNDLED = Path(__file__).parents[2] / "personas" / "bundled"
BUNDLED_ITEMS = {
    "maren": ("the lamp", "that lamp", "the logbook", "the cat", "Bosun"),
    "tilda-brass": ("the owl", "that gadget", "Sprocket", "those goggles", "that machine"),
    "grumbold": ("that jar", "the riddle jar", "that club", "your jar"),
    "captain-isolde": ("that telescope", "your hat", "the parrot", "Admiral"),
    "unit-seven": ("that exhibit", "the blue light", "that light", "this exhibit"),
    "nanna-fennel": ("the kettle", "those jars", "that kettle", "the green jar"),
}
ROLE_SHARE = 0.6
PRONOUNS = ({"he": "he", "his": "his", "him": "him"}, {"he": "she", "his": "her", "him": "her"})
IT = {"he": "it", "his": "its", "him": "it"}


class Slots(dict[str, str]):
    """Words by slot; a word that nobody set is drawn when it is first asked for, then kept."""

    def __init__(self, rng: Random, fixed: Mapping[str, str]) -> None:
        super().__init__(fixed)
        self._rng = rng

    def __contains__(self, key: object) -> bool:
        """Say that every slot of the open lists is there."""
        return super().__contains__(key) or str(key).rstrip("0123456789") in DRAWN

    def __missing__(self, key: str) -> str:
        value = DRAWN[key.rstrip("0123456789")](self._rng)
        self[key] = value
        return value


def bare_thing(rng: Random) -> str:
    """Return an item without an article, such as "silver comb"."""
    words = load_words()
    noun = rng.choice(words["noun"])
    if rng.random() < 0.15:
        return noun
    if rng.random() < 0.15:  # what nobody has heard of: to be copied, not to be known
        return f"{patched(rng, capital=False)} {noun}"
    if rng.random() < 0.1:
        noun = patched(rng, capital=False)
    return f"{rng.choice(words['adjective'])} {noun}"


def with_article(noun: str) -> str:
    """Put a or an in front."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def some_place(rng: Random) -> str:
    """Return a place such as "the old mill"."""
    words = load_words()
    place = rng.choice(words["place"])
    return (
        f"the {rng.choice(words['placeadjective'])} {place}"
        if rng.random() < 0.6
        else f"the {place}"
    )


def _one(name: str) -> Callable[[Random], str]:
    return lambda rng: rng.choice(load_words()[name])


DRAWN: dict[str, Callable[[Random], str]] = {
    "thing": lambda rng: with_article(bare_thing(rng)),
    "bare": bare_thing,
    "nouns": lambda rng: rng.choice(
        [w + "s" for w in load_words()["noun"] if w[-1] not in "sxhyf"]
    ),
    "food": _one("food"),
    "beast": _one("animal"),
    "animal": lambda rng: with_article(rng.choice(load_words()["animal"])),
    "person": _one("person"),
    "gadget": _one("gadget"),
    "boat": _one("boat"),
    "kin": _one("kin"),
    "town": town_name,
    "goal": some_place,
    "friend": lambda rng: rng.choice((plain(rng), plain(rng), persona_name(rng))),
}
"""Slot: how a word for it is drawn. `thing2` and so on are further words of the same kind."""
DRAWN["animal_cap"] = lambda rng: DRAWN["animal"](rng).capitalize()


@dataclass
class Cast:
    """One persona as a conversation needs it."""

    name: str
    description: str
    personality: str
    scenario: str
    voice: str
    """A bundled persona's file name, or one of the general voices."""
    slots: dict[str, str]
    items: tuple[str, ...] = ()
    has_role: bool = True
    """Whether the description says what the persona is, so that it can say so itself."""
    greetings: list[str] = field(default_factory=list)
    examples: list[tuple[str, str]] = field(default_factory=list)

    @property
    def bundled(self) -> bool:
        """Whether this is one of the personas that come with Troupe."""
        return self.voice in BUNDLED_ITEMS


def read_examples(text: str) -> list[tuple[str, str]]:
    """Return the exchanges of a card's `mes_example`: person's line and persona's line."""
    lines = [line.partition(": ")[2] for line in text.split("\n") if line != "<START>"]
    return list(zip(lines[::2], lines[1::2], strict=True))


def bundled_cast(stem: str) -> Cast:
    """Read a bundled card."""
    card = json.loads((BUNDLED / f"{stem}.json").read_text(encoding="utf-8"))["data"]
    return Cast(
        name=card["name"],
        description=card["description"],
        personality=card["personality"],
        scenario=card["scenario"],
        voice=stem,
        slots={"me": card["name"]},
        items=BUNDLED_ITEMS[stem],
        greetings=[card["first_mes"], *card["alternate_greetings"]],
        examples=read_examples(card["mes_example"]),
    )


def _world(rng: Random, name: str, pronouns: dict[str, str]) -> dict[str, str]:
    """Draw the words that stay the same through a conversation."""
    role = rng.choice(load_words()["role"])
    if rng.random() < 0.2:
        role = f"{rng.choice(('young', 'old', 'travelling', 'humble', 'famous', 'lonely'))} {role}"
    item, place, kin = bare_thing(rng), some_place(rng), rng.choice(load_words()["kin"])
    return {
        **pronouns, "me": name, "role2": role, "a_role": with_article(role),
        "a_role_cap": with_article(role).capitalize(), "place": place, "at_place": f"at {place}",
        "item": f"my {item}", "item_cap": f"My {item}", "item_a": with_article(item),
        "his_item": f"{pronouns['his']} {item}", "town": town_name(rng), "kin": kin,
        "kin_his": f"{pronouns['his']} {kin}", "that_item": f"that {item}",
    }  # fmt: skip


def random_cast(rng: Random) -> Cast:
    """Make up a persona."""
    voice = rng.choice(list(load_voices()))
    pronouns = IT if voice == "mechanical" or rng.random() < 0.08 else rng.choice(PRONOUNS)
    name = persona_name(rng)
    slots = _world(rng, name, pronouns)
    openings = load("openings")
    words = Slots(rng, slots | {"char": "{{char}}", "user": "{{user}}"})
    traits = rng.sample(load_voices()[voice][0], rng.choice((1, 2, 2, 3)))
    extra = rng.sample(("honest", "tired", "brave", "clever", "stubborn", "loyal", "hungry"), 1)
    scenario = fill(choose(rng.choice(openings["scenario"][">"]), rng), words)
    has_role = rng.random() < ROLE_SHARE
    about = openings["description" if has_role else "plain"]
    description = fill(choose(rng.choice(about[">"]), rng), words)
    return Cast(
        name=name,
        description=description,
        personality=", ".join(traits + (extra if rng.random() < 0.4 else [])),
        scenario=scenario if rng.random() < 0.6 else "",
        voice=voice,
        slots={k: v for k, v in words.items() if k not in {"char", "user"}},
        has_role=has_role,
        items=(slots["that_item"], "the " + slots["item"][3:]),
    )


@dataclass(frozen=True)
class Person:
    """Somebody who writes."""

    name: str
    description: str
    lower: float
    """How likely a line is all in small letters."""
    bare: float
    """How likely a line has no full stop or question mark at its end."""
    short: float
    """How likely "you" is written "u"."""


def random_person(rng: Random) -> Person:
    """Make up somebody with a way of typing."""
    description = ""
    name = person_name(rng)
    if rng.random() < 0.2:
        role = with_article(rng.choice(load_words()["role"]))
        words = Slots(rng, {"a_person": role, "user": "{{user}}"})
        description = fill(choose(rng.choice(load("openings")["person"][">"]), rng), words)
    return Person(
        name,
        description,
        rng.choice((0, 0.2, 0.9)),
        rng.choice((0.05, 0.4, 0.9)),
        rng.choice((0, 0, 0.6)),
    )
