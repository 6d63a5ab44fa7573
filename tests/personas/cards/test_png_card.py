import base64
import json
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from personas.cards import png_card
from personas.cards.png_card import MAX_CHUNKS, MAX_TEXT_BYTES, is_png, read_png
from personas.errors import InvalidCardError

MakePng = Callable[..., bytes]
Chunk = tuple[bytes, bytes]

CARD = {"name": "Orrin", "description": "Grüße 🦊"}
JSON = json.dumps(CARD, ensure_ascii=False).encode()
BASE64 = base64.b64encode(JSON)
BOM = b"\xef\xbb\xbf"


def other(name: str) -> bytes:
    return base64.b64encode(json.dumps({"name": name}).encode())


def lines(text: bytes) -> bytes:
    return b"\r\n".join(text[start : start + 20] for start in range(0, len(text), 20))


def refusal_of(data: bytes) -> InvalidCardError:
    with pytest.raises(InvalidCardError) as caught:
        read_png(data, source="card.png", notes=[])
    assert caught.value.source == "card.png"
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([(b"tEXt", b"chara\0" + BASE64)], id="chara"),
        pytest.param([(b"tEXt", b"ccv3\0" + BASE64)], id="ccv3"),
        pytest.param([(b"tEXt", b"Chara\0" + BASE64)], id="keyword-in-other-case"),
        pytest.param([(b"tEXt", b"chara\0" + BASE64.rstrip(b"="))], id="no-padding"),
        pytest.param([(b"tEXt", b"chara\0" + lines(BASE64) + b"\n")], id="line-breaks"),
        pytest.param([(b"tEXt", b"chara\0" + BASE64 + b"\0")], id="zero-at-the-end"),
        pytest.param([(b"tEXt", b"chara\0" + base64.b64encode(BOM + JSON))], id="bom-in-base64"),
        pytest.param([(b"tEXt", b"chara\0" + JSON)], id="plain-json"),
        pytest.param([(b"tEXt", b"chara\0" + BOM + JSON)], id="plain-json-with-bom"),
        pytest.param([(b"zTXt", b"chara\0\0" + zlib.compress(BASE64))], id="zTXt"),
        pytest.param([(b"iTXt", b"chara\0\0\0en\0Figur\0" + BASE64)], id="iTXt"),
        pytest.param([(b"iTXt", b"chara\0\1\0\0\0" + zlib.compress(BASE64))], id="iTXt-compressed"),
        pytest.param(
            [(b"tEXt", b"chara\0" + other("Old")), (b"tEXt", b"ccv3\0" + BASE64)],
            id="ccv3-before-chara",
        ),
        pytest.param(
            [(b"tEXt", b"ccv3\0" + BASE64), (b"tEXt", b"chara\0" + other("Old"))],
            id="ccv3-before-chara-whatever-the-order",
        ),
        pytest.param(
            [(b"tEXt", b"chara\0" + BASE64), (b"tEXt", b"chara\0" + other("Late"))],
            id="first-of-two",
        ),
        pytest.param(
            [
                (b"tEXt", b"Title\0" + other("Decoy")),
                (b"zTXt", b"Author\0\0broken"),
                (b"tEXt", b"no separator"),
                (b"tEXt", b"chara\0" + BASE64),
                (b"tEXt", b"chara-ext-asset_:1\0" + b"x" * 10),
            ],
            id="decoys",
        ),
    ],
)
def test_a_card_is_found_in_a_text_chunk(make_png: MakePng, chunks: list[Chunk]):
    data = make_png(*chunks)
    assert is_png(data)
    assert read_png(data, source="card.png", notes=[]) == CARD


@pytest.mark.parametrize(
    ("chunks", "found"),
    [
        pytest.param([], "without a card", id="none"),
        pytest.param([(b"tEXt", b"Title\0" + BASE64)], "without a card", id="only-a-decoy"),
        pytest.param([(b"tEXt", b"chara\0!?")], "neither base64 nor JSON", id="not-base64"),
        pytest.param([(b"tEXt", b"chara\0AAAAA")], "neither base64 nor JSON", id="odd-length"),
        pytest.param([(b"tEXt", b"chara")], "broken JSON", id="no-text"),
        pytest.param(
            [(b"tEXt", b"chara\0" + base64.b64encode(b"hello"))], "broken JSON", id="not-json"
        ),
        pytest.param([(b"tEXt", b"chara\0rcc||rccv1||x")], "locked with a password", id="locked"),
        pytest.param([(b"zTXt", b"chara\0\0nonsense")], "cannot be decompressed", id="zTXt"),
        pytest.param(
            [(b"zTXt", b"chara\0\0" + zlib.compress(BASE64)[:-6])],
            "cannot be decompressed",
            id="zTXt-cut-off",
        ),
        pytest.param([(b"iTXt", b"chara\0\1")], "cannot be decompressed", id="iTXt-cut-off"),
        pytest.param(
            [(b"zTXt", b"chara\0\0" + zlib.compress(b"A" * (MAX_TEXT_BYTES + 1)))],
            "more than 8 MiB",
            id="decompression-bomb",
        ),
        pytest.param(
            [(b"tEXt", b"chara\0" + b"A" * MAX_TEXT_BYTES)], "more than 8 MiB", id="too-large"
        ),
    ],
)
def test_a_png_without_a_readable_card_is_refused(
    make_png: MakePng, chunks: list[Chunk], found: str
):
    assert found in refusal_of(make_png(*chunks)).found


def test_a_decompression_bomb_is_never_unpacked_whole(make_png: MakePng):
    megabyte = 1024 * 1024
    packer = zlib.compressobj()
    bomb = b"".join(packer.compress(b"A" * megabyte) for _ in range(64)) + packer.flush()
    data = make_png((b"zTXt", b"chara\0\0" + bomb))
    tracemalloc.start()
    try:
        refusal_of(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 * megabyte


def test_a_large_chunk_that_is_no_card_does_not_matter(make_png: MakePng):
    asset = (b"tEXt", b"chara-ext-asset_:1\0" + b"A" * (MAX_TEXT_BYTES + 1))
    data = make_png(asset, (b"tEXt", b"chara\0" + BASE64))
    assert read_png(data, source="card.png", notes=[]) == CARD


def test_chunks_after_the_end_are_not_read(make_png: MakePng):
    body = b"tEXtchara\0" + BASE64
    tail = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    assert "without a card" in refusal_of(make_png() + tail).found


def test_more_chunks_than_any_picture_has_are_refused(
    make_png: MakePng, monkeypatch: pytest.MonkeyPatch
):
    assert MAX_CHUNKS == 16_384
    monkeypatch.setattr(png_card, "MAX_CHUNKS", 5)
    few, many = [(b"tEXt", b"Title\0")] * 2, [(b"tEXt", b"Title\0")] * 3
    assert "without a card" in refusal_of(make_png(*few)).found
    assert "more than 5 chunks" in refusal_of(make_png(*many)).found


def test_a_file_cut_off_after_the_card_is_read(make_png: MakePng):
    data = make_png((b"tEXt", b"chara\0" + BASE64))
    assert read_png(data[:-12], source="card.png", notes=[]) == CARD
    assert read_png(data[:-5], source="card.png", notes=[]) == CARD


@pytest.mark.parametrize("missing", [13, 16, 17, 60], ids=lambda n: f"{n}-bytes-missing")
def test_a_file_cut_off_inside_the_card_is_refused(make_png: MakePng, missing: int):
    data = make_png((b"tEXt", b"chara\0" + BASE64))[:-missing]
    assert "(chunk chara) is damaged or cut off" in refusal_of(data).found


def test_a_whole_chara_is_read_when_ccv3_is_cut_off(make_png: MakePng):
    data = make_png((b"tEXt", b"chara\0" + BASE64), (b"tEXt", b"ccv3\0" + other("New")))
    assert read_png(data[:-20], source="card.png", notes=[]) == CARD


def test_a_card_with_a_wrong_checksum_is_refused(make_png: MakePng):
    data = make_png((b"tEXt", b"chara\0" + BASE64))
    damaged = data.replace(BASE64[:8], b"AAAAAAAA")
    assert damaged != data
    assert "damaged" in refusal_of(damaged).found


def test_a_damaged_picture_does_not_matter(make_png: MakePng, card: dict[str, Any]):
    data = make_png((b"tEXt", b"chara\0" + base64.b64encode(json.dumps(card).encode())))
    at = data.index(b"IDAT") + 6
    damaged = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
    assert read_png(damaged, source="card.png", notes=[]) == card
