import json
from collections.abc import Callable
from typing import Any

import pytest

from personas.cards.json_card import MAX_DEPTH, is_json, read_json
from personas.errors import InvalidCardError


def nested_list(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def refusal_of(call: Callable[[], object]) -> InvalidCardError:
    with pytest.raises(InvalidCardError) as caught:
        call()
    assert caught.value.source == "card.json"
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"a": "b"}', id="plain"),
        pytest.param(b'\xef\xbb\xbf{"a": "b"}', id="bom"),
        pytest.param(b'\r\n{\r\n\t"a":\r\n"b"}\r\n', id="crlf"),
        pytest.param('{"a": "b"}'.encode("utf-16"), id="utf-16"),
        pytest.param(b"\xfe\xff" + '{"a": "b"}'.encode("utf-16-be"), id="utf-16-big-endian"),
    ],
)
def test_json_is_read_with_any_mark_and_line_ending(data: bytes):
    assert is_json(data)
    assert read_json(data, source="card.json", notes=[]) == {"a": "b"}


def test_a_raw_line_break_inside_a_text_is_accepted():
    assert read_json(b'{"a": "b\r\nc"}', source="card.json", notes=[]) == {"a": "b\r\nc"}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(b'{"a": 1,\n "b"', "broken JSON", id="cut-off"),
        pytest.param(b'{"a": 1,\n x', "line 2, column 2", id="place"),
        pytest.param(b'{"a": "\xff"}', "not UTF-8 (byte 7)", id="latin-1"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", "a number that is too long", id="digits"),
        pytest.param(b"[" * 100_000, "nested", id="stack-unclosed"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested", id="stack"),
        pytest.param(json.dumps(nested_list(MAX_DEPTH + 1)).encode(), "nested", id="one-too-deep"),
    ],
)
def test_broken_json_is_refused(data: bytes, found: str):
    assert found in refusal_of(lambda: read_json(data, source="card.json", notes=[])).found


def test_the_deepest_nesting_allowed_is_read():
    value = nested_list(MAX_DEPTH)
    assert read_json(json.dumps(value).encode(), source="card.json", notes=[]) == value


@pytest.mark.parametrize("data", [b"", b"   ", b"name: Orrin", b"\x89PNG", b"null"])
def test_other_bytes_are_not_taken_for_json(data: bytes):
    assert not is_json(data)
