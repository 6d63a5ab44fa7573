"""Takes a card into a folder of cards, unchanged, whole or not at all."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from personas.cards.read import name_container, read_bytes, read_card_bytes
from personas.errors import CardExistsError, PersonaError
from personas.library import CARD_SUFFIXES, list_cards
from personas.persona import Persona, has_hidden_characters, persona_key

_SUFFIXES_BY_CONTAINER = {
    "charx": ".charx",
    "jpeg": ".jpg",
    "json": ".json",
    "png": ".png",
    "webp": ".webp",
    "yaml": ".yaml",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A card in its new place."""

    persona: Persona
    path: Path
    was_there: bool = False
    """Whether the very same file was there already."""


def import_card(source: Path, folder: Path, *, replace: bool = False) -> Imported:
    """Copy a card into a folder, which is made if it is missing.

    Whatever else has its key is never replaced unasked: scenes remember personas by key, and would
    go on with somebody else. The copy appears under its name when it is whole.

    Raises:
        InvalidCardError: If it is not a card that we read.
        CardExistsError: If another card has the key, and `replace` does not allow it.
        PersonaError: If the folder cannot be written to.
    """
    data = read_bytes(source)
    name = _choose_name(source, name_container(data, source=str(source)))
    target = folder / name
    key = persona_key(target.stem)
    persona = read_card_bytes(data, source=str(source), key=key)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = [path for path in list_cards(folder) if persona_key(path.stem) == key]
        if any(path.read_bytes() == data for path in others):
            return Imported(persona=persona, path=others[0], was_there=True)
        if others and not replace:
            raise CardExistsError(key=key, file_name=others[0].name)
        write_whole(target, data, replace=replace)
        for other in others:
            if other.name != target.name:
                other.unlink()  # or the key would be the old card's still
    except FileExistsError as error:  # a folder of that name, or somebody was faster
        raise CardExistsError(key=key, file_name=name) from error
    except OSError as error:
        message = f"{folder} cannot be written to ({error.strerror}): choose another folder"
        raise PersonaError(message) from error
    return Imported(persona=persona, path=target)


def _choose_name(source: Path, container: str) -> str:
    """Keep the name, unless the library would not look at such a file or it hides something."""
    stem, suffix = source.stem, source.suffix
    if suffix.lower() not in CARD_SUFFIXES:
        stem, suffix = source.name, _SUFFIXES_BY_CONTAINER[container]
    if stem.startswith(".") or has_hidden_characters(stem):
        stem = persona_key(stem)
    return stem + suffix


def write_whole(target: Path, data: bytes, *, replace: bool) -> None:
    """Write a file that is there whole or not at all.

    Raises:
        FileExistsError: If there is something of that name, and `replace` does not allow it.
        OSError: If it cannot be written.
    """
    draft = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(target)
        else:
            _move_to_free_place(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _move_to_free_place(draft: Path, target: Path) -> None:
    """Give a file a name that nothing has; a link cannot replace what is there.

    Raises:
        FileExistsError: If something has the name.
    """
    try:
        target.hardlink_to(draft)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        pass  # a file system without links
    else:
        return
    # Nearly the same, but for another program at this moment.
    if target.exists():
        raise FileExistsError(target)
    draft.rename(target)
