"""What the fuzzer starts from is worth starting from."""

from pathlib import Path

from personas.cards.read import read_card_bytes
from tools.fuzz.seeds import write_seeds

READERS = ("any", "json", "yaml", "png", "zip", "webp", "jpeg", "patterns", "objects")
ATTACKED = ("text", "beginning", "dialogue", "name", "persona", "scene", "tidy", "split")


def test_the_seeds_are_cards_and_every_target_has_some(tmp_path: Path):
    write_seeds(tmp_path)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted((*READERS, *ATTACKED))
    assert all(any(folder.iterdir()) for folder in tmp_path.iterdir())
    for path in (tmp_path / "json").iterdir():
        if path.name != "seed-5":  # a lorebook, to be refused
            data = b"{" + path.read_bytes()
            assert read_card_bytes(data, source=path.name, key="x").name == "O"
    archive = b"PK\x03\x04" + (tmp_path / "zip" / "seed-0").read_bytes()
    assert read_card_bytes(archive, source="zip", key="x").kind == "v3"
