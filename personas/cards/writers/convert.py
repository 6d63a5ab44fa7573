"""A card as V2 or as V3, with everything that the other spec does not know still in it.

What has a place in the new spec goes there; the rest stays where it was. A card of another
program is kept whole in `extensions.troupe`, because its fields may say more than V2's.
"""

import copy
from collections.abc import Mapping
from typing import Literal

from personas.cards.specs.detect import find_body
from personas.cards.specs.fields import FieldReader, as_list, as_object
from personas.persona import Persona

Spec = Literal["v2", "v3"]

OWN_EXTENSION = "troupe"

_SPEC_NAMES: dict[Spec, str] = {"v2": "chara_card_v2", "v3": "chara_card_v3"}
_VERSIONS: dict[Spec, str] = {"v2": "2.0", "v3": "3.0"}
_SPEC_KEYS = ("spec", "spec_version")
_TEXTS = (
    "name",
    "description",
    "personality",
    "scenario",
    "first_mes",
    "mes_example",
    "creator_notes",
    "system_prompt",
    "post_history_instructions",
    "creator",
    "character_version",
)
_CARRIED = (
    "nickname",
    "group_only_greetings",
    "creator_notes_multilingual",
    "source",
    "creation_date",
    "modification_date",
    "assets",
    "character_book",
)
"""What a card has or has not; other programs that know a field give it its V3 name."""
_BACKFILLED = "This is the V2 form of a V3 card, for programs that do not read V3."


def convert(persona: Persona, spec: Spec) -> dict[str, object]:
    """Give the persona's card as an object of this spec.

    A card that is of this spec already is given as it was read, unmended: whoever made it may
    have meant it so.
    """
    root = copy.deepcopy(dict(persona.card))
    if persona.kind == spec and as_object(root.get("data")) is not None and root.get("spec"):
        return root
    body = find_body(root, source=persona.key, notes=[])
    if persona.kind in _SPEC_NAMES:
        data = {key: value for key, value in body.fields.items() if key not in _SPEC_KEYS}
    else:
        data = _make_data(body.fields, persona, root)
    _fill_in(data, spec)
    if persona.kind not in {*_SPEC_NAMES, "v1"}:
        root = {}  # the keys of other programs would be taken for those of V1 by some readers
    return {**root, "spec": _SPEC_NAMES[spec], "spec_version": _VERSIONS[spec], "data": data}


def backfill(card: Mapping[str, object]) -> dict[str, object]:
    """Give the V2 form that goes along with a V3 card, for programs that know no V3.

    As the V3 spec asks, the decorators of lore (`@@depth 4`) are taken out and `creator_notes`
    says so; nothing is lost, because whoever reads V3 reads the V3 card beside it.
    """
    copied = copy.deepcopy(dict(card))
    data = as_object(copied.get("data")) or {}
    notes = data.get("creator_notes")
    data["creator_notes"] = f"{notes}\n\n{_BACKFILLED}" if notes else _BACKFILLED
    book = as_object(data.get("character_book")) or {}
    for entry in map(as_object, as_list(book.get("entries")) or []):
        if entry is not None and isinstance(entry.get("content"), str):
            entry["content"] = strip_decorators(str(entry["content"]))
    return {**copied, "spec": _SPEC_NAMES["v2"], "spec_version": _VERSIONS["v2"], "data": data}


def strip_decorators(content: str) -> str:
    """Take V3's decorators and the blank lines around them from the head of lore."""
    lines = content.split("\n")
    if not lines[0].startswith("@@"):
        return content
    for number, line in enumerate(lines):
        if line.strip() and not line.startswith("@@"):
            return "\n".join(lines[number:])
    return ""


def _make_data(
    fields: Mapping[str, object], persona: Persona, root: Mapping[str, object]
) -> dict[str, object]:
    """Make V2's object of a card that has none."""
    reader = FieldReader(fields, source=persona.key, notes=[])
    data: dict[str, object] = {field: reader.text(field) for field in _TEXTS}
    data["alternate_greetings"] = list(persona.alternate_greetings)
    data["tags"] = list(persona.tags)
    extensions = dict(as_object(fields.get("extensions")) or {})
    if persona.kind != "v1":
        extensions[OWN_EXTENSION] = {"kind": persona.kind, "card": copy.deepcopy(dict(root))}
    elif replaced := {key: root[key] for key in (*_SPEC_KEYS, "data") if key in root}:
        extensions[OWN_EXTENSION] = {"kind": persona.kind, "card": replaced}
    data["extensions"] = extensions
    carried = {key: fields[key] for key in _CARRIED if fields.get(key) is not None}
    return data | copy.deepcopy(carried)


def _fill_in(data: dict[str, object], spec: Spec) -> None:
    """Add what the spec demands and the card does not say."""
    for field in _TEXTS:
        data.setdefault(field, "")
    data.setdefault("alternate_greetings", [])
    data.setdefault("tags", [])
    data.setdefault("extensions", {})
    if spec == "v3":
        data.setdefault("group_only_greetings", [])
    book = as_object(data.get("character_book"))
    if book is None:
        return
    book.setdefault("extensions", {})
    for entry in map(as_object, as_list(book.get("entries")) or []):
        if entry is not None:
            entry.setdefault("extensions", {})
            if spec == "v3":
                entry.setdefault("use_regex", False)
