"""Finds the card object inside a PNG picture.

A card is a text chunk with the keyword `ccv3` (V3) or `chara` (any form), holding base64 of JSON.
Some programs write the fields as plain text chunks of their own instead. Other text chunks, such
as Title and Author, are none of ours whatever they hold; assets are read by `read_files` only.
"""

import base64
import binascii
import codecs
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from personas.cards.json_card import read_json
from personas.errors import InvalidCardError

MAX_TEXT_BYTES = 8 * 1024 * 1024
MAX_FILES_BYTES = 64 * 1024 * 1024
MAX_CHUNKS = 16_384
MAX_PIXELS = 64_000_000
"""More than any screen shows; Discord takes no such avatar, and decoding it takes gigabytes."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FRAME_BYTES = 12  # length, type and checksum around a chunk's body
_TEXT_TYPES = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_MAX_KEYWORD_BYTES = 79
# ccv3 first: where both are there, `chara` is only a copy for older programs.
_CARD_KEYWORDS = ("ccv3", "chara")
_PLAIN_KEYWORDS = {
    "name": "name",
    "description": "description",
    "personality": "personality",
    "scenario": "scenario",
    "first_message": "first_mes",
    "first_mes": "first_mes",
    "mes_example": "mes_example",
}
# Risu leaves the colon out; the spec's other name for it is in the URI.
_ASSET_KEYWORD = re.compile(rb"chara-ext-asset_:?(?P<path>[^\0]{1,79})\0")
_PASSWORD_MARK = b"rcc||"

_EXPORT_AGAIN = "Export the card again, or use its JSON file."


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One chunk of the file."""

    type: bytes
    body: memoryview
    is_whole: bool
    """Whether the body is complete and its checksum right."""
    raw: memoryview
    """All of it, as it is in the file."""

    @property
    def is_card(self) -> bool:
        """Whether it holds a card or an asset of one."""
        is_asset = self.type == b"tEXt" and _ASSET_KEYWORD.match(self.body) is not None
        return is_asset or _keyword_of(self) in _CARD_KEYWORDS


def is_png(data: bytes) -> bool:
    """Whether these bytes begin as a PNG or APNG does."""
    return data.startswith(_SIGNATURE)


def read_png(data: bytes, *, source: str, notes: list[str]) -> object:
    """Find the card in a PNG and parse it.

    The picture itself is not looked at: a card whose picture is damaged is still a card, and so
    is one whose file breaks off after the card.

    Raises:
        InvalidCardError: If there is no card in it, or the card is damaged, locked or too large.
    """
    _note_size(data, notes)
    bodies: dict[str, Chunk] = {}
    damaged: set[str] = set()
    for chunk in walk_chunks(data, source=source):
        keyword = _keyword_of(chunk)
        if chunk.is_whole:
            bodies.setdefault(keyword, chunk)
        elif keyword in _CARD_KEYWORDS:
            damaged.add(keyword)
    for keyword in _CARD_KEYWORDS:
        if keyword in bodies:
            text = _text_of(bodies[keyword], source=source)
            return read_json(_decode(text, source=source), source=source, notes=notes)
    if not damaged and "name" in bodies:
        plain = {_PLAIN_KEYWORDS[k]: bodies[k] for k in bodies if k in _PLAIN_KEYWORDS}
        if len(plain) > 1:
            return {field: _plain_text(plain[field], source=source) for field in plain}
    found = "a PNG picture without a card in it"
    remedy = "Use the PNG as it was exported: saving or resizing a picture removes its card."
    if damaged:
        found = f"a PNG whose card (chunk {' and '.join(sorted(damaged))}) is damaged or cut off"
        remedy = "Download it again, or export the card again."
    raise InvalidCardError(source=source, found=found, remedy=remedy)


def read_files(data: bytes, *, source: str) -> Mapping[str, bytes]:
    """Read the assets in a PNG, by the paths under which the card names them.

    Raises:
        InvalidCardError: If one is damaged, or there is too much of them.
    """
    files: dict[str, bytes] = {}
    left = MAX_FILES_BYTES
    for chunk in walk_chunks(data, source=source):
        match = _ASSET_KEYWORD.match(chunk.body) if chunk.type == b"tEXt" else None
        if match is None:
            continue
        left -= len(chunk.body)
        if left < 0:
            raise _too_large(source)
        files[match["path"].decode("latin-1")] = _unpack(
            bytes(chunk.body[match.end() :]), source=source
        )
    return files


def walk_chunks(data: bytes, *, source: str) -> Iterator[Chunk]:
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
        chunk = Chunk(
            type=data[position + 4 : position + 8],
            body=body,
            is_whole=is_whole,
            raw=view[position:end],
        )
        yield chunk
        if chunk.type == b"IEND":
            return
        position = end
    found = f"a PNG of more than {MAX_CHUNKS} chunks"
    raise InvalidCardError(source=source, found=found, remedy=_EXPORT_AGAIN)


def _keyword_of(chunk: Chunk) -> str:
    """Give the keyword of a text chunk, in lower case; nothing for other chunks."""
    if chunk.type not in _TEXT_TYPES:
        return ""
    head = bytes(chunk.body[: _MAX_KEYWORD_BYTES + 1])
    return head.partition(b"\0")[0].decode("latin-1").strip().lower()


def _plain_text(chunk: Chunk, *, source: str) -> str:
    text = _text_of(chunk, source=source)
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")  # what the PNG specification says of tEXt


def _note_size(data: bytes, notes: list[str]) -> None:
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    if data[12:16] == b"IHDR" and width * height > MAX_PIXELS:
        notes.append(f"the picture claims {width:,} by {height:,} pixels; it will not be shown")


def _text_of(chunk: Chunk, *, source: str) -> bytes:
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
    return _unpack(text, source=source)


def _unpack(text: bytes, *, source: str) -> bytes:
    """Undo base64, with or without line breaks and padding.

    Raises:
        InvalidCardError: If it is not base64.
    """
    packed = text.translate(None, b" \t\r\n\v\f").rstrip(b"=")
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
