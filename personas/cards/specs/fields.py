"""Reads fields whose types are not to be trusted, and says what was not as it should be."""

from collections.abc import Mapping
from typing import cast

from personas.errors import InvalidCardError
from personas.persona import is_blank

_EXPORT_AGAIN = "Export the character again as a Tavern card (V1, V2 or V3), as JSON or PNG."
_FALSE_WORDS = frozenset({"", "0", "false", "no", "off", "null"})


class FieldReader:
    """Reads the fields of one object."""

    def __init__(self, body: Mapping[str, object], *, source: str, notes: list[str]) -> None:
        self._body = body
        self._source = source
        self._notes = notes

    def text(self, field: str) -> str:
        """Read a text; a field that is missing, null, true or false is an empty one."""
        value = self._body.get(field)
        text = self._as_text(value, field)
        if value is not None and not isinstance(value, str):
            meant = "is left out" if isinstance(value, bool) else "is read as text"
            self._notes.append(f"the field `{field}` is {name_type(value)}; it {meant}")
        return text

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
            return tuple(tag.strip() for tag in encodable(value).split(",") if not is_blank(tag))
        # Tags only sort and filter: none of them is worth refusing a card for.
        return () if isinstance(value, dict) else self.texts(field)

    def number(self, field: str) -> float | None:
        """Read a number, also from a text that is one; None for anything else."""
        value = self._body.get(field)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        try:
            return float(value)
        except (ValueError, OverflowError):
            return None

    def integer(self, field: str) -> int | None:
        """Read a whole number; None for anything else."""
        number = self.number(field)
        return int(number) if number is not None and abs(number) < float("inf") else None

    def flag(self, field: str) -> bool | None:
        """Read true or false, also from a number or a word; None where nothing is said."""
        value = self._body.get(field)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return value.strip().lower() not in _FALSE_WORDS
        return value != 0 if isinstance(value, int | float) else None

    def _as_text(self, value: object, field: str) -> str:
        if value is None or isinstance(value, bool):
            return ""
        if isinstance(value, str):
            return encodable(value)
        if isinstance(value, int | float):
            return str(value)
        if isinstance(value, list):
            return "\n".join(self._as_text(item, field) for item in cast("list[object]", value))
        raise InvalidCardError(
            source=self._source,
            found=f"a card whose field `{field}` is an object and not text",
            remedy=_EXPORT_AGAIN,
        )


def encodable(text: str) -> str:
    """Replace halves of surrogate pairs: JSON can hold them, UTF-8 cannot."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def name_type(value: object) -> str:
    """Say what kind of JSON value this is."""
    names = {
        "dict": "an object",
        "list": "a list",
        "str": "a text",
        "bool": "true or false",
        "NoneType": "null",
    }
    return names.get(type(value).__name__, "a number")


def as_object(value: object) -> dict[str, object] | None:
    """Give a JSON object as one, anything else as None."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[object] | None:
    """Give a JSON list as one, anything else as None."""
    return cast("list[object]", value) if isinstance(value, list) else None


def pick(root: Mapping[str, object], *fields: str) -> object:
    """Give the first of these fields that says something; None if none does."""
    for field in fields:
        value = root.get(field)
        if value is not None and not (isinstance(value, str) and is_blank(value)):
            return value
    return None
