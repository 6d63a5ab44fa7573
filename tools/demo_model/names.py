"""Make names of many shapes, for personas and for the people who write to them."""

# ruff: noqa: PLR2004 (the odds are what this file is made of; a name for each hides them)

from random import Random

from tools.demo_model.grammar import load_words

ONSETS = [
    *"bcdfghjklmnprstvwyzbdklmnrst",
    *("br", "ch", "cl", "dr", "fl", "gr", "kr", "pl", "qu", "sh", "st", "th", "tr", "vr", "x"),
]
VOWELS = [*"aeiouaeio", "ae", "ai", "ee", "ia", "io", "oo", "ou", *"yöéå"]
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


def plain(rng: Random) -> str:
    """Return a single name: a common one or a made-up one."""
    return rng.choice(load_words()["plainname"]) if rng.random() < 0.4 else made_up(rng)


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


def _two_words(rng: Random) -> str:
    words = load_words()
    first = rng.choice((rng.choice(words["adjective"]), rng.choice(words["townstart"])))
    second = rng.choice((rng.choice(words["noun"]), rng.choice(words["animal"])))
    return f"{first.capitalize()} {second.capitalize()}"


def persona_name(rng: Random) -> str:
    """Return a name for a persona: of one piece or of many."""
    words = load_words()
    shape = rng.choices(range(9), (34, 15, 10, 8, 8, 8, 6, 6, 5))[0]
    if shape == 0:
        name = plain(rng)
    elif shape == 1:
        name = f"{plain(rng)} {plain(rng)}"
    elif shape == 2:
        name = f"{rng.choice(words['title'])} {plain(rng)}"
    elif shape == 3:
        name = f"{plain(rng)}-{plain(rng)}"
    elif shape == 4:
        name = f"{rng.choice(('D', 'O', 'K', 'T', 'Sh', 'N', 'Vr'))}'{plain(rng)}"
    elif shape == 5:
        name = _with_digits(rng)
    elif shape == 6:
        name = f"{plain(rng)} {rng.choice(words['epithet'])}"
    elif shape == 7:
        name = _two_words(rng)
    else:
        name = f"{plain(rng)} {plain(rng)}-{plain(rng)}"
    return name


def person_name(rng: Random) -> str:
    """Return a name as people have them on Discord."""
    words = load_words()
    shape = rng.choices(range(9), (40, 12, 10, 8, 8, 6, 6, 4, 6))[0]
    nick = rng.choice(words["nickname"])
    if shape == 0:
        name = plain(rng)
    elif shape == 1:
        name = made_up(rng, capital=False)
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
