"""What else is in a PNG: fields as chunks of their own, and assets."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from personas.cards import png_card
from personas.cards.png_card import read_files, read_png
from personas.cards.read import read_card_file
from personas.errors import InvalidCardError

MakePng = Callable[..., bytes]


def packed(data: bytes) -> bytes:
    return base64.b64encode(data)


def test_fields_as_chunks_of_their_own_are_read(make_png: MakePng):
    data = make_png(
        (b"tEXt", b"Title\0A picture"),
        (b"tEXt", b"name\0Orrin"),
        (b"tEXt", "first_message\0Grüße".encode()),
        (b"tEXt", "scenario\0Öde".encode("latin-1")),
        (b"tEXt", b"personality\0brave"),
    )
    assert read_png(data, source="x", notes=[]) == {
        "name": "Orrin",
        "first_mes": "Grüße",
        "scenario": "Öde",
        "personality": "brave",
    }


def test_a_name_alone_is_no_card(make_png: MakePng):
    data = make_png((b"tEXt", b"name\0Orrin"), (b"tEXt", b"Title\0x"))
    with pytest.raises(InvalidCardError, match="without a card"):
        read_png(data, source="x", notes=[])


def test_assets_are_read_with_and_without_the_colon(make_png: MakePng):
    data = make_png(
        (b"tEXt", b"chara-ext-asset_:assets/a.png\0" + packed(b"a")),
        (b"tEXt", b"chara-ext-asset_1\0" + packed(b"one")),
        (b"tEXt", b"Title\0x"),
    )
    assert read_files(data, source="x") == {"assets/a.png": b"a", "1": b"one"}


def test_an_asset_that_is_not_base64_is_refused(make_png: MakePng):
    with pytest.raises(InvalidCardError, match="neither base64"):
        read_files(make_png((b"tEXt", b"chara-ext-asset_1\0?")), source="x")


def test_assets_that_are_too_much_together_are_refused(
    make_png: MakePng, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(png_card, "MAX_FILES_BYTES", 50)
    asset = (b"tEXt", b"chara-ext-asset_1\0" + packed(b"one"))
    assert read_files(make_png(asset), source="x") == {"1": b"one"}
    with pytest.raises(InvalidCardError, match="more than"):
        read_files(make_png(asset, asset, asset), source="x")


def test_a_card_comes_with_its_picture_and_its_assets(
    tmp_path: Path, make_png: MakePng, card_chunk: tuple[bytes, bytes]
):
    path = tmp_path / "orrin.png"
    path.write_bytes(make_png(card_chunk, (b"tEXt", b"chara-ext-asset_1\0" + packed(b"one"))))
    card_file = read_card_file(path)
    assert (card_file.container, card_file.persona.name) == ("png", "Orrin")
    assert card_file.picture == path.read_bytes()
    assert card_file.files == {"1": b"one"}
