import json
import struct

import pytest

from personas.cards.tiff import find_comments
from personas.cards.webp_card import is_jpeg, is_webp, read_exif
from personas.errors import InvalidCardError

CARD = {"name": "Orrin", "description": "Grüße"}
JSON = json.dumps(CARD, ensure_ascii=False).encode()


def exif(value: bytes, order: str = "<", tag: int = 0x9286) -> bytes:
    """EXIF data with one comment in the directory of EXIF."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    root = struct.pack(f"{order}HHHIII", 1, 0x8769, 4, 1, 26, 0)
    inner = struct.pack(f"{order}HHHIII", 1, tag, 7, len(value), 44, 0)
    return mark + struct.pack(f"{order}I", 8) + root + inner + value


def webp(exif_data: bytes) -> bytes:
    chunks = b"VP8 \x03\0\0\0abc\0" + b"EXIF" + struct.pack("<I", len(exif_data)) + exif_data
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def jpeg(exif_data: bytes) -> bytes:
    body = b"Exif\0\0" + exif_data
    app1 = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return b"\xff\xd8\xff\xe0\0\x04ab" + app1 + b"\xff\xda\0\x02xx\xff\xd9"


def read(data: bytes) -> object:
    return read_exif(data, source="card.webp", notes=[])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(JSON, id="bare"),
        pytest.param(b"ASCII\0\0\0" + JSON, id="ascii"),
        pytest.param(b"\0" * 8 + JSON + b"\0", id="undefined"),
        pytest.param(b", ".join(b"%d" % byte for byte in JSON), id="numbers-between-commas"),
    ],
)
def test_a_card_is_found_in_the_comment(value: bytes, order: str):
    assert is_webp(webp(exif(value, order)))
    assert read(webp(exif(value, order))) == CARD
    assert is_jpeg(jpeg(exif(value, order)))
    assert read(jpeg(exif(value, order))) == CARD


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(webp(b""), id="webp"),
        pytest.param(webp(exif(b"a comment")), id="other-comment"),
        pytest.param(webp(exif(JSON, tag=0x9999)), id="other-tag"),
        pytest.param(webp(exif(JSON))[:60], id="cut-off"),
        pytest.param(b"\xff\xd8\xff\xe0\0\x04ab\xff\xd9", id="jpeg"),
        pytest.param(b"\xff\xd8\xff\xe0\0\0" * 10, id="jpeg-without-lengths"),
    ],
)
def test_a_picture_without_a_card_is_refused(data: bytes):
    with pytest.raises(InvalidCardError, match="picture without a card") as caught:
        read(data)
    assert "saving or resizing" in caught.value.remedy


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_exif_that_breaks_off_gives_less(cut: int):
    assert len(list(find_comments(exif(JSON)[:cut]))) <= 1


def test_exif_that_leads_back_to_itself_ends():
    data = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8, 0)
    assert list(find_comments(data)) == []
