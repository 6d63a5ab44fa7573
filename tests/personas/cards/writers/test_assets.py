"""Assets go from container to container, whatever each calls them."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from personas.cards.read import CardFile, read_card_bytes, read_card_file
from personas.cards.writers.assets import Parcel, find_content
from personas.cards.writers.picture import draw_plain, strip_card
from personas.cards.writers.write import write_charx, write_json, write_png
from personas.errors import InvalidCardError

FACE = draw_plain("face")
SMILE = b"GIF89a smile"
MODULE = b"\0a module of another program"
LONG_PATH = "assets/other/" + "x" * 80 + ".bin"


def asset(kind: str, name: str, ext: str, uri: str) -> dict[str, Any]:
    return {"type": kind, "name": name, "ext": ext, "uri": uri}


@pytest.fixture
def charx(tmp_path: Path) -> CardFile:
    """A card with a face, a smile, one asset elsewhere, and a module that it does not name."""
    assets = [
        asset("icon", "main", "png", "embeded://assets/icon/images/main.png"),
        asset("emotion", "smile ☺", "gif", f"embeded://{LONG_PATH}"),
        asset("background", "sea", "png", "https://example.org/sea.png"),
        asset("x_gone", "gone", "png", "embeded://assets/gone.png"),
    ]
    card = {"spec": "chara_card_v3", "data": {"name": "Orrin", "assets": assets}}
    files = {
        "assets/icon/images/main.png": FACE,
        LONG_PATH: SMILE,
        "module.risum": MODULE,
        "x_meta/1.json": b"{}",
    }
    persona = read_card_bytes(json.dumps(card).encode(), source="card", key="orrin")
    path = tmp_path / "orrin.charx"
    path.write_bytes(write_charx(CardFile(persona=persona, container="charx", files=files)))
    return read_card_file(path)


def contents(card_file: CardFile) -> list[bytes | str]:
    """What each asset of the card is: its content, or its URI."""
    parcel = Parcel(card=dict(card_file.persona.card), files=dict(card_file.files))
    found = [(asset, find_content(parcel, asset["uri"])) for asset in parcel.assets]
    return [str(asset["uri"]) if content is None else content[1] for asset, content in found]


def test_charx_keeps_every_file_under_its_path(charx: CardFile):
    assert charx.files == {
        "assets/icon/images/main.png": FACE,
        LONG_PATH: SMILE,
        "module.risum": MODULE,
        "x_meta/1.json": b"{}",
    }
    assert contents(charx) == [
        FACE,
        SMILE,
        "https://example.org/sea.png",
        "embeded://assets/gone.png",
    ]


@pytest.mark.parametrize(
    "way",
    [
        pytest.param([lambda card: write_json(card, "v3")], id="json"),
        pytest.param([lambda card: write_json(card, "v2")], id="json-v2"),
        pytest.param([lambda card: write_png(card, None)], id="png"),
        pytest.param([write_charx, write_charx], id="charx"),
        pytest.param(
            [lambda card: write_json(card, "v3"), lambda card: write_png(card, "v3")],
            id="json-and-png",
        ),
    ],
)
def test_assets_come_back_from_every_container(
    charx: CardFile, way: list[Callable[[CardFile], bytes]], tmp_path: Path
):
    path = tmp_path / "between"
    card_file = charx
    for write in [*way, write_charx]:
        path.write_bytes(write(card_file))
        card_file = read_card_file(path)
    assert contents(card_file) == contents(charx)
    assert card_file.files["module.risum"] == MODULE
    assert card_file.files["x_meta/1.json"] == b"{}"
    assert sorted(card_file.files.values()) == sorted(charx.files.values())


def test_the_icon_becomes_the_picture_of_a_png(charx: CardFile, tmp_path: Path):
    written = write_png(charx, None)
    assert strip_card(written, source="x") == FACE
    path = tmp_path / "orrin.png"
    path.write_bytes(written)
    again = read_card_file(path)
    assert FACE not in again.files.values()
    assert contents(again)[0] == "ccdefault:"


def test_the_picture_of_a_png_becomes_the_icon(tmp_path: Path, make_png: Callable[..., bytes]):
    card = base64.b64encode(b'{"name": "Orrin", "first_mes": "Hi"}')
    path = tmp_path / "orrin.png"
    path.write_bytes(make_png((b"tEXt", b"chara\0" + card), (b"tEXt", b"Title\0Orrin")))
    path.write_bytes(write_charx(read_card_file(path)))
    again = read_card_file(path)
    assert again.files == {"assets/icon/images/main.png": make_png((b"tEXt", b"Title\0Orrin"))}
    assert contents(again) == [make_png((b"tEXt", b"Title\0Orrin"))]


def test_a_given_picture_is_used_without_the_card_that_is_in_it(charx: CardFile, tmp_path: Path):
    other = draw_plain("other")
    with_card = write_png(charx, "v2", other)
    assert strip_card(with_card, source="x") == other
    path = tmp_path / "orrin.png"
    path.write_bytes(write_png(charx, "v2", with_card))
    assert path.read_bytes().count(b"chara\0") == 1
    assert contents(read_card_file(path)) == contents(charx)


@pytest.mark.parametrize("picture", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_a_picture_that_is_no_png_is_refused(charx: CardFile, picture: bytes):
    with pytest.raises(InvalidCardError, match="no PNG"):
        write_png(charx, None, picture)


def test_a_card_without_a_picture_gets_a_plain_one():
    card = b'{"name": "Orrin", "first_mes": "Hi"}'
    persona = read_card_bytes(card, source="card", key="orrin")
    written = write_png(CardFile(persona=persona, container="json"), None)
    assert strip_card(written, source="x") == draw_plain("Orrin") != draw_plain("Mira")


def test_the_v2_form_beside_v3_has_no_decorators_and_says_what_it_is(make_png: Any):
    book = {"entries": [{"keys": ["k"], "content": "@@depth 4\n@@@role user\n\nIt rings."}]}
    data = {"name": "O", "creator_notes": "Mine.", "character_book": book}
    card = json.dumps({"spec": "chara_card_v3", "data": data}).encode()
    persona = read_card_bytes(card, source="card", key="o")
    written = write_png(CardFile(persona=persona, container="json"), None)
    older: Any = read_card_bytes(written.replace(b"ccv3\0", b"xxxx\0"), source="x", key="o").card
    assert older["spec"] == "chara_card_v2"
    assert older["data"]["character_book"]["entries"][0]["content"] == "It rings."
    assert older["data"]["creator_notes"].startswith("Mine.\n\nThis is the V2 form")
    newer: Any = read_card_bytes(written, source="x", key="o").card
    assert newer["data"]["character_book"]["entries"][0]["content"].startswith("@@depth 4")
    assert newer["data"]["creator_notes"] == "Mine."


def test_what_could_not_be_read_again_is_not_written(charx: CardFile):
    large = {"large.bin": bytes(20 * 1024 * 1024)}
    card_file = CardFile(persona=charx.persona, container="charx", files=large)
    with pytest.raises(InvalidCardError, match="too large for JSON"):
        write_json(card_file, "v3")
    assert len(write_charx(card_file)) < 100_000
