"""Parses YAML that strangers wrote, as text-generation-webui keeps its characters.

Built from the parser's events, never from its objects: no tag makes anything, no alias is
followed (nine lines of them can stand for a billion values), and every plain word stays the text
it is, so that a persona may be called No or 1984.
"""

import codecs
import re
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from personas.cards.json_card import MAX_DEPTH
from personas.errors import InvalidCardError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_YAML_BYTES: Final = 1024 * 1024
MAX_EVENTS: Final = 50_000

# libyaml where the wheel has it, as all for our systems do; the other is the same, but slow.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KEY_LINE = re.compile(rb"""^(["']?)[A-Za-z_<][\w |<>-]{0,40}\1:(\s|$)""", re.MULTILINE)
_LOOK_AT_BYTES: Final = 4096
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_REMEDY = "Export the character again, as JSON or PNG, or mend the file with a YAML checker."


def is_yaml(data: bytes) -> bool:
    """Whether this is text with a line that begins as a YAML key does."""
    head = data[:_LOOK_AT_BYTES].removeprefix(codecs.BOM_UTF8)
    return b"\0" not in head and _KEY_LINE.search(head) is not None


def read_yaml(data: bytes, *, source: str, notes: list[str]) -> object:  # noqa: ARG001
    """Parse the one document in a YAML file; null is None and every other scalar is text.

    Raises:
        InvalidCardError: If it is not YAML, not UTF-8, too large, too deep, or has aliases.
    """
    if len(data) > MAX_YAML_BYTES:
        found = f"YAML of more than {MAX_YAML_BYTES // 1024 // 1024} MiB"
        raise InvalidCardError(source=source, found=found, remedy=_REMEDY)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"text that is not UTF-8 (byte {error.start})"
        remedy = "Save it as UTF-8."
        raise InvalidCardError(source=source, found=found, remedy=remedy) from error
    try:
        value = _build(_events(text), source=source)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it holds a character that YAML forbids"
        found = f"text that is neither JSON nor YAML ({problem}{where})"
        raise InvalidCardError(source=source, found=found, remedy=_REMEDY) from error
    if not isinstance(value, dict):
        found = "text that is neither JSON nor a card in YAML"
        raise InvalidCardError(source=source, found=found, remedy=_REMEDY)
    return cast("dict[str, object]", value)


def _events(text: str) -> "Iterator[yaml.Event]":
    parser = _LOADER(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    finally:
        parser.dispose()


def _build(events: "Iterator[yaml.Event]", *, source: str) -> object:
    """Put a document together.

    Raises:
        InvalidCardError: If it is not one document without aliases, of a bearable size.
    """
    documents = _Collector()
    open_collectors: list[_Collector] = [documents]
    for number, event in enumerate(events):
        found = None
        if isinstance(event, yaml.AliasEvent):
            found = "YAML with aliases (`*name`)"
        elif number > MAX_EVENTS:
            found = f"YAML of more than {MAX_EVENTS:,} pieces"
        elif len(open_collectors) > MAX_DEPTH:
            found = f"YAML nested more than {MAX_DEPTH} levels deep"
        if found is not None:
            raise InvalidCardError(source=source, found=found, remedy=_REMEDY)
        if isinstance(event, yaml.ScalarEvent):
            is_null = event.implicit[0] and event.value in _NULLS
            open_collectors[-1].add(None if is_null else event.value)
        elif isinstance(event, yaml.CollectionStartEvent):
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            open_collectors.append(_Collector(is_mapping=is_mapping))
        elif isinstance(event, yaml.CollectionEndEvent):
            finished = open_collectors.pop()
            open_collectors[-1].add(finished.finish())
    values = documents.items
    if len(values) != 1:
        found = f"YAML of {len(values)} documents"
        raise InvalidCardError(source=source, found=found, remedy=_REMEDY)
    return values[0]


class _Collector:
    """Gathers the values of one list or mapping."""

    def __init__(self, *, is_mapping: bool = False) -> None:
        self.items: list[object] = []
        self._is_mapping = is_mapping

    def add(self, value: object) -> None:
        self.items.append(value)

    def finish(self) -> object:
        if not self._is_mapping:
            return self.items
        pairs = zip(self.items[::2], self.items[1::2], strict=True)
        return {key if isinstance(key, str) else repr(key): value for key, value in pairs}
