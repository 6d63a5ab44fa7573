"""Finds the card object in the EXIF data of a WEBP or JPEG picture, as old Tavern wrote it."""

import re
from collections.abc import Iterator
from typing import Final

from personas.cards.json_card import is_json, read_json
from personas.cards.tiff import find_comments
from personas.errors import InvalidCardError

_WEBP_HEAD = re.compile(rb"RIFF.{4}WEBP", re.DOTALL)
_JPEG_HEAD = b"\xff\xd8\xff"
_MAX_CHUNKS: Final = 4_096
_EXIF_MARKER = 0xE1
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_PICTURE_BEGINS = frozenset({0xDA, 0xD9})

_REMEDY = "Use the picture as it was exported: saving or resizing it removes its card."


def is_webp(data: bytes) -> bool:
    """Whether these bytes begin as a WEBP picture does."""
    return _WEBP_HEAD.match(data) is not None


def is_jpeg(data: bytes) -> bool:
    """Whether these bytes begin as a JPEG picture does."""
    return data.startswith(_JPEG_HEAD)


def read_exif(data: bytes, *, source: str, notes: list[str]) -> object:
    """Find the card in the EXIF data of a picture and parse it.

    Raises:
        InvalidCardError: If there is none in it, or it cannot be read.
    """
    kind = "WEBP" if is_webp(data) else "JPEG"
    for exif in _walk_webp(data) if kind == "WEBP" else _walk_jpeg(data):
        for comment in find_comments(exif):
            if is_json(comment):
                return read_json(comment, source=source, notes=notes)
    found = f"a {kind} picture without a card in it"
    raise InvalidCardError(source=source, found=found, remedy=_REMEDY)


def _walk_webp(data: bytes) -> Iterator[bytes]:
    """Give the EXIF chunks of a RIFF file."""
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            return
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        if data[position : position + 4] == b"EXIF":
            yield data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def _walk_jpeg(data: bytes) -> Iterator[bytes]:
    """Give the EXIF segments before the picture itself."""
    position = 2
    for _ in range(_MAX_CHUNKS):
        if position + 4 > len(data) or data[position] != 0xFF:  # noqa: PLR2004
            return
        marker = data[position + 1]
        if marker in _PICTURE_BEGINS:
            return
        if marker in _NO_LENGTH:
            position += 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _EXIF_MARKER:
            yield data[position + 4 : position + 2 + length]
        position += 2 + max(length, 2)
