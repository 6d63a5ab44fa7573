"""Pictures as containers of cards: their chunks, and a plain one for a card that has none."""

import colorsys
import functools
import hashlib
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Final

from personas.cards.png_card import Chunk, is_png, walk_chunks
from personas.errors import InvalidCardError

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_WIDTH: Final = 400
_HEIGHT: Final = 600
_IEND: Final = b"IEND"


def strip_card(picture: bytes, *, source: str) -> bytes:
    """Take every card and every asset of one out of a PNG, and nothing else.

    Raises:
        InvalidCardError: If it is no PNG, or has no beginning of a picture.
    """
    chunks = list(walk_chunks(picture, source=source)) if is_png(picture) else []
    if not chunks or chunks[0].type != b"IHDR":
        found = "a picture that is no PNG"
        remedy = "Use a PNG; most programs for pictures can save one."
        raise InvalidCardError(source=source, found=found, remedy=remedy)
    return SIGNATURE + b"".join(_keep(chunks)) + _pack(_IEND, b"")


def add_texts(picture: bytes, texts: Sequence[tuple[str, bytes]]) -> bytes:
    """Put texts into a picture that `strip_card` gave, before its end."""
    end = _pack(_IEND, b"")
    chunks = (_pack(b"tEXt", key.encode("latin-1") + b"\0" + text) for key, text in texts)
    return b"".join((picture.removesuffix(end), *chunks, end))


@functools.lru_cache(maxsize=8)
def draw_plain(name: str) -> bytes:
    """Draw a picture for a card that has none: a shade that is the same for the same name."""
    hue = hashlib.sha256(name.encode("utf-8", "replace")).digest()[0] / 256
    rows: list[bytes] = []
    for y in range(_HEIGHT):
        colour = colorsys.hls_to_rgb(hue, 0.75 - 0.5 * y / _HEIGHT, 0.35)
        rows.append(b"\0" + bytes(round(255 * part) for part in colour) * _WIDTH)
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(rows))
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (_IEND, b""))
    return SIGNATURE + b"".join(_pack(kind, body) for kind, body in chunks)


def _keep(chunks: Iterable[Chunk]) -> Iterable[memoryview]:
    for chunk in chunks:
        if chunk.type == _IEND:
            return
        # Damaged ones of the picture stay as they are, but not one that the file breaks off in.
        if not chunk.is_card and len(chunk.raw) == len(chunk.body) + 12:
            yield chunk.raw


def _pack(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
