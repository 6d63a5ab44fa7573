"""Macros of the card specs, for card text and configuration only.

Never run on what people write in Discord: `{{persona}}` typed by a member would read hidden text.
Sources: the character card specs V1 to V3; where they are silent, what SillyTavern 1.12.6 gives.
"""

import random
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_TOKEN = re.compile(r"\{\{(?!\{)|\}\}|<(bot|char|user|group|charifnotgroup)>", re.IGNORECASE)
_ARGUMENT = re.compile(
    r"(random|pick|roll|reverse|comment|hidden_key)(?:::?| (?=\S))(.*)", re.DOTALL | re.IGNORECASE
)
_DICE = re.compile(r"(\d{0,3})d(\d{1,6})([+-]\d{1,6})?", re.IGNORECASE)
_ESCAPED_COMMA: Final = "\0"
_DEEPEST: Final = 50
"""Macros in macros; every level looks at its text once more."""
_MOST_DICE: Final = 10_000
"""In one text."""
_SILENT = ("comment", "hidden_key")
"""Removed from prompts: notes to people, and keys that only lore would look at."""


class _Trim:
    """Where `{{trim}}` stood: the line breaks around it go."""


_TRIM: Final = _Trim()
_Piece = str | _Trim


def replace_macros(
    text: str,
    *,
    char: str,
    user: str,
    original: str | None = None,
    chance: random.Random | None = None,
) -> str:
    """Put names where the card has macros; unknown macros stay as written.

    What is put in is never looked at again: a person may be called `{{char}}`. Braces within fifty
    others stay as written.

    Args:
        text: Of a card or of the configuration.
        char: The persona's name.
        user: Who opened the scene.
        original: The default that this text replaces; `{{original}}` gives it once, and nothing
            after that (V2 spec). None is a text that replaces nothing.
        chance: What `{{random}}`, `{{pick}}` and `{{roll}}` draw from. Without it they give the
            same for the same text and names, because a prompt that begins differently each time
            would be evaluated anew each time.
    """
    if "{{" not in text and "<" not in text:
        return text
    if chance is None:  # cards cut in mid-emoji have halves of surrogate pairs
        seed = f"{char}\0{user}\0{text}".encode(errors="surrogatepass")
        chance = random.Random(seed)  # noqa: S311
    return _replace(text, _Macros(char, user, original, chance))


def _replace(text: str, macros: "_Macros") -> str:
    frames: list[list[_Piece]] = [[]]
    position = ignored = 0
    for token in _TOKEN.finditer(text):
        frames[-1].append(text[position : token.start()])
        position = token.end()
        if token[1]:
            frames[-1].append(macros.name(token[1].lower()))
        elif token[0] == "{{" and len(frames) > _DEEPEST:
            ignored += 1
            frames[-1].append("{{")
        elif token[0] == "{{":
            frames.append([])
        elif ignored:
            ignored -= 1
            frames[-1].append("}}")
        elif len(frames) > 1:
            inner = _join(frames.pop())
            frames[-1].append(macros.evaluate(inner))
        else:
            frames[-1].append("}}")
    frames[-1].append(text[position:])
    whole = frames[0]
    for unclosed in frames[1:]:
        whole += ["{{", *unclosed]
    return _join(whole)


class _Macros:
    """What macros give in one text."""

    def __init__(self, char: str, user: str, original: str | None, chance: random.Random) -> None:
        self._char = char
        self._user = user
        self._originals = None if original is None else [original]
        self._chance = chance
        self._dice_left = _MOST_DICE

    def name(self, word: str) -> str:
        """A group has one persona here, so `<GROUP>` is that one."""
        return self._user if word == "user" else self._char

    def evaluate(self, inner: str) -> _Piece:
        """What stands between double braces, its own macros replaced already."""
        word = inner.lower()
        if word in {"char", "user", "group", "charifnotgroup"}:
            return self.name(word)
        if word == "original" and self._originals is not None:
            return self._originals.pop() if self._originals else ""
        if word == "trim":
            return _TRIM
        if word in {"newline", "noop"} or word.startswith("//"):
            return "\n" if word == "newline" else ""
        if argument := _ARGUMENT.fullmatch(inner):
            return self._call(argument[1].lower(), argument[2], inner)
        return f"{{{{{inner}}}}}"

    def _call(self, word: str, argument: str, inner: str) -> str:
        if word in _SILENT:
            return ""
        calls: dict[str, Callable[[str], str]] = {
            "roll": self._roll,
            "reverse": lambda text: text[::-1],
        }
        if word in calls:
            return calls[word](argument)
        return self._choose(argument, double="::" in inner)

    def _choose(self, argument: str, *, double: bool) -> str:
        """One of `a::b`, or of `a,b` with a backslash before a comma that separates nothing."""
        if double:
            return self._chance.choice(argument.split("::"))
        items = argument.replace("\\,", _ESCAPED_COMMA).split(",")
        return self._chance.choice([i.strip().replace(_ESCAPED_COMMA, ",") for i in items])

    def _roll(self, argument: str) -> str:
        """`6` and `d6` are one die, `2d6+1` are two and one; anything else gives nothing."""
        formula = argument.strip()
        match = _DICE.fullmatch(f"1d{formula}" if formula.isdigit() else formula)
        if match is None or not int(match[2]):
            return ""
        dice, sides = int(match[1] or 1), int(match[2])
        self._dice_left -= dice
        if self._dice_left < 0:
            return ""
        rolled = sum(self._chance.randint(1, sides) for _ in range(dice))
        return str(rolled + int(match[3] or 0))


def _join(pieces: list[_Piece]) -> str:
    kept: list[str] = []
    trims = False
    for piece in pieces:
        if isinstance(piece, _Trim):
            trims = True
            while kept and not kept[-1].strip("\r\n"):
                kept.pop()
            if kept:
                kept[-1] = kept[-1].rstrip("\r\n")
            continue
        text = piece.lstrip("\r\n") if trims else piece
        kept.append(text)
        trims = trims and not text
    return "".join(kept)
