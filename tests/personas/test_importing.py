import json
import sys
from pathlib import Path

import pytest

from personas.errors import CardExistsError, InvalidCardError, PersonaError
from personas.importing import import_card, write_whole


def write_card(path: Path, name: str = "Orrin") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"name": name, "first_mes": ""}), encoding="utf-8")
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_card_is_copied_into_a_folder_that_is_made(tmp_path: Path):
    source = write_card(tmp_path / "Old Orrin.json")
    imported = import_card(source, tmp_path / "a" / "b")
    assert imported.path == tmp_path / "a" / "b" / "Old Orrin.json"
    assert imported.path.read_bytes() == source.read_bytes()
    assert imported.persona.key == "old-orrin"
    assert not imported.was_there


def test_the_same_file_under_another_name_of_the_same_key_is_there_already(tmp_path: Path):
    source = write_card(tmp_path / "Old Orrin.json")
    write_card(tmp_path / "cards" / "old-orrin.json")
    imported = import_card(source, tmp_path / "cards")
    assert imported.was_there
    assert names_in(tmp_path / "cards") == ["old-orrin.json"]


def test_another_card_of_the_same_key_is_replaced_only_when_asked(tmp_path: Path):
    source = write_card(tmp_path / "Old Orrin.json", "New")
    there = write_card(tmp_path / "cards" / "old-orrin.json", "Old")
    with pytest.raises(CardExistsError, match="'old-orrin' is taken by another card") as caught:
        import_card(source, tmp_path / "cards")
    assert caught.value.file_name == "old-orrin.json"
    assert json.loads(there.read_text())["name"] == "Old"
    assert import_card(source, tmp_path / "cards", replace=True).persona.name == "New"
    assert names_in(tmp_path / "cards") == ["Old Orrin.json"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        pytest.param("orrin.txt", "orrin.txt.json", id="ending-that-is-not-looked-at"),
        pytest.param("orrin", "orrin.json", id="no-ending"),
        pytest.param("orrin.PNG", "orrin.PNG", id="wrong-ending"),
        pytest.param(".orrin.json", "orrin.json", id="hidden"),
        pytest.param("or\nrin.json", "or-rin.json", id="line-break"),
    ],
)
def test_the_library_will_find_the_file(tmp_path: Path, name: str, kept: str):
    if sys.platform == "win32" and "\n" in name:
        pytest.skip("no such names here")
    assert import_card(write_card(tmp_path / name), tmp_path / "cards").path.name == kept


def test_what_is_no_card_is_not_copied(tmp_path: Path):
    source = tmp_path / "x.json"
    source.write_text("{}")
    with pytest.raises(InvalidCardError):
        import_card(source, tmp_path / "cards")
    assert not (tmp_path / "cards").exists()


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path: Path):
    source = write_card(tmp_path / "orrin.json")
    with pytest.raises(PersonaError, match="cannot be written to"):
        import_card(source, source / "cards")


def test_a_file_in_the_way_is_not_written_over_and_nothing_is_left_behind(tmp_path: Path):
    target = tmp_path / "out.json"
    write_whole(target, b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_whole(target, b"second", replace=False)
    assert target.read_bytes() == b"first"
    write_whole(target, b"second", replace=True)
    assert target.read_bytes() == b"second"
    assert names_in(tmp_path) == ["out.json"]


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    write_whole(tmp_path / "out", b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "out", b"second", replace=False)
    assert names_in(tmp_path) == ["out"]
    assert (tmp_path / "out").read_bytes() == b"first"
