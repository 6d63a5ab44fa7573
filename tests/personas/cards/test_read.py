import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from personas.cards import read
from personas.cards.read import MAX_FILE_BYTES, read_card, read_card_bytes
from personas.errors import InvalidCardError
from personas.persona import Persona

MakePng = Callable[..., bytes]

SHARED_CARDS = Path(__file__).resolve().parents[3].parent / "shared" / "cards"
MUTATIONS = 2_000


def load_expected() -> list[dict[str, Any]]:
    path = SHARED_CARDS / "expected.json"
    if not path.is_file():
        return []
    return json.loads(path.read_text(encoding="utf-8"))["cards"]


EXPECTED = load_expected()


def by_file(cases: list[dict[str, Any]]) -> list[Any]:
    if not cases:
        reason = "the shared cards are not here"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason), id="none")]
    return [pytest.param(case, id=case["file"]) for case in cases]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("case", by_file([case for case in EXPECTED if case["import"] == "ok"]))
def test_a_shared_card_is_read_as_expected(case: dict[str, Any]):
    persona = read_card(SHARED_CARDS / case["file"])
    fields = {
        "description": persona.description,
        "personality": persona.personality,
        "scenario": persona.scenario,
        "first_mes": persona.greeting,
        "mes_example": persona.example_dialogue,
        "system_prompt": persona.system_prompt,
        "post_history_instructions": persona.post_history_instructions,
    }
    assert {field: digest(text) for field, text in fields.items()} == {
        field: case[field] for field in fields
    }
    assert persona.kind == case["kind"]
    assert persona.name == case["name"]
    assert persona.spoken_name == case["char_macro"]
    assert len(persona.alternate_greetings) == case["alternate_greetings"]
    assert len(persona.lorebook.entries if persona.lorebook else ()) == case["lore_entries"]


@pytest.mark.parametrize(
    "case", by_file([case for case in EXPECTED if case["import"] == "refuse-as-character"])
)
def test_a_shared_file_that_is_no_character_is_refused(case: dict[str, Any]):
    path = SHARED_CARDS / case["file"]
    with pytest.raises(InvalidCardError, match=f"a {case['kind']}") as caught:
        read_card(path)
    assert caught.value.source == str(path)
    assert "character_book" in caught.value.remedy


@pytest.mark.parametrize("case", by_file([case for case in EXPECTED if case["import"] == "either"]))
def test_a_shared_card_that_may_be_refused_does_no_harm(case: dict[str, Any]):
    try:
        persona = read_card(SHARED_CARDS / case["file"])
    except InvalidCardError as error:
        assert error.remedy  # noqa: PT017 (both outcomes are right)
    else:
        assert persona.kind == case["kind"]


def test_the_key_is_made_of_the_file_name(tmp_path: Path, card: dict[str, Any]):
    path = tmp_path / "Old Orrin.json"
    path.write_text(json.dumps(card), encoding="utf-8")
    assert read_card(path).key == "old-orrin"


def test_the_container_is_told_by_content_not_by_extension(
    tmp_path: Path, make_png: MakePng, card: dict[str, Any], card_chunk: tuple[bytes, bytes]
):
    picture, text = tmp_path / "orrin.json", tmp_path / "orrin.png"
    picture.write_bytes(make_png(card_chunk))
    text.write_text(json.dumps(card), encoding="utf-8")
    assert read_card(picture) == read_card(text)
    assert read_card(picture).name == "Orrin"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(b"", "an empty file", id="empty"),
        pytest.param(b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG picture", id="jpeg"),
        pytest.param(b"Note: Orrin\nMood: x", "its keys are 'Note', 'Mood'", id="yaml"),
        pytest.param(b"You are Orrin.", "neither JSON nor YAML", id="text"),
        pytest.param(b"[1]", "JSON that is a list", id="json-list"),
    ],
)
def test_another_type_of_file_is_refused_by_name(data: bytes, found: str):
    with pytest.raises(InvalidCardError) as caught:
        read_card_bytes(data, source="upload.png", key="x")
    assert found in caught.value.found
    assert caught.value.source == "upload.png"
    assert caught.value.remedy


def test_a_file_that_is_missing_is_refused(tmp_path: Path):
    with pytest.raises(InvalidCardError, match="cannot be opened"):
        read_card(tmp_path / "nobody.json")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert MAX_FILE_BYTES == 32 * 1024 * 1024
    data = b'{"name": "Orrin", "first_mes": ""}'
    path = tmp_path / "orrin.json"
    monkeypatch.setattr(read, "MAX_FILE_BYTES", len(data))
    path.write_bytes(data)
    assert read_card(path).name == "Orrin"
    path.write_bytes(data + b" ")
    with pytest.raises(InvalidCardError, match="more than"):
        read_card(path)


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Change, remove, insert, repeat or cut a few bytes."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        end = at + chance.randint(1, 8)
        match chance.randrange(6):
            case 0:
                changed[at:end] = chance.randbytes(end - at)
            case 1:
                del changed[at:end]
            case 2:
                changed[at:at] = chance.choice(
                    [b"\0", b'"', b"{", b"[", b"\xff", b"null", b"\\ud83e"]
                )
            case 3:
                changed[at:at] = changed[at : at + chance.randint(1, 200)]
            case 4:
                del changed[at:]
            case _:
                changed[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(changed)


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 (the same mutations in every run)


def survives(data: bytes) -> bool:
    """Read mutated bytes; nothing but InvalidCardError may come out of it."""
    try:
        persona = read_card_bytes(data, source="mutated", key="x")
    except InvalidCardError:
        return False
    assert_is_sound(persona)
    return True


def assert_is_sound(persona: Persona) -> None:
    assert persona.name
    texts = (persona.name, persona.nickname, persona.description, persona.greeting)
    for text in (*texts, *persona.alternate_greetings, *persona.tags):
        text.encode()


def test_no_mutation_of_a_json_card_does_harm(card: dict[str, Any]):
    card["data"] |= {"tags": ["a"], "alternate_greetings": ["b"], "first_mes": "Grüße 🦊"}
    seed = json.dumps(card, ensure_ascii=False).encode()
    chance = seeded(20)
    outcomes = {survives(mutate(seed, chance)) for _ in range(MUTATIONS)}
    assert outcomes == {True, False}


def test_no_mutation_of_a_png_card_does_harm(make_png: MakePng, card_chunk: tuple[bytes, bytes]):
    seed = make_png(card_chunk)
    chance = seeded(21)
    outcomes = {survives(mutate(seed, chance)) for _ in range(MUTATIONS)}
    assert outcomes == {True, False}


def test_no_mutation_inside_the_text_of_a_png_does_harm(make_png: MakePng, card: dict[str, Any]):
    # With the checksum made right again, the damage reaches what is behind it.
    seed = b"chara\0" + json.dumps(card).encode()
    chance = seeded(22)
    outcomes = {survives(make_png((b"tEXt", mutate(seed, chance)))) for _ in range(MUTATIONS)}
    assert outcomes == {True, False}
