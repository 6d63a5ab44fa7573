"""A card that is written and read again is the card that it was, whatever is in it."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personas.cards.read import CardFile, read_card, read_card_bytes, read_card_file
from personas.cards.writers.write import write_charx, write_json, write_png
from personas.persona import Persona

SHARED_CARDS = Path(__file__).resolve().parents[4].parent / "shared" / "cards"

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
UNKNOWN = st.dictionaries(st.from_regex(r"x_[a-z]{1,8}", fullmatch=True), JSON_VALUES, max_size=3)
ENTRIES = st.builds(
    lambda entry, unknown: unknown | entry,
    st.fixed_dictionaries(
        {
            "keys": st.lists(NAMES, max_size=3),
            "content": TEXTS | st.just("@@depth 4\n@@role user\nIt rings."),
            "extensions": UNKNOWN,
            "enabled": st.booleans(),
            "insertion_order": st.integers(-9, 999),
        },
        optional={"use_regex": st.booleans(), "id": st.integers() | TEXTS, "priority": st.none()},
    ),
    UNKNOWN,
)
BOOKS = st.builds(
    lambda book, unknown: unknown | book,
    st.fixed_dictionaries(
        {"extensions": UNKNOWN, "entries": st.lists(ENTRIES, max_size=3)},
        optional={"name": TEXTS, "scan_depth": st.integers(0, 99)},
    ),
    UNKNOWN,
)
FIELDS = ("description", "personality", "scenario", "first_mes", "mes_example", "system_prompt")
DATA = st.builds(
    lambda data, unknown: unknown | data,
    st.fixed_dictionaries(
        {"name": NAMES, "extensions": UNKNOWN, **dict.fromkeys(FIELDS, TEXTS)},
        optional={
            "alternate_greetings": st.lists(TEXTS, max_size=3),
            "tags": st.lists(NAMES, max_size=3),
            "character_book": BOOKS,
            "nickname": TEXTS,
            "creator_notes": TEXTS,
        },
    ),
    UNKNOWN,
)
CARDS = st.builds(
    lambda spec, data, unknown: {"spec": spec, "spec_version": "2.0", "data": data} | unknown,
    st.sampled_from(["chara_card_v2", "chara_card_v3"]),
    DATA,
    UNKNOWN,
)
PERSONA_FIELDS = [name for name in Persona.__slots__ if name not in {"kind", "card", "warnings"}]

Writer = Callable[[CardFile], bytes]
WRITERS: list[Any] = [
    pytest.param(lambda card: write_json(card, "v2"), id="json-v2"),
    pytest.param(lambda card: write_json(card, "v3"), id="json-v3"),
    pytest.param(lambda card: write_png(card, None), id="png-both"),
    pytest.param(lambda card: write_png(card, "v2"), id="png-v2"),
    pytest.param(lambda card: write_png(card, "v3"), id="png-v3"),
    pytest.param(write_charx, id="charx"),
]
every_writer = pytest.mark.parametrize("write", WRITERS)


def persona_of(data: bytes) -> Persona:
    return read_card_bytes(data, source="card", key="x")


def card_file_of(card: object) -> CardFile:
    return CardFile(persona=persona_of(json.dumps(card).encode()), container="json")


def differences(before: object, after: object, path: str = "") -> Iterable[str]:
    """Name what the second has not, or has otherwise; what it has besides is no loss."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key not in after:
                yield f"{path}.{key} is gone"
            else:
                yield from differences(value, after[key], f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{path}[{number}]")
    elif before != after:
        yield f"{path} was {before!r} and is {after!r}"


def assert_same_persona(before: Persona, after: Persona) -> None:
    assert {name: getattr(after, name) for name in PERSONA_FIELDS} == {
        name: getattr(before, name) for name in PERSONA_FIELDS
    }


@every_writer
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(card=CARDS)
def test_every_field_of_a_card_comes_back(write: Writer, card: dict[str, Any]):
    written = card_file_of(card)
    again = persona_of(write(written))
    assert_same_persona(written.persona, again)
    known = {key: value for key, value in card.items() if key not in {"spec", "spec_version"}}
    assert list(differences(known, dict(again.card))) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(card=CARDS)
def test_a_card_in_its_own_spec_comes_back_as_it_was(card: dict[str, Any]):
    spec = "v2" if card["spec"] == "chara_card_v2" else "v3"
    written = card_file_of(card)
    assert persona_of(write_json(written, spec)).card == card
    assert persona_of(write_png(written, spec)).card == card


@every_writer
@pytest.mark.parametrize(
    "card",
    [
        pytest.param({"name": "O", "first_mes": "Hi", "metadata": {"tool": 1}}, id="v1"),
        pytest.param({"name": "O", "first_mes": 5, "data": [1], "spec": None}, id="v1-odd"),
        pytest.param({"name": "O", "first_mes": "", "nickname": "N"}, id="v1-nickname"),
        pytest.param({"char_name": "O", "char_persona": "p", "x": [1]}, id="pygmalion"),
        pytest.param({"name": "O", "context": " c\n", "greeting": "g"}, id="ooba"),
        pytest.param({"name": "O", "description": "", "first_message": "g"}, id="janitorai"),
        pytest.param(
            {
                "kind": "character",
                "name": "O",
                "persona": {"kind": "wpp", "attributes": {"a": ["b"]}},
                "characterBook": {"entries": [{"keywords": ["k"], "entry": "e"}]},
                "insert": {"prompt": "p", "depth": 3},
            },
            id="agnai",
        ),
        pytest.param({"spec": "chara_card_v2", "name": "O", "description": "d"}, id="no-data"),
        pytest.param({"data": {"name": "O", "tags": "a, b"}}, id="no-spec"),
    ],
)
def test_a_card_of_any_spec_comes_back(write: Writer, card: dict[str, Any]):
    written = card_file_of(card)
    again = persona_of(write(written))
    assert_same_persona(written.persona, again)
    data: Any = again.card["data"]
    if written.persona.kind in {"v1", "v2"}:
        kept = {**data["extensions"].get("troupe", {}).get("card", {}), "data": card.get("data")}
        lost = differences(card, {**again.card, **kept, "spec": card.get("spec")})
        assert list(lost) == []
    else:
        assert data["extensions"]["troupe"] == {"kind": written.persona.kind, "card": card}
    assert persona_of(write(CardFile(persona=again, container="json"))).card == again.card


@every_writer
@pytest.mark.parametrize("path", sorted(SHARED_CARDS.glob("*_v*")) or [None], ids=str)
def test_a_shared_card_comes_back(write: Writer, path: Path | None, tmp_path: Path):
    if path is None:
        pytest.skip("the shared cards are not here")
    before = read_card_file(path)
    target = tmp_path / path.name
    target.write_bytes(write(before))
    assert_same_persona(before.persona, read_card(target))


def test_half_an_emoji_comes_back():
    card = {"spec": "chara_card_v2", "data": {"name": "O", "extensions": {"x": "\ud83e"}}}
    assert persona_of(write_json(card_file_of(card), "v2")).card == card
