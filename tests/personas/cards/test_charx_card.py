import io
import json
import struct
import time
import tracemalloc
import zipfile
from typing import Any

import pytest

from personas.cards.charx_card import MAX_ENTRIES, is_safe_name, is_zip, read_charx, read_files
from personas.errors import InvalidCardError

CARD = {"spec": "chara_card_v3", "spec_version": "3.0", "data": {"name": "Orrin"}}
JSON = json.dumps(CARD).encode()
MEBIBYTE = 1024 * 1024


def pack(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def read(data: bytes) -> tuple[Any, list[str]]:
    notes: list[str] = []
    return read_charx(data, source="card.charx", notes=notes), notes


def refusal_of(data: bytes) -> InvalidCardError:
    with pytest.raises(InvalidCardError) as caught:
        read(data)
    assert caught.value.remedy
    return caught.value


def test_the_card_and_the_files_beside_it_are_read():
    data = pack({"card.json": JSON, "assets/icon/images/main.png": b"p", "module.risum": b"r"})
    assert is_zip(data)
    assert read(data) == (CARD, [])
    files = read_files(data, source="card.charx")
    assert files == {"assets/icon/images/main.png": b"p", "module.risum": b"r"}


def test_an_archive_behind_a_picture_is_read():
    data = b"\xff\xd8\xff\xe0\0\x10JFIF" + b"x" * 5_000 + pack({"card.json": JSON})
    assert is_zip(data)
    assert read(data) == (CARD, [])


@pytest.mark.parametrize(
    ("name", "is_safe"),
    [
        pytest.param("assets/icon/images/main.png", True, id="asset"),
        pytest.param("a..b/c...png", True, id="dots-inside"),
        pytest.param("../evil.txt", False, id="up"),
        pytest.param("a/../../evil.txt", False, id="up-inside"),
        pytest.param("a/..", False, id="up-at-the-end"),
        pytest.param("/etc/passwd", False, id="absolute"),
        pytest.param("..\\evil.txt", False, id="backslash"),
        pytest.param("C:evil.txt", False, id="drive"),
        pytest.param("a\nb", False, id="line-break"),
        pytest.param("..", False, id="parent"),
        pytest.param("", False, id="empty"),
    ],
)
def test_names_that_lead_out_of_the_archive_are_known(name: str, is_safe: bool):
    assert is_safe_name(name) is is_safe


def test_files_with_unsafe_names_are_left_out_with_a_note():
    data = pack({"card.json": JSON, "../../evil.txt": b"x", "a.txt": b"y"})
    _, notes = read(data)
    assert notes == ["left out: 1 of the archive's files, whose names lead out of it"]
    assert read_files(data, source="card.charx") == {"a.txt": b"y"}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(pack({"x/card.json": JSON}), "without card.json", id="no-card"),
        pytest.param(pack({}), "without card.json", id="empty"),
        pytest.param(pack({"card.json": JSON})[:-30], "damaged", id="cut-off"),
        pytest.param(pack({"card.json": JSON}, zipfile.ZIP_LZMA), "unusual way", id="lzma"),
        pytest.param(pack({"card.json": b"{"}), "broken JSON", id="broken-json"),
        pytest.param(
            pack({"card.json": b" " * 17 * MEBIBYTE}), "more than 16 MiB in it", id="bomb"
        ),
        pytest.param(
            pack({str(number): b"" for number in range(MAX_ENTRIES + 1)}),
            "more than 4,096 files",
            id="many-files",
        ),
    ],
)
def test_an_archive_that_is_no_card_is_refused(data: bytes, found: str):
    assert found in refusal_of(data).found


def test_an_archive_that_is_locked_is_refused():
    data = bytearray(pack({"card.json": JSON}, zipfile.ZIP_STORED))
    directory = data.rindex(b"PK\x01\x02")
    data[6] |= 1
    data[directory + 8] |= 1
    assert "locked with a password" in refusal_of(bytes(data)).found


def test_a_damaged_file_is_refused():
    data = pack({"card.json": JSON}, zipfile.ZIP_STORED).replace(b"Orrin", b"Orryn")
    assert "damaged" in refusal_of(data).found


def test_an_archive_that_lies_about_its_size_is_not_unpacked_whole():
    bomb = bytearray(pack({"card.json": b"[" + b" " * 64 * MEBIBYTE}))
    directory = bomb.rindex(b"PK\x01\x02")
    for at in (22, directory + 24):
        bomb[at : at + 4] = struct.pack("<I", 100)
    tracemalloc.start()
    try:
        refusal_of(bytes(bomb))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MEBIBYTE


def test_assets_that_are_too_much_together_are_refused():
    data = pack({"card.json": JSON} | {f"{n}.bin": b"\0" * 10 * MEBIBYTE for n in range(7)})
    assert read(data) == (CARD, [])
    began = time.process_time()
    with pytest.raises(InvalidCardError, match="with more than"):
        read_files(data, source="card.charx")
    assert time.process_time() - began < 2
