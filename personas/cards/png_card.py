"""Finds the card object inside a PNG picture.

A card is a text chunk with the keyword `ccv3` (V3) or `chara` (any form), holding base64 of JSON.
Other text chunks, such as Title and Author, are none of ours whatever they hold.
"""

import base64
import binascii
import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from personas.cards.json_card import read_json
from personas.errors import InvalidCardError

MAX_TEXT_BYTES = 8 * 1024 * 1024
MAX_CHUNKS = 65_536

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FRAME_BYTES = 12  # length, type and checksum around a chunk's body
_TEXT_TYPES = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_MAX_KEYWORD_BYTES = 79
# ccv3 first: where both are there, `chara` is only a copy for older programs.
_CARD_KEYWORDS = ("ccv3", "chara")
_PASSWORD_MARK = b"rcc||"

_EXPORT_AGAIN = "Export the card again, or use its JSON file."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """One chunk of the file."""

    type: bytes
    body: memoryview
    is_whole: bool
    """Whether the body is complete and its checksum right."""


def is_png(data: bytes) -> bool:
    """Whether these bytes begin as a PNG or APNG does."""
    return data.startswith(_SIGNATURE)


def read_png(data: bytes, *, source: str) -> object:
    """Find the card in a PNG and parse it.

    The picture itself is not looked at: a card whose picture is damaged is still a card, and so
    is one whose file breaks off after the card.

    Raises:
        InvalidCardError: If there is no card in it, or the card is damaged, locked or too large.
    """
    bodies: dict[str, _Chunk] = {}
    damaged: set[str] = set()
    for chunk in _walk(data, source=source):
        keyword = _card_keyword(chunk)
        if keyword is None:
            continue
        if chunk.is_whole:
            bodies.setdefault(keyword, chunk)
        else:
            damaged.add(keyword)
    for keyword in _CARD_KEYWORDS:
        if keyword in bodies:
            text = _text_of(bodies[keyword], source=source)
            return read_json(_decode(text, source=source), source=source)
    found = "a PNG picture without a card in it"
    remedy = "Use the PNG as it was exported: saving or resizing a picture removes its card."
    if damaged:
        found = f"a PNG whose card (chunk {' and '.join(sorted(damaged))}) is damaged or cut off"
        remedy = "Download it again, or export the card again."
    raise InvalidCardError(source=source, found=found, remedy=remedy)


def _walk(data: bytes, *, source: str) -> Iterator[_Chunk]:
    """Give the chunks up to the end of the picture; the last may be cut off.

    Raises:
        InvalidCardError: If there are more chunks than any picture has.
    """
    view = memoryview(data)
    position = len(_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            return
        length = int.from_bytes(view[position : position + 4], "big")
        end = position + _FRAME_BYTES + length
        body = view[position + 8 : end - 4]
        is_whole = end <= len(data) and int.from_bytes(view[end - 4 : end], "big") == zlib.crc32(
            view[position + 4 : end - 4]
        )
        chunk = _Chunk(type=data[position + 4 : position + 8], body=body, is_whole=is_whole)
        yield chunk
        if chunk.type == b"IEND":
            return
        position = end
    found = f"a PNG of more than {MAX_CHUNKS} chunks"
    raise InvalidCardError(source=source, found=found, remedy=_EXPORT_AGAIN)


def _card_keyword(chunk: _Chunk) -> str | None:
    """Give the keyword of a text chunk that holds a card, in lower case; None for others."""
    if chunk.type not in _TEXT_TYPES:
        return None
    head = bytes(chunk.body[: _MAX_KEYWORD_BYTES + 1])
    keyword = head.partition(b"\0")[0].decode("latin-1").strip().lower()
    return keyword if keyword in _CARD_KEYWORDS else None


def _text_of(chunk: _Chunk, *, source: str) -> bytes:
    """Take the text out of a text chunk, decompressed.

    Raises:
        InvalidCardError: If it is too large or cannot be decompressed.
    """
    if len(chunk.body) > MAX_TEXT_BYTES:
        raise _too_large(source)
    rest = bytes(chunk.body).partition(b"\0")[2]
    if chunk.type == b"tEXt":
        return rest
    if chunk.type == b"zTXt":
        return _decompress(rest[1:], source=source)  # after the compression method
    is_compressed = rest[:1] == b"\x01"
    # After the flag and the method: language, translated keyword, text.
    text = b"".join(rest[2:].split(b"\0", 2)[2:])
    return _decompress(text, source=source) if is_compressed else text


def _decompress(data: bytes, *, source: str) -> bytes:
    """Decompress a text without ever holding more of it than is allowed.

    Raises:
        InvalidCardError: If it is damaged or too large.
    """
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, MAX_TEXT_BYTES + 1)
    except zlib.error as error:
        raise _not_decompressed(source) from error
    if len(text) > MAX_TEXT_BYTES:
        raise _too_large(source)
    if not stream.eof:
        raise _not_decompressed(source)
    return text


def _decode(text: bytes, *, source: str) -> bytes:
    """Undo base64, if it is base64; plain JSON is given back as it is.

    Raises:
        InvalidCardError: If it is neither, or locked with a password.
    """
    text = text.strip(b" \t\r\n\0")
    if text.removeprefix(codecs.BOM_UTF8)[:1] == b"{":
        return text
    if text.startswith(_PASSWORD_MARK):
        found = "a card that is locked with a password"
        remedy = "Unlock it in RisuAI and export it without a password."
        raise InvalidCardError(source=source, found=found, remedy=remedy)
    packed = b"".join(text.split()).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error as error:
        found = "a PNG whose card is neither base64 nor JSON"
        raise InvalidCardError(source=source, found=found, remedy=_EXPORT_AGAIN) from error


def _not_decompressed(source: str) -> InvalidCardError:
    found = "a PNG whose compressed card cannot be decompressed"
    return InvalidCardError(source=source, found=found, remedy=_EXPORT_AGAIN)


def _too_large(source: str) -> InvalidCardError:
    return InvalidCardError(
        source=source,
        found=f"a PNG whose card has more than {MAX_TEXT_BYTES // 1024 // 1024} MiB of text",
        remedy="Leave out what is embedded in the card.",
    )
