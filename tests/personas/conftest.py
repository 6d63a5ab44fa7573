"""What the tests of cards share: PNG files made to order, and a small card."""

import base64
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest

Chunk = tuple[bytes, bytes]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER: Chunk = (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
PIXELS: Chunk = (b"IDAT", zlib.compress(b"\0\0"))
END: Chunk = (b"IEND", b"")


def _encode(chunk: Chunk) -> bytes:
    kind, body = chunk
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.fixture
def make_png() -> Callable[..., bytes]:
    """Give a function that makes a PNG of one pixel with these extra chunks."""

    def make(*chunks: Chunk) -> bytes:
        return SIGNATURE + b"".join(map(_encode, (HEADER, PIXELS, *chunks, END)))

    return make


@pytest.fixture
def card() -> dict[str, Any]:
    return {
        "spec": "chara_card_v2",
        "spec_version": "2.0",
        "data": {"name": "Orrin", "description": "A brass automaton.\r\n", "extensions": {"x": 1}},
    }


@pytest.fixture
def card_chunk(card: dict[str, Any]) -> Chunk:
    return (b"tEXt", b"chara\0" + base64.b64encode(json.dumps(card).encode()))
