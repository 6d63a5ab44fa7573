"""Finds the text of a comment in EXIF data, where Tavern's WEBP cards keep their JSON.

The layout is TIFF's: a directory of tags leads to the directory of EXIF, which has UserComment.
"""

import re
import struct
from collections.abc import Iterator
from typing import Final

_EXIF_DIRECTORY: Final = 0x8769
_USER_COMMENT: Final = 0x9286
_IMAGE_DESCRIPTION: Final = 0x010E
_WANTED = frozenset({_EXIF_DIRECTORY, _USER_COMMENT, _IMAGE_DESCRIPTION})
_PREFIX = b"Exif\0\0"
_CHARACTER_CODES = (b"ASCII\0\0\0", b"UNICODE\0", b"JIS\0\0\0\0\0", b"\0\0\0\0\0\0\0\0")
_MAX_TAGS: Final = 512
_SHORT_BYTES: Final = 4  # a value of up to four bytes stands where its offset would
_BYTE_LIST = re.compile(rb"[\d,\s]{1,4000000}")
_MAX_BYTE = 255


def find_comments(exif: bytes) -> Iterator[bytes]:
    """Give the comments in EXIF data: texts, or bytes written as numbers between commas."""
    data = exif.removeprefix(_PREFIX)
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return
    first = _number(data, 4, order)
    root = dict(_read_directory(data, first, order))
    inner = _number(root.get(_EXIF_DIRECTORY, b""), 0, order)
    for tags in (dict(_read_directory(data, inner, order)), root):
        for tag in (_USER_COMMENT, _IMAGE_DESCRIPTION):
            if tag in tags:
                yield _decode(tags[tag])


def _number(data: bytes, at: int, order: str) -> int:
    piece = data[at : at + 4]
    return int(struct.unpack(f"{order}I", piece)[0]) if len(piece) == 4 else 0  # noqa: PLR2004


def _read_directory(data: bytes, at: int, order: str) -> Iterator[tuple[int, bytes]]:
    """Give tags and their bytes; offsets that lead nowhere give nothing."""
    head = data[at : at + 2]
    if at <= 0 or len(head) < 2:  # noqa: PLR2004
        return
    count = min(int(struct.unpack(f"{order}H", head)[0]), _MAX_TAGS)
    for number in range(count):
        start = at + 2 + 12 * number
        entry = data[start : start + 12]
        if len(entry) < 12:  # noqa: PLR2004
            return
        tag, kind, length = struct.unpack(f"{order}HHI", entry[:8])
        if tag not in _WANTED:  # every other value would be a copy of as much as it claims
            continue
        if kind == 4:  # noqa: PLR2004 (a number of 32 bits, as the EXIF directory's place is)
            yield tag, entry[8:]
        elif length <= _SHORT_BYTES:
            yield tag, entry[8 : 8 + length]
        else:
            offset = _number(entry, 8, order)
            yield tag, data[offset : offset + length]


def _decode(value: bytes) -> bytes:
    for code in _CHARACTER_CODES:
        if value.startswith(code):
            value = value[len(code) :]
            break
    value = value.strip(b" \t\r\n\0")
    if _BYTE_LIST.fullmatch(value):
        numbers = [int(number) for number in re.findall(rb"\d{1,3}", value)]
        return bytes(number for number in numbers if number <= _MAX_BYTE)
    return value
