"""Reads the lorebook inside a card.

That is V2's and V3's `character_book`, and entries in the style of SillyTavern's world info, which
some programs put there.

A lorebook never keeps a card away: an entry that cannot be read is left out with a warning.
"""

import time
from collections.abc import Iterable, Mapping

from personas.cards.specs.fields import FieldReader, as_list, as_object, name_type
from personas.errors import InvalidCardError
from personas.lore_patterns import LorePatternError, compile_pattern, is_delimited
from personas.lorebook import Lorebook, LoreEntry, LorePlace

MAX_ENTRIES = 10_000
_PATTERN_SECONDS = 0.5
_KEY_CHARACTERS_SHOWN = 60
_USUAL_ORDER = 100.0
_WORLD_INFO_NAMES = {
    "key": "keys",
    "keysecondary": "secondary_keys",
    "order": "insertion_order",
    "caseSensitive": "case_sensitive",
    "uid": "id",
}
_AFTER = frozenset({"after_char", "after_char_defs", "1"})


def read_lorebook(value: object, *, source: str, notes: list[str]) -> Lorebook | None:
    """Read a lorebook of loose types; None where there is none."""
    book = as_object(value)
    if book is None:
        if value is not None:
            notes.append(f"the `character_book` is {name_type(value)}; it is left out")
        return None
    fields = FieldReader(book, source=source, notes=notes)
    try:
        name, description = fields.text("name"), fields.text("description")
    except InvalidCardError as error:
        notes.append(f"{error.found}: the lorebook's name and description are left out")
        name = description = ""
    lorebook = Lorebook(
        name=name,
        description=description,
        scan_depth=fields.integer("scan_depth"),
        token_budget=fields.integer("token_budget"),
        is_recursive=fields.flag("recursive_scanning") or False,
        entries=tuple(_read_entries(book.get("entries"), source=source, notes=notes)),
    )
    _check_patterns(lorebook.entries, notes)
    return lorebook


def _read_entries(value: object, *, source: str, notes: list[str]) -> Iterable[LoreEntry]:
    numbered = as_object(value)
    entries = list(numbered.values()) if numbered is not None else as_list(value)
    if entries is None:
        if value is not None:
            notes.append(f"the lorebook's entries are {name_type(value)}; they are left out")
        return
    if len(entries) > MAX_ENTRIES:
        notes.append(f"the lorebook has {len(entries):,} entries; {MAX_ENTRIES:,} are read")
    for number, entry in enumerate(entries[:MAX_ENTRIES], start=1):
        fields = as_object(entry)
        if fields is None:
            notes.append(f"lore entry {number} is {name_type(entry)}; it is left out")
            continue
        try:
            yield _read_entry(_rename(fields), source=source)
        except InvalidCardError as error:
            notes.append(f"lore entry {number} is left out: {error.found}")


def _rename(entry: Mapping[str, object]) -> Mapping[str, object]:
    """Give an entry of world info the names of V2."""
    if "keys" in entry or "key" not in entry:
        return entry
    renamed = {_WORLD_INFO_NAMES.get(key, key): value for key, value in entry.items()}
    renamed["enabled"] = not entry.get("disable")
    return renamed


def _read_entry(entry: Mapping[str, object], *, source: str) -> LoreEntry:
    fields = FieldReader(entry, source=source, notes=[])
    order = fields.number("insertion_order")
    enabled = fields.flag("enabled")
    return LoreEntry(
        keys=fields.tags("keys"),
        content=fields.text("content"),
        name=fields.text("name"),
        comment=fields.text("comment"),
        id=fields.text("id"),
        is_enabled=True if enabled is None else enabled,
        is_constant=fields.flag("constant") or False,
        is_selective=fields.flag("selective") or False,
        secondary_keys=fields.tags("secondary_keys"),
        is_pattern=fields.flag("use_regex") or False,
        is_case_sensitive=fields.flag("case_sensitive"),
        insertion_order=_USUAL_ORDER if order is None else order,
        priority=fields.number("priority"),
        position=_read_position(entry.get("position")),
    )


def _read_position(value: object) -> LorePlace:
    return "after_char" if str(value).strip().lower() in _AFTER else "before_char"


def _check_patterns(entries: Iterable[LoreEntry], notes: list[str]) -> None:
    """Note the keys that are patterns and cannot be run: they will match nothing."""
    patterns = dict.fromkeys(
        key
        for entry in entries
        for key in (*entry.keys, *entry.secondary_keys)
        if entry.is_pattern or is_delimited(key)
    )
    give_up = time.monotonic() + _PATTERN_SECONDS
    for key in patterns:
        if time.monotonic() > give_up:
            notes.append(f"of {len(patterns):,} patterns in the lore not all could be tried")
            return
        try:
            compile_pattern(key)
        except LorePatternError as error:
            notes.append(f"the lore key {key[:_KEY_CHARACTERS_SHOWN]!r} matches nothing: {error}")
