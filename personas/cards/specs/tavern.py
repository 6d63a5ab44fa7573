"""Makes a persona of a card's fields, which are those of Tavern V1, V2 and V3.

Cards are written by many programs and by hand. What a program meant is read (a number where text
belongs, one greeting that is not in a list); what cannot be meant is refused with the reason.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from personas.cards.specs.depth_prompt import read_depth_prompt
from personas.cards.specs.detect import find_body
from personas.cards.specs.fields import FieldReader, as_object, name_type
from personas.cards.specs.lore import read_lorebook
from personas.errors import InvalidCardError
from personas.persona import Persona, has_hidden_characters, is_blank

MAX_WARNINGS = 30
_MAX_SAMPLER_FIELDS = 100  # they are looked at for every reply; there are a quarter as many


def persona_from_object(
    card: object, *, source: str, key: str, warnings: Sequence[str] = ()
) -> Persona:
    """Make a persona of a card object, deciding its spec by what is in it.

    `warnings` are those of the container, which the persona's own follow.

    Raises:
        InvalidCardError: If it is no character card, or has no name.
    """
    notes = list(warnings)
    body = find_body(card, source=source, notes=notes)
    fields = FieldReader(body.fields, source=source, notes=notes)
    name = fields.text("name")
    if is_blank(name):
        raise _nameless(source)
    if has_hidden_characters(name) or has_hidden_characters(fields.text("nickname")):
        notes.append("the name has line breaks or invisible characters; it is said without them")
    lorebook = read_lorebook(body.fields.get("character_book"), source=source, notes=notes)
    return Persona(
        key=key,
        name=name,
        nickname=fields.text("nickname"),
        description=fields.text("description"),
        personality=fields.text("personality"),
        scenario=fields.text("scenario"),
        greeting=fields.text("first_mes"),
        alternate_greetings=fields.texts("alternate_greetings"),
        example_dialogue=fields.text("mes_example"),
        system_prompt=fields.text("system_prompt"),
        post_history_instructions=fields.text("post_history_instructions"),
        depth_prompt=read_depth_prompt(body.fields.get("extensions"), source=source, notes=notes),
        creator_notes=fields.text("creator_notes"),
        creator=fields.text("creator"),
        tags=fields.tags("tags"),
        kind=body.kind,
        lorebook=lorebook,
        sampler=_read_sampler(body.fields, notes),
        warnings=_shorten(notes),
        card=cast("dict[str, object]", card),
    )


def _read_sampler(fields: Mapping[str, object], notes: list[str]) -> dict[str, object]:
    """What our own extension says of sampling; anything but an object is left out."""
    extensions = as_object(fields.get("extensions")) or {}
    value = (as_object(extensions.get("troupe")) or {}).get("sampler")
    sampler = as_object(value)
    if value is not None and sampler is None:
        notes.append(
            f"`extensions.troupe.sampler` is {name_type(value)}; it is left out, an object such as "
            '{"temperature": 0.9} belongs there'
        )
    if sampler is not None and len(sampler) > _MAX_SAMPLER_FIELDS:
        notes.append("`extensions.troupe.sampler` has more fields than there are; it is left out")
        return {}
    return sampler or {}


def _nameless(source: str) -> InvalidCardError:
    remedy = "Give the character a name in its `name` field."
    return InvalidCardError(source=source, found="a card without a name", remedy=remedy)


def _shorten(notes: Sequence[str]) -> tuple[str, ...]:
    """Say each thing once, and not thousands of them."""
    warnings = list(dict.fromkeys(notes))
    more = len(warnings) - MAX_WARNINGS
    return (*warnings[:MAX_WARNINGS], *([f"and {more:,} warnings more"] if more > 0 else []))
