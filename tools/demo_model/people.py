"""What people write: a line on a topic, in somebody's way of typing."""

# ruff: noqa: PLR2004 (the odds are what this file is made of; a name for each hides them)

import re
from random import Random

from tools.demo_model.grammar import choose, fill, load, read_all_words
from tools.demo_model.names import plain
from tools.demo_model.replies import Situation
from tools.demo_model.worlds import Cast, Person, Slots

PLAIN_SHARE, PLAIN_LINES = 0.25, 4
"""How often a line is one of a topic's first, the plainest ones, as it stands there."""


def garnished(text: str, rng: Random) -> str:
    """Put words around a line that change nothing of what it is about."""
    around = load("people_around")
    if rng.random() < 0.14:
        text = f"{choose(rng.choice(around['before']['>']), rng)} {text[0].lower()}{text[1:]}"
    elif rng.random() < 0.06:
        text = f"{choose(rng.choice(around['first']['>']), rng)} {text}"
    if "*" not in text and rng.random() < 0.12:
        mark = text[-1] if text[-1] in ".?!" else ""
        after = choose(rng.choice(around["after"][">"]), rng)
        text = f"{text.rstrip('.?!')}{after}{mark}"
    return text


def blurred(text: str, rng: Random) -> str:
    """Leave a word out, put another in its place or mistype one, in one line of six.

    What a line is about must be seen in any of its words, not in one sure phrase.
    """
    words = text.split(" ")
    usual = [i for i, word in enumerate(words) if word.isalpha()]
    chance = rng.random()
    if len(words) < 4 or not usual or chance > 0.18:
        return text
    place = rng.choice(usual)
    if chance < 0.08:
        del words[place]
    elif chance < 0.12:
        words[place] = rng.choice(read_all_words())
    else:
        word, at = words[place], rng.randrange(len(words[place]))
        words[place] = word[:at] + word[at + 1 :] if rng.random() < 0.5 else word + word[-1]
    return " ".join(word for word in words if word)


def typed(text: str, person: Person, rng: Random) -> str:
    """Write a line the way this person types; words in slots stay as they are."""
    if rng.random() < person.lower:
        text = text.lower()
    if rng.random() < person.short:
        text = re.sub(r"\byou\b", "u", text)
        text = re.sub(r"\bare u\b", "r u", text)
    if text[-1] in ".?" and rng.random() < person.bare:
        text = text.rstrip(".?")
    elif text[-1].isalpha() and rng.random() > person.bare and text.count(" ") > 1:
        text += rng.choice((".", ".", "!", "..."))
    elif text[-1].isalpha() and rng.random() < 0.15:
        text += rng.choice(("!", "!!", "...", " :)", "."))
    return text


def person_says(topic: str, cast: Cast, person: Person, rng: Random) -> tuple[str, Situation]:
    """Return a line on a topic, and what an answer must know of it."""
    lines = load("people")[topic][">"]
    is_plain = rng.random() < PLAIN_SHARE
    line = rng.choice(lines[:PLAIN_LINES] if is_plain else lines)
    slots = Slots(rng, {})
    first = rng.choice((cast.name, cast.name.split()[0], cast.name.lower()))
    words = {
        "first": first, "said": slots["thing"], "goal": slots["goal"],
        "thatitem": rng.choice(cast.items or ("that",)),
    }  # fmt: skip
    if topic == "intro":
        words["given"] = plain(rng) if rng.random() < 0.5 else person.name
    elif topic == "gift":
        words["given"] = slots["thing"] if rng.random() < 0.7 else f"some {slots['food']}"
    elif topic == "lost":
        words["minegiven"] = f"my {slots['bare']}"
        words["given"] = f"your {slots['bare']}"
    if topic == "way" and rng.random() < 0.4:
        words["goal"] = slots["town"]
    text = choose(line, rng)
    if not is_plain:
        text = blurred(text if topic == "other" else garnished(text, rng), rng)
    chosen = typed(text, person, rng)
    situation = Situation(
        topic, words["given"] if topic == "intro" else person.name,
        said=words["said"] if "{said}" in chosen else "",
        given=words.get("given", ""), goal=words["goal"] if topic == "way" else "",
    )  # fmt: skip
    return fill(chosen, Slots(rng, words)), situation
