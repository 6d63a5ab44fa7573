"""Reads the card object itself, in the Tavern forms V1, V2 and V3.

Cards are written by many programs and by hand. What a program meant is read (a number where text
belongs, one greeting that is not in a list); what cannot be meant is refused with the reason.
"""

import codecs
import json
import logging
from collections.abc import Iterable, Mapping
from typing import NoReturn, cast

from personas.errors import InvalidCardError
from personas.persona import Persona, is_blank

MAX_DEPTH = 100

_LOGGER = logging.getLogger(__name__)

_KINDS_BY_SPEC = {"chara_card_v2": "v2", "chara_card_v3": "v3"}
_NEWEST_SPEC_VERSION = 3.0
_V1_TEXTS = frozenset({"description", "personality", "scenario", "first_mes", "mes_example"})
# A lorebook may have a name and a description of its own, so these tell it from a V1 card.
_NEVER_IN_A_LOREBOOK = _V1_TEXTS - {"description"}
_KEYS_SHOWN = 10
_KEY_CHARACTERS_SHOWN = 40

_FIELD_NAMES = "name, description, personality, scenario, first_mes, mes_example"
_EXPORT_AGAIN = "Export the character again as a Tavern card (V1, V2 or V3), as JSON or PNG."
_MEND_JSON = "Export the card again, or mend the file with a JSON checker."


def is_json(data: bytes) -> bool:
    """Whether these bytes can only be meant as a JSON object or list."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    return data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in {b"{", b"["}


def read_json(data: bytes, *, source: str) -> object:
    """Parse JSON of any origin, with or without a byte order mark.

    Nesting is limited, so that whatever later walks through the card or writes it out again
    cannot run out of stack. Raw line breaks inside texts are accepted: hand-made cards have them.

    Raises:
        InvalidCardError: If it is not JSON, not UTF-8 or UTF-16, or nested too deeply.
    """
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        value: object = json.loads(data.decode("utf-16" if is_utf16 else "utf-8-sig"), strict=False)
    except UnicodeDecodeError as error:
        found = f"text that is not UTF-8 (byte {error.start})"
        remedy = "Export the card again, or save it as UTF-8."
        raise InvalidCardError(source=source, found=found, remedy=remedy) from error
    except json.JSONDecodeError as error:
        found = f"broken JSON ({error.msg}, line {error.lineno}, column {error.colno})"
        raise InvalidCardError(source=source, found=found, remedy=_MEND_JSON) from error
    except ValueError as error:  # Python reads no integer of more than 4,300 digits
        found = "JSON with a number that is too long"
        raise InvalidCardError(source=source, found=found, remedy=_MEND_JSON) from error
    except RecursionError as error:
        raise _too_deep(source) from error
    if _is_too_deep(value):
        raise _too_deep(source)
    return value


def persona_from_object(card: object, *, source: str, key: str) -> Persona:
    """Make a persona of a card object, deciding its form by what is in it.

    Raises:
        InvalidCardError: If it is not a V1, V2 or V3 card, or has no name.
    """
    if not isinstance(card, dict):
        found = f"JSON that is {_json_type(card)} and not an object"
        raise InvalidCardError(source=source, found=found, remedy=_EXPORT_AGAIN)
    root = cast("dict[str, object]", card)
    kind, body = _find_body(root, source=source)
    fields = _FieldReader(body, source=source)
    name = fields.text("name")
    if is_blank(name):
        remedy = "Give the character a name in its `name` field."
        raise InvalidCardError(source=source, found="a card without a name", remedy=remedy)
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
        creator_notes=fields.text("creator_notes"),
        creator=fields.text("creator"),
        tags=fields.tags("tags"),
        kind=kind,
        card=root,
    )


def _find_body(root: dict[str, object], *, source: str) -> tuple[str, Mapping[str, object]]:
    """Tell the form of the card, and which object holds its fields."""
    data = root.get("data")
    body = cast("dict[str, object]", data) if isinstance(data, dict) else None
    spec = root.get("spec")
    if spec:
        kind = _KINDS_BY_SPEC.get(spec.strip().lower()) if isinstance(spec, str) else None
        if kind is None:
            _refuse(root, source=source)
        _warn_if_newer(root.get("spec_version"), source=source)
        return kind, root if body is None else body
    if body is not None and "name" in body:
        return "v2", body
    if not _is_v1(root):
        _refuse(root, source=source)
    return "v1", root


def _is_v1(root: Mapping[str, object]) -> bool:
    return (
        "name" in root
        and not _V1_TEXTS.isdisjoint(root)
        and not _is_lorebook(root)
        and not _is_agnai(root)
    )


def _is_lorebook(root: Mapping[str, object]) -> bool:
    return "entries" in root and _NEVER_IN_A_LOREBOOK.isdisjoint(root)


def _is_agnai(root: Mapping[str, object]) -> bool:
    # Its `description` holds the creator's notes: reading it as a V1 card would mix them up.
    return root.get("kind") == "character" or {"persona", "sampleChat"} <= root.keys()


def _refuse(root: Mapping[str, object], *, source: str) -> NoReturn:
    """Say which other thing this object seems to be.

    Raises:
        InvalidCardError: Always.
    """
    spec = root.get("spec")
    remedy = _EXPORT_AGAIN
    if spec == "lorebook_v3" or _is_lorebook(root):
        found = "a lorebook and not a character"
        remedy = "Use the character's own card; a lorebook belongs to a character or a server."
    elif spec:
        found = f"a card of an unknown spec, {str(spec)[:_KEY_CHARACTERS_SHOWN]!r}"
    elif "char_name" in root:
        found = f"a Pygmalion card ({_keys_of(root)})"
    elif _is_agnai(root):
        found = f"an Agnai character ({_keys_of(root)})"
    else:
        found = f"an object that is not a character card ({_keys_of(root)})"
        remedy = f"A card has a name and at least one of the other fields: {_FIELD_NAMES}."
    raise InvalidCardError(source=source, found=found, remedy=remedy)


def _keys_of(root: Mapping[str, object]) -> str:
    if not root:
        return "it is empty"
    # repr, because a stranger's keys end up in the operator's log.
    shown = [f"{key[:_KEY_CHARACTERS_SHOWN]!r}" for key in list(root)[:_KEYS_SHOWN]]
    more = f" and {len(root) - _KEYS_SHOWN} more" if len(root) > _KEYS_SHOWN else ""
    return f"its keys are {', '.join(shown)}{more}"


def _warn_if_newer(spec_version: object, *, source: str) -> None:
    """Log a version that we do not know; the V3 spec forbids refusing a card for it."""
    if not isinstance(spec_version, str | int | float):
        return
    try:
        version = float(spec_version)
    except (ValueError, OverflowError):
        return
    if version > _NEWEST_SPEC_VERSION:
        _LOGGER.warning(
            "The card is of spec version %s, newer than we know; it is read all the same",
            version,
            extra={"action": "read_card", "source": source},
        )


def _too_deep(source: str) -> InvalidCardError:
    return InvalidCardError(
        source=source,
        found=f"JSON nested more than {MAX_DEPTH} levels deep",
        remedy=_EXPORT_AGAIN,
    )


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _nested_in(parent)]
        if not level:
            return False
    return True


def _nested_in(value: object) -> list[object]:
    children: Iterable[object] = ()
    if isinstance(value, dict):
        children = cast("dict[str, object]", value).values()
    elif isinstance(value, list):
        children = cast("list[object]", value)
    return [child for child in children if isinstance(child, dict | list)]


def _json_type(value: object) -> str:
    names = {"list": "a list", "str": "a text", "bool": "true or false", "NoneType": "null"}
    return names.get(type(value).__name__, "a number")


class _FieldReader:
    """Reads fields whose types are not to be trusted."""

    def __init__(self, body: Mapping[str, object], *, source: str) -> None:
        self._body = body
        self._source = source

    def text(self, field: str) -> str:
        """Read a text; a field that is missing, null, true or false is an empty one."""
        return self._as_text(self._body.get(field), field)

    def texts(self, field: str) -> tuple[str, ...]:
        """Read a list of texts without its blank ones; one text alone is a list of one."""
        value = self._body.get(field)
        items = cast("list[object]", value) if isinstance(value, list) else [value]
        texts = (self._as_text(item, field) for item in items)
        return tuple(text for text in texts if not is_blank(text))

    def tags(self, field: str) -> tuple[str, ...]:
        """Read tags; a text instead of a list holds them between commas."""
        value = self._body.get(field)
        if isinstance(value, str):
            return tuple(tag.strip() for tag in _encodable(value).split(",") if not is_blank(tag))
        # Tags only sort and filter: none of them is worth refusing a card for.
        return () if isinstance(value, dict) else self.texts(field)

    def _as_text(self, value: object, field: str) -> str:
        if value is None or isinstance(value, bool):
            return ""
        if isinstance(value, str):
            return _encodable(value)
        if isinstance(value, int | float):
            return str(value)
        if isinstance(value, list):
            return "\n".join(self._as_text(item, field) for item in cast("list[object]", value))
        raise InvalidCardError(
            source=self._source,
            found=f"a card whose field `{field}` is an object and not text",
            remedy=_EXPORT_AGAIN,
        )


def _encodable(text: str) -> str:
    """Replace halves of surrogate pairs: JSON can hold them, UTF-8 cannot."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
