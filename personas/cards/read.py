"""Reads a character card from a file or from bytes, whatever the container.

To add a container, write a module with a test for its first bytes and a reader that gives the
card object inside, and name both in `_CONTAINERS`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from personas.cards.file_types import describe_file
from personas.cards.json_card import is_json, persona_from_object, read_json
from personas.cards.png_card import is_png, read_png
from personas.errors import InvalidCardError
from personas.persona import Persona, persona_key

MAX_FILE_BYTES = 32 * 1024 * 1024

_WHAT_WOULD_DO = "Use a character card as JSON or as PNG (Tavern V1, V2 or V3)."


class _ContainerReader(Protocol):
    """Gives the card object inside a container, not yet looked at."""

    def __call__(self, data: bytes, *, source: str) -> object: ...


# Asked in this order; the first whose test holds reads the file.
_CONTAINERS: tuple[tuple[Callable[[bytes], bool], _ContainerReader], ...] = (
    (is_png, read_png),
    (is_json, read_json),
)


def read_card(path: Path) -> Persona:
    """Read the card in a file; the persona's key is made from the file's name.

    Raises:
        InvalidCardError: If the file cannot be read or is not a card that we read.
    """
    source = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidCardError(
            source=source,
            found=f"a file that cannot be opened ({error.strerror})",
            remedy="Check that it is there and that the service may read it.",
        ) from error
    return read_card_bytes(data, source=source, key=persona_key(path.stem))


def read_card_bytes(data: bytes, *, source: str, key: str) -> Persona:
    """Read a card from bytes.

    The container is told by the content: cards are passed around under wrong extensions.

    Raises:
        InvalidCardError: If this is not a card that we read.
    """
    if len(data) > MAX_FILE_BYTES:
        raise InvalidCardError(
            source=source,
            found=f"a file of more than {MAX_FILE_BYTES // 1024 // 1024} MiB",
            remedy="Use a smaller picture or leave out what is embedded in the card.",
        )
    for is_container, read_container in _CONTAINERS:
        if is_container(data):
            card = read_container(data, source=source)
            return persona_from_object(card, source=source, key=key)
    raise InvalidCardError(source=source, found=describe_file(data), remedy=_WHAT_WOULD_DO)
