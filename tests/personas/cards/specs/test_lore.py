import time
from typing import Any

import pytest

from personas.cards.specs.lore import read_lorebook
from personas.lorebook import Lorebook, LoreEntry


def read(book: object) -> tuple[Lorebook | None, list[str]]:
    notes: list[str] = []
    return read_lorebook(book, source="card.json", notes=notes), notes


def entry_of(**fields: Any) -> LoreEntry:
    lorebook, _ = read({"entries": [{"keys": ["k"], "content": "c", **fields}]})
    assert lorebook is not None
    return lorebook.entries[0]


def test_every_field_of_a_book_and_an_entry_is_read():
    lorebook, notes = read(
        {
            "name": "Harbour",
            "description": "What is there",
            "scan_depth": 3,
            "token_budget": "200",
            "recursive_scanning": True,
            "entries": [
                {
                    "keys": ["bell", "tower"],
                    "content": "@@depth 4\nIt rang once.",
                    "name": "Bell",
                    "comment": "old",
                    "id": 7,
                    "enabled": False,
                    "constant": True,
                    "selective": True,
                    "secondary_keys": ["night"],
                    "use_regex": False,
                    "case_sensitive": True,
                    "insertion_order": 5,
                    "priority": 2.5,
                    "position": "after_char",
                }
            ],
        }
    )
    assert notes == []
    assert lorebook == Lorebook(
        name="Harbour",
        description="What is there",
        scan_depth=3,
        token_budget=200,
        is_recursive=True,
        entries=(
            LoreEntry(
                keys=("bell", "tower"),
                content="@@depth 4\nIt rang once.",
                name="Bell",
                comment="old",
                id="7",
                is_enabled=False,
                is_constant=True,
                is_selective=True,
                secondary_keys=("night",),
                is_case_sensitive=True,
                insertion_order=5,
                priority=2.5,
                position="after_char",
            ),
        ),
    )


def test_what_is_not_said_is_left_to_the_service():
    assert entry_of() == LoreEntry(keys=("k",), content="c")
    assert read(None) == (None, [])
    assert read({}) == (Lorebook(entries=()), [])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"keys": "a, b"}, {"keys": ("a", "b")}, id="keys-between-commas"),
        pytest.param({"keys": None}, {"keys": ()}, id="keys-null"),
        pytest.param({"enabled": "false"}, {"is_enabled": False}, id="false-as-a-word"),
        pytest.param({"enabled": 0}, {"is_enabled": False}, id="false-as-a-number"),
        pytest.param({"enabled": None}, {"is_enabled": True}, id="enabled-null"),
        pytest.param({"insertion_order": "x"}, {"insertion_order": 100.0}, id="order-a-word"),
        pytest.param({"insertion_order": None}, {"insertion_order": 100.0}, id="order-null"),
        pytest.param({"position": "after_char_defs"}, {"position": "after_char"}, id="after"),
        pytest.param({"position": 4}, {"position": "before_char"}, id="place-of-others"),
        pytest.param({"id": "abc"}, {"id": "abc"}, id="id-a-text"),
    ],
)
def test_entries_take_loose_types(fields: dict[str, Any], expected: dict[str, Any]):
    entry = entry_of(**fields)
    assert {name: getattr(entry, name) for name in expected} == expected


def test_entries_in_the_style_of_world_info_are_read():
    entry = {"uid": 3, "key": ["a"], "keysecondary": ["b"], "content": "c", "order": 9}
    lorebook, notes = read({"entries": {"0": {**entry, "disable": True}, "1": entry}})
    assert lorebook is not None
    assert notes == []
    first, second = lorebook.entries
    assert (first.keys, first.secondary_keys, first.id) == (("a",), ("b",), "3")
    assert (first.insertion_order, first.is_enabled, second.is_enabled) == (9, False, True)


@pytest.mark.parametrize(
    ("book", "note"),
    [
        pytest.param([], "`character_book` is a list", id="book-a-list"),
        pytest.param({"name": {}}, "name and description are left out", id="name-an-object"),
        pytest.param({"entries": 5}, "entries are a number", id="entries-a-number"),
        pytest.param({"entries": [1]}, "lore entry 1 is a number", id="entry-a-number"),
        pytest.param(
            {"entries": [{}, {"content": {}}]}, "entry 2 is left out", id="content-an-object"
        ),
    ],
)
def test_what_cannot_be_read_is_left_out_with_a_note(book: object, note: str):
    _, notes = read(book)
    assert len(notes) == 1
    assert note in notes[0]


@pytest.mark.parametrize(
    ("keys", "use_regex", "bad"),
    [
        pytest.param(["(", "/[/"], False, ["/[/"], id="only-what-is-a-pattern"),
        pytest.param(["(", "/嵐|台風/", "a+"], True, ["("], id="all-where-it-is-said"),
        pytest.param(["/(?=x)/", "/(a)\\1/"], False, ["/(?=x)/", "/(a)\\\\1/"], id="look-around"),
    ],
)
def test_patterns_that_cannot_be_run_are_named(keys: list[str], use_regex: bool, bad: list[str]):
    lorebook, notes = read({"entries": [{"keys": keys, "content": "", "use_regex": use_regex}]})
    assert lorebook is not None
    assert lorebook.entries[0].keys == tuple(keys)
    assert len(notes) == len(bad)
    assert all(key in note for key, note in zip(bad, notes, strict=True))


def test_many_heavy_patterns_do_not_hold_a_card_up():
    keys = [f"/{'(' + chr(92) + 'pL{1,999})'}{{1}}{number}/i" * 1 for number in range(20_000)]
    began = time.process_time()
    _, notes = read({"entries": [{"keys": keys, "content": ""}]})
    assert time.process_time() - began < 2
    assert notes
