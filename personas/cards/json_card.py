"""Parses JSON that strangers wrote: cards as `.json`, and the card inside every other container."""

import codecs
import json
import math
import re
from typing import TYPE_CHECKING, Final, cast

from personas.errors import InvalidCardError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DEPTH: Final = 100
MAX_JSON_BYTES: Final = 16 * 1024 * 1024
"""Characters outside the basic plane take four bytes each, twice over while parsing."""
MAX_BRACKETS: Final = 200_000
MAX_COMMAS: Final = 500_000
"""`[],` takes 3 bytes in a file and 80 in memory: 16 MiB of it would need 450."""
_MAX_MENDED_BYTES: Final = 1024 * 1024

_MEND_JSON = "Export the card again, or mend the file with a JSON checker."
_EXPORT_AGAIN = "Export the card again, or leave out what is embedded in it."
# A text (one that never ends goes to the end of the file), a sign, or a word or number.
# Possessive, so that no way back is kept for any of the characters.
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{}\[\],:]|[^\s"{}\[\],:]++', re.DOTALL)
_OPENERS = ('"', "{", "[")


def is_json(data: bytes) -> bool:
    """Whether these bytes can only be meant as a JSON object or list."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    return data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in {b"{", b"["}


def read_json(data: bytes, *, source: str, notes: list[str]) -> object:
    """Parse JSON of any origin, with or without a byte order mark.

    Nesting is limited, so that whatever later walks through the card or writes it out again
    cannot run out of stack. Raw line breaks inside texts are accepted, as is a comma too many or
    one that is missing at the end of a line: hand-made cards have them, the sample card of the
    alpaca-roleplay-discordbot among them.

    Raises:
        InvalidCardError: If it is not JSON, not UTF-8 or UTF-16, too large or nested too deeply.
    """
    _refuse_large(data, source=source)
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"text that is not UTF-8 (byte {error.start})"
        remedy = "Export the card again, or save it as UTF-8."
        raise InvalidCardError(source=source, found=found, remedy=remedy) from error
    try:
        value = _parse_or_mend(text, notes)
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


def _refuse_large(data: bytes, *, source: str) -> None:
    """Refuse what would take far more memory than the file is long.

    Raises:
        InvalidCardError: If it is too large, or made of too many pieces.
    """
    found = None
    if len(data) > MAX_JSON_BYTES:
        found = f"JSON of more than {MAX_JSON_BYTES // 1024 // 1024} MiB"
    elif data.count(b"{") + data.count(b"[") > MAX_BRACKETS or data.count(b",") > MAX_COMMAS:
        found = "JSON of more pieces than any card has"
    if found is not None:
        raise InvalidCardError(source=source, found=found, remedy=_EXPORT_AGAIN)


def _parse_or_mend(text: str, notes: list[str]) -> object:
    try:
        return _parse(text)
    except json.JSONDecodeError as error:
        mended = _mend_commas(text) if len(text) <= _MAX_MENDED_BYTES else text
        try:
            value = _parse(mended)
        except json.JSONDecodeError:
            raise error from None  # with the place in the text as it was written
    notes.append("the JSON had commas missing or too many; it is read all the same")
    return value


def _parse(text: str) -> object:
    return json.loads(text, strict=False, parse_constant=lambda _: None, parse_float=_read_float)


def _read_float(digits: str) -> float | None:
    """Read a number; one that is too large to hold could not be written again."""
    number = float(digits)
    return number if math.isfinite(number) else None


def _mend_commas(text: str) -> str:
    """Put commas where a line ends without one, and take away those before a closing bracket."""
    pieces: list[str] = []
    end, before = 0, ""
    for match in _TOKENS.finditer(text):
        gap, token = text[end : match.start()], match[0]
        if token in {"}", "]"} and before == ",":
            pieces.pop(-1 if pieces[-1] == "," else -2)
        elif "\n" in gap and token.startswith(_OPENERS) and _ends_a_value(before):
            pieces.append(",")
        pieces += [gap, token] if gap else [token]
        end, before = match.end(), token
    return "".join((*pieces, text[end:]))


def _ends_a_value(token: str) -> bool:
    return bool(token) and token not in {"{", "[", ",", ":"}


def _too_deep(source: str) -> InvalidCardError:
    return InvalidCardError(
        source=source,
        found=f"JSON nested more than {MAX_DEPTH} levels deep",
        remedy="Export the character again as a Tavern card (V1, V2 or V3), as JSON or PNG.",
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
