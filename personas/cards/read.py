"""Reads a character card from a file or from bytes, whatever the container and the spec.

To add a container, write a module with a test for its first bytes and a reader that gives the
card object inside, and name both in `_CONTAINERS`. Specs are told apart in `specs/detect.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from personas.cards import charx_card, png_card
from personas.cards.charx_card import is_zip, read_charx
from personas.cards.file_types import describe_file
from personas.cards.json_card import is_json, read_json
from personas.cards.png_card import is_png, read_png
from personas.cards.specs.tavern import persona_from_object
from personas.cards.webp_card import is_jpeg, is_webp, read_exif
from personas.cards.yaml_card import is_yaml, read_yaml
from personas.errors import InvalidCardError
from personas.persona import Persona, persona_key

MAX_FILE_BYTES = 32 * 1024 * 1024

_WHAT_WOULD_DO = (
    "Use a character card as JSON, PNG, CHARX, WEBP or YAML (Tavern V1 to V3, Pygmalion, "
    "text-generation-webui, Agnai, JanitorAI)."
)


class _ContainerReader(Protocol):
    """Gives the card object inside a container, not yet looked at; adds to `notes` what is odd."""

    def __call__(self, data: bytes, *, source: str, notes: list[str]) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Container:
    name: str
    is_this: Callable[[bytes], bool]
    read: _ContainerReader


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFile:
    """A card with everything that came along: what is needed to write it again."""

    persona: Persona
    container: str
    """json, png, charx, webp, jpeg or yaml."""
    picture: bytes | None = field(default=None, repr=False)
    """The PNG that the card was in, whole."""
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)
    """Assets and whatever else was in the container, by path."""


# Asked in this order; the first whose test holds reads the file. A JPEG may have an archive
# behind it, so that archives come first.
_CONTAINERS = (
    _Container(name="png", is_this=is_png, read=read_png),
    _Container(name="webp", is_this=is_webp, read=read_exif),
    _Container(name="json", is_this=is_json, read=read_json),
    _Container(name="charx", is_this=is_zip, read=read_charx),
    _Container(name="jpeg", is_this=is_jpeg, read=read_exif),
    _Container(name="yaml", is_this=is_yaml, read=read_yaml),
)


def read_card(path: Path) -> Persona:
    """Read the card in a file; the persona's key is made from the file's name.

    Raises:
        InvalidCardError: If the file cannot be read or is not a card that we read.
    """
    return read_card_bytes(read_bytes(path), source=str(path), key=persona_key(path.stem))


def read_card_bytes(data: bytes, *, source: str, key: str) -> Persona:
    """Read a card from bytes.

    The container is told by the content: cards are passed around under wrong extensions.

    Raises:
        InvalidCardError: If this is not a card that we read.
    """
    notes: list[str] = []
    card = _find_container(data, source=source).read(data, source=source, notes=notes)
    return persona_from_object(card, source=source, key=key, warnings=notes)


def read_card_file(path: Path) -> CardFile:
    """Read a card with its picture and its assets, to write it again.

    Raises:
        InvalidCardError: If the file cannot be read or is not a card that we read.
    """
    data, source = read_bytes(path), str(path)
    container = _find_container(data, source=source)
    files: Mapping[str, bytes] = {}
    if container.name == "png":
        files = png_card.read_files(data, source=source)
    elif container.name == "charx":
        files = charx_card.read_files(data, source=source)
    return CardFile(
        persona=read_card_bytes(data, source=source, key=persona_key(path.stem)),
        container=container.name,
        picture=data if container.name == "png" else None,
        files=files,
    )


def name_container(data: bytes, *, source: str) -> str:
    """Tell the container: json, png, charx, webp, jpeg or yaml.

    Raises:
        InvalidCardError: If it is none of them.
    """
    return _find_container(data, source=source).name


def read_bytes(path: Path) -> bytes:
    """Read a file that may be a card, never more of it than a card may have.

    Raises:
        InvalidCardError: If it cannot be opened or is no file.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            found = "a folder" if path.is_dir() else "something that is not a file"
            raise InvalidCardError(source=str(path), found=found, remedy="Name the card's file.")
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero in it
        reason = getattr(error, "strerror", None) or "its name cannot be used"
        raise InvalidCardError(
            source=str(path),
            found=f"a file that cannot be opened ({reason})",
            remedy="Check that it is there and that the service may read it.",
        ) from error


def _find_container(data: bytes, *, source: str) -> _Container:
    """Tell the container by its content.

    Raises:
        InvalidCardError: If it is none that we read, or too large.
    """
    if len(data) > MAX_FILE_BYTES:
        raise InvalidCardError(
            source=source,
            found=f"a file of more than {MAX_FILE_BYTES // 1024 // 1024} MiB",
            remedy="Use a smaller picture or leave out what is embedded in the card.",
        )
    for container in _CONTAINERS:
        if container.is_this(data):
            return container
    raise InvalidCardError(source=source, found=describe_file(data), remedy=_WHAT_WOULD_DO)
