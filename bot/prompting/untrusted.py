"""Makes people's and cards' text harmless for one prompt format.

Only the prompt is changed: what is stored and shown stays as written. Attacks and reasons:
`docs/prompts.md`.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

ZERO_WIDTH_NON_JOINER = "\u200c"
"""Put inside a special string, it keeps the looks and breaks the token."""
_UNSEEN = frozenset(("Cf", "Cc"))
_QUOTE = "> "
_LONGEST_NAME = 32
_LONGEST_KEPT = 256
"""Characters of a line whose folded form is kept: headers and names come again and again."""
_NO_NAME = "Someone"
_NO_NAMES = (_NO_NAME, "Nobody", "Anybody")
"""In case a format's header begins like the first."""
_AROUND_NAMES = ("[{}]", "<{}>", "<|{}|>", "<<{}>>")
"""What presets put around names, and what a control token may be made of."""
_LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_HALVES = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: cards cut in mid-emoji have it, and it cannot be sent as UTF-8."""
_SPACES = re.compile(r"\s+")
_BLANKS = re.compile("[\u115f\u1160\u2800\u3164\uffa0]")
"""Letters and signs that look like a space: fillers of Hangul, the blank of Braille."""
_JOINED = re.compile("[\u034f\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Marks without looks of their own: the grapheme joiner, variation selectors."""
_LOOK_ALIKES = str.maketrans(
    "авеѕіјкмнорстухһԁԛԝαικμνορτυχ\u2236\ua789\u02d0\u02f8\u0589\u05c3\u266f\u2317",
    "abesijkmhopctyxhdqwaikmnoptyx::::::##",
)
"""Small letters and signs of other scripts that look like ours, or whose capitals do (source:
Unicode's confusables.txt)."""
_MARKDOWN = " *_~`\"'"
"""What may stand around a name without changing who is named."""


def fold(text: str) -> str:
    """The form in which look-alikes are compared: NFKC, no invisible characters, lower case."""
    if text.isascii() and text.isprintable():  # as most lines are
        return text.lower().strip()
    return _fold_line(text) if len(text) <= _LONGEST_KEPT else _fold_line.__wrapped__(text)


@lru_cache(maxsize=1024)
def _fold_line(text: str) -> str:
    visible = "".join([char for char in text if unicodedata.category(char) not in _UNSEEN])
    visible = _JOINED.sub("", _BLANKS.sub(" ", visible))
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return folded.translate(_LOOK_ALIKES).strip()


def _fold_name(name: str) -> str:
    """A name as it is compared: also without the marks of bold, italics and quotes."""
    folded = fold(name)
    return folded.strip(_MARKDOWN) or folded


def clean_name(name: str) -> str:
    """A display name that stays on its line and cannot pass for a header.

    Line breaks, control and invisible characters, colons and leading marks go; at most 32
    characters stay.
    """
    kept = "".join(
        " " if char.isspace() or ":" in fold(char) else char
        for char in _BLANKS.sub(" ", name)
        if char.isspace() or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    )
    kept = _SPACES.sub(" ", kept).strip()
    while kept and fold(kept[0]) in {"", "#", ">"}:
        kept = kept[1:]
    return kept[:_LONGEST_NAME].strip() or _NO_NAME


class Neutraliser:
    """Knows what must not occur in untrusted text: special strings, headers, speakers' names."""

    def __init__(
        self,
        *,
        special_strings: Iterable[str],
        line_headers: Iterable[str],
        persona_name: str,
        reserved_names: Iterable[str] = (),
    ) -> None:
        """Collect what to break.

        Args:
            special_strings: Texts of the vocabulary's control tokens.
            line_headers: What a line must not begin with in the format in use.
            persona_name: The persona's name, which no person may bear.
            reserved_names: Names of nobody's, which no person may bear either.
        """
        self._special_strings = tuple(special_strings)
        self._special = _compile(self._special_strings)
        self._headers: tuple[str, ...] = ()
        self.add_markers((), line_headers)
        self._persona_name = _fold_name(self.speaker(persona_name))
        self._taken = {self._persona_name, *map(_fold_name, reserved_names)}
        self._speakers = {self._persona_name}
        self._names: dict[str, str] = {}

    def add_markers(self, special_strings: Iterable[str], line_headers: Iterable[str]) -> None:
        """Remember what else must not occur: some formats have the names of a scene in them.

        A header of invisible characters only would begin every line, so it counts for nothing.
        """
        self._headers += tuple(header for each in line_headers if (header := fold(each)))
        known = set(self._special_strings)
        if added := tuple(each for each in special_strings if each not in known):
            self._special_strings += added
            self._special = _compile(self._special_strings)

    def add_speakers(self, names: Iterable[str]) -> None:
        """Remember who takes part, before their texts are neutralised."""
        self._speakers.update(_fold_name(name) for name in names)

    def name(self, name: str) -> str:
        """A person's name for the prompt; one that is the persona's is marked."""
        if name not in self._names:
            cleaned = self.speaker(name)
            is_taken = _fold_name(cleaned) in self._taken
            self._names[name] = f"{cleaned} (user)" if is_taken else cleaned
        return self._names[name]

    def speaker(self, name: str) -> str:
        """Anybody's name, harmless also with the colon that comes behind it."""
        cleaned = clean_name(name)
        while cleaned != _NO_NAME and fold(cleaned).startswith(self._headers):
            cleaned = clean_name(cleaned[1:])
        if cleaned == _NO_NAME:
            fitting = (n for n in _NO_NAMES if not fold(f"{n}:").startswith(self._headers))
            return next(fitting, _break_text(_NO_NAME))
        # Some families' markers are a word and a colon.
        written = self.specials(f"{cleaned}:").removesuffix(":")
        around = (form.format(written) for form in _AROUND_NAMES)
        if written == cleaned and (
            fold(f"{cleaned}:").startswith(self._headers) or any(map(self._special.search, around))
        ):
            return _break_text(cleaned)
        return written

    def specials(self, text: str) -> str:
        """Break every special string, also those that appear when a longer one is broken."""
        while True:
            broken = self._special.sub(_break, text)
            if broken == text:
                return text
            text = broken

    def card(self, text: str) -> str:
        """Text of a card's head: headers and special strings are broken, names may stand."""
        return self._lines(text, speakers=False, first_line=True)

    def utterance(self, text: str, *, starts_line: bool = False) -> str:
        """What somebody said: no header and no other speaker at a line's start.

        Args:
            text: As written.
            starts_line: Whether its first line stands at a line's start, not behind a name.
        """
        return self._lines(text, speakers=True, first_line=starts_line)

    def _lines(self, text: str, *, speakers: bool, first_line: bool) -> str:
        text = _HALVES.sub("\ufffd", _LINE_BREAK.sub("\n", text))
        lines = self.specials(text).split("\n")
        return "\n".join(
            _QUOTE + line
            if (number or first_line) and self._is_forged(line, speakers=speakers)
            else line
            for number, line in enumerate(lines)
        )

    def _is_forged(self, line: str, *, speakers: bool) -> bool:
        folded = fold(line)
        if folded.startswith(self._headers):
            return True
        if not speakers:
            return False
        name, colon, _ = folded.partition(":")
        return bool(colon) and _fold_name(name) in self._speakers


@lru_cache(maxsize=16)
def _compile(special_strings: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for all of them, made once for a model and format: there may be hundreds."""
    # Some vocabularies have runs of white space among them: no marker, and everybody's text.
    specials = {
        text
        for text in special_strings
        if len(fold(text)) > 1 and ZERO_WIDTH_NON_JOINER not in text
    }
    longest_first = sorted(specials, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def _break(match: re.Match[str]) -> str:
    return _break_text(match[0])


def _break_text(text: str) -> str:
    return text[0] + ZERO_WIDTH_NON_JOINER + text[1:]
