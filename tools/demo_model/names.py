"""Make names of many shapes, for personas and for the people who write to them."""

# ruff: noqa: PLR2004 (the odds are what this file is made of; a name for each hides them)

import re
from functools import cache
from random import Random

from tools.demo_model.grammar import load_words, read_all_words

ONSETS = [
    *"bcdfghjklmnprstvwyzbdklmnrst",
    *("br", "ch", "cl", "dr", "fl", "gr", "kr", "pl", "qu", "sh", "st", "th", "tr", "vr", "x"),
]
VOWELS = [*"aeiouaeio", "ae", "ai", "ee", "ia", "io", "oo", "ou", *"yöéå"]
VOWEL = re.compile("[aeiouy]")
CODAS = [*[""] * 12, *"nnrrllss", "th", *"mkxt", "nd", "rn", "ck", *"vz"]


def syllable(rng: Random) -> str:
    """Return one made-up syllable."""
    return rng.choice(ONSETS) + rng.choice(VOWELS[: rng.choice((9, 17, 20))]) + rng.choice(CODAS)


def made_up(rng: Random, *, capital: bool = True) -> str:
    """Return a made-up word of one to four syllables, some of them repeated."""
    parts = [syllable(rng) for _ in range(rng.choice((1, 2, 2, 2, 2, 3, 3)))]
    if rng.random() < 0.15:
        parts.append(parts[-1])
    word = "".join(parts)[:11]
    return word.capitalize() if capital else word


@cache
def _fragments() -> list[str]:
    """All beginnings, middles and ends of words, so that every piece of the vocabulary occurs."""
    found = {word[start : start + size] for word in read_all_words() for size in (2, 3, 4)
             for start in range(len(word) - size + 1)}  # fmt: skip
    return sorted(part for part in found if VOWEL.search(part))


def patched(rng: Random, *, capital: bool = True) -> str:
    """Return a name put together from fragments of ordinary words, such as "Lanturnow".

    Few names can be learned by heart and any piece may follow any other in one that was never
    seen; a name made at random leaves copying as the only way to say it again.
    """
    parts = [rng.choice(_fragments()) for _ in range(rng.choice((1, 2, 2, 2, 2, 3)))]
    word = "".join(parts)[:11]
    return word.capitalize() if capital else word


def plain(rng: Random) -> str:
    """Return a single name: a common one, a made-up one or a patched one."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(load_words()["plainname"])
    return made_up(rng) if kind < 0.65 else patched(rng)


def _surname(rng: Random) -> str:
    return rng.choice(load_words()["surname"]) if rng.random() < 0.5 else plain(rng)


def _with_digits(rng: Random) -> str:
    number = str(rng.choice((rng.randrange(10), rng.randrange(100), rng.randrange(1000))))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    code = f"{rng.choice(letters)}{rng.randrange(10)}-{rng.choice(letters)}{rng.randrange(10)}"
    return rng.choice(
        (
            f"Unit {number}",
            f"{plain(rng)} {number}",
            f"{plain(rng)}-{number}",
            code,
            f"{plain(rng)}{number}",
        )
    )


def _epithet(rng: Random) -> str:
    if rng.random() < 0.4:
        return f"{rng.choice(('the', 'of', 'von', 'the'))} {plain(rng)}"
    return rng.choice(load_words()["epithet"])


def _two_words(rng: Random) -> str:
    words = load_words()
    first = rng.choice((rng.choice(words["adjective"]), rng.choice(words["townstart"])))
    second = rng.choice((rng.choice(words["noun"]), rng.choice(words["animal"])))
    if rng.random() < 0.3:
        second = plain(rng)
    return f"{first.capitalize()} {second.capitalize()}"


def persona_name(rng: Random) -> str:
    """Return a name for a persona: of one piece or of many."""
    words = load_words()
    shape = rng.choices(range(9), (34, 15, 10, 8, 8, 8, 6, 6, 5))[0]
    if shape == 0:
        name = plain(rng)
    elif shape == 1:
        name = f"{plain(rng)} {_surname(rng)}"
    elif shape == 2:
        last = f" {_surname(rng)}" if rng.random() < 0.25 else ""
        name = f"{rng.choice(words['title'])} {plain(rng)}{last}"
    elif shape == 3:
        name = f"{plain(rng)}-{plain(rng)}"
    elif shape == 4:
        name = f"{rng.choice(('D', 'O', 'K', 'T', 'Sh', 'N', 'Vr'))}'{plain(rng)}"
    elif shape == 5:
        name = _with_digits(rng)
    elif shape == 6:
        title = f"{rng.choice(words['title'])} " if rng.random() < 0.2 else ""
        name = f"{title}{plain(rng)} {_epithet(rng)}"
    elif shape == 7:
        name = _two_words(rng)
    else:
        name = f"{plain(rng)} {_surname(rng)}-{_surname(rng)}"
    return name


def person_name(rng: Random) -> str:
    """Return a name as people have them on Discord."""
    words = load_words()
    shape = rng.choices(range(9), (40, 12, 10, 8, 8, 6, 6, 4, 6))[0]
    nick = rng.choice(words["nickname"])
    if shape == 0:
        name = plain(rng)
    elif shape == 1:
        name = rng.choice((made_up, patched))(rng, capital=False)
    elif shape == 2:
        name = persona_name(rng)
    elif shape == 3:
        name = f"{nick}{rng.choice(('', '_', '.', '-'))}{rng.choice(words['nickname'])}"
    elif shape == 4:
        name = (
            f"{rng.choice((nick, plain(rng).lower()))}{rng.choice(('', '_'))}{rng.randrange(1000)}"
        )
    elif shape == 5:
        name = f"{nick.capitalize()}{rng.choice(words['nickname']).capitalize()}"
    elif shape == 6:
        name = rng.choice((nick, plain(rng).lower()))
    elif shape == 7:
        name = rng.choice(
            (f"xX{nick.capitalize()}Xx", f"The{nick.capitalize()}", f"{nick.upper()}")
        )
    else:
        name = rng.choice(words["plainname"])
    return name


def town_name(rng: Random) -> str:
    """Return the name of a town."""
    words = load_words()
    return rng.choice(words["townstart"]) + rng.choice(words["townend"])
