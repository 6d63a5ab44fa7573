"""The personas that a service has: those that ship and those in the operator's folders."""

import builtins
import difflib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from personas.cards.read import read_card
from personas.errors import InvalidCardError, PersonaError, PersonaNotFoundError
from personas.persona import Persona, persona_key

BUNDLED_FOLDER = Path(__file__).with_name("bundled")

CARD_SUFFIXES = frozenset(
    {".apng", ".charx", ".jpeg", ".jpg", ".json", ".png", ".webp", ".yaml", ".yml"}
)


class PersonaLibrary:
    """Personas by key, found by name, searched for as somebody types."""

    def __init__(
        self,
        personas: Iterable[Persona],
        *,
        problems: Iterable[InvalidCardError] = (),
        files: Mapping[str, Path] | None = None,
    ) -> None:
        """Hold these personas; of several with one key, the last stays."""
        self._files = dict(files or {})
        self._by_key = {persona.key: persona for persona in personas}
        self._sorted = tuple(
            sorted(self._by_key.values(), key=lambda each: (each.name.casefold(), each.key))
        )
        self._search_texts = {
            persona.key: tuple(map(_fold, (persona.name, persona.nickname, persona.key)))
            for persona in self._sorted
        }
        self._problems = tuple(problems)

    @classmethod
    def open(cls, folders: Sequence[Path]) -> Self:
        """Read the bundled cards, then those of each folder.

        A later folder's persona replaces an earlier one of the same key, so an operator changes a
        bundled persona by a file of the same name. A card that cannot be read never keeps the
        rest away: it is one of the `problems`.

        Raises:
            PersonaError: If a folder is missing or cannot be read.
        """
        personas: dict[str, Persona] = {}
        problems: list[InvalidCardError] = []
        files: dict[str, Path] = {}
        for folder in (BUNDLED_FOLDER, *folders):
            # Folder by folder, so that two files of one key in the same folder are noticed.
            found, paths = _read_folder(folder, problems)
            personas |= found
            files |= paths
        return cls(personas.values(), problems=problems, files=files)

    @property
    def problems(self) -> tuple[InvalidCardError, ...]:
        """The files that were left out, each with the reason and what would do."""
        return self._problems

    def get(self, key: str) -> Persona:
        """Give the persona with exactly this key.

        Raises:
            PersonaNotFoundError: If there is none; it names the nearest key or name.
        """
        try:
            return self._by_key[key]
        except KeyError:
            raise PersonaNotFoundError(key=key, nearest=self._nearest(key)) from None

    def find_file(self, key: str) -> Path | None:
        """Find the card that a persona was read from; None if it came from nowhere."""
        return self._files.get(key)

    def find(self, text: str) -> Persona | None:
        """Find the persona whose key, name or nickname this is, in any case.

        Keys go before names and names before nicknames, because only keys are unique.
        """
        wanted = _plain(text)
        if not wanted:
            return None
        for field in ("key", "name", "nickname"):
            for persona in self._sorted:
                if _plain(getattr(persona, field)) == wanted:
                    return persona
        return None

    def search(self, prefix: str, limit: int = 25) -> builtins.list[Persona]:
        """Find personas for what somebody has typed so far, without regard to case and accents.

        First those with a name or a word of name or key that begins so, then those that only
        contain it. Nothing typed yet finds everybody. 25 is Discord's limit for choices.
        """
        wanted = _fold(prefix.strip())
        beginning: builtins.list[Persona] = []
        containing: builtins.list[Persona] = []
        for persona in self._sorted:
            texts = self._search_texts[persona.key]
            if any(_begins_a_word(text, wanted) for text in texts):
                beginning.append(persona)
            elif any(wanted in text for text in texts):
                containing.append(persona)
        return (beginning + containing)[:limit]

    def list(self) -> tuple[Persona, ...]:
        """Give all personas, by name."""
        return self._sorted

    def _nearest(self, text: str) -> str | None:
        """Find the key or name that resembles a text most, in the spelling of the library."""
        spellings: dict[str, str] = {}
        for persona in self._sorted:
            for spelling in (persona.key, persona.name, persona.nickname):
                if spelling:
                    spellings.setdefault(_fold(spelling), spelling)
        matches = difflib.get_close_matches(_fold(text), spellings, n=1)
        return spellings[matches[0]] if matches else None


def _read_folder(
    folder: Path, problems: list[InvalidCardError]
) -> tuple[dict[str, Persona], dict[str, Path]]:
    """Read the cards of one folder by key, adding the files that cannot be read to `problems`.

    The second of the two says which file each came from.

    Of two files with the same key the first is kept. Numbering them would give a persona another
    key when a file is added, and scenes remember personas by key.

    Raises:
        PersonaError: If the folder is missing or cannot be read.
    """
    personas: dict[str, Persona] = {}
    sources: dict[str, Path] = {}
    for path in list_cards(folder):
        key = persona_key(path.stem)
        try:
            if key in sources:
                raise InvalidCardError(
                    source=str(path),
                    found=f"a card with the same key, {key!r}, as {sources[key].name}",
                    remedy="Rename one of the two files, or remove the one that is not needed.",
                )
            personas[key] = read_card(path)
            sources[key] = path
        except InvalidCardError as error:
            problems.append(error)
    return personas, sources


def list_cards(folder: Path) -> Iterator[Path]:
    """Give the files of a folder that may be cards, in order of their names.

    Raises:
        PersonaError: If the folder is missing or cannot be read.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        message = (
            f"the persona folder {folder} cannot be read ({error.strerror}): "
            "create it, or take it out of the settings"
        )
        raise PersonaError(message) from error
    for path in paths:
        is_hidden = path.name.startswith(".")
        if path.suffix.lower() in CARD_SUFFIXES and not is_hidden and path.is_file():
            yield path


def _plain(text: str) -> str:
    """Bring a text into the form in which spellings of the same name are equal."""
    return unicodedata.normalize("NFC", text.strip()).casefold()


def _fold(text: str) -> str:
    """Take case and accents away."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _begins_a_word(text: str, wanted: str) -> bool:
    position = text.find(wanted)
    while position > 0 and text[position - 1].isalnum():
        position = text.find(wanted, position + 1)
    return position >= 0
