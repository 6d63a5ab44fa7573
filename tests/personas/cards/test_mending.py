"""Commas that hand-made JSON has too many or too few of."""

import json
import time

import pytest

from personas.cards.json_card import MAX_BRACKETS, MAX_COMMAS, MAX_JSON_BYTES, read_json
from personas.errors import InvalidCardError

MENDED = ["the JSON had commas missing or too many; it is read all the same"]


def read(text: str) -> tuple[object, list[str]]:
    notes: list[str] = []
    return read_json(text.encode(), source="card.json", notes=notes), notes


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param('{"a": "x"\n"b": "y"}', {"a": "x", "b": "y"}, id="missing"),
        pytest.param('{"a": "x"\r\n\t"b": {}\n"c": 1}', {"a": "x", "b": {}, "c": 1}, id="several"),
        pytest.param('{"a": [1, 2,], }', {"a": [1, 2]}, id="too-many"),
        pytest.param('{"a": "x,}\\" "\n"b": 1,\n}', {"a": 'x,}" ', "b": 1}, id="not-in-texts"),
        pytest.param('{"a": true\n"b": null}', {"a": True, "b": None}, id="after-words"),
    ],
)
def test_commas_are_mended_with_a_note(text: str, value: object):
    assert read(text) == (value, MENDED)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        pytest.param('{"a": "x" "b": 1}', "column 11", id="on-one-line"),
        pytest.param('{"a": 1\n"b" 2}', "line 2, column 1", id="broken-otherwise"),
        pytest.param('{"a": "x', "line 1", id="cut-off"),
    ],
)
def test_other_damage_is_refused_with_its_place(text: str, where: str):
    with pytest.raises(InvalidCardError, match="broken JSON") as caught:
        read(text)
    assert where in caught.value.found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"' + '\\"' * 400_000, id="a-text-that-never-ends"),
        pytest.param('{"a' * 200_000, id="many-texts"),
        pytest.param("{,}" * 200_000, id="many-commas"),
        pytest.param("{" + "\\" * 900_000, id="backslashes"),
        pytest.param('{"a"\n' * 150_000, id="many-lines"),
    ],
)
def test_mending_takes_no_long_time(text: str):
    began = time.process_time()
    with pytest.raises(InvalidCardError):
        read(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("[" + "[]," * MAX_BRACKETS + "1]", "more pieces", id="brackets"),
        pytest.param("[" + "1," * MAX_COMMAS + "1,1]", "more pieces", id="commas"),
        pytest.param('"' + "x" * MAX_JSON_BYTES, "more than 16 MiB", id="bytes"),
    ],
)
def test_what_would_take_much_memory_is_refused_unparsed(text: str, found: str):
    with pytest.raises(InvalidCardError, match=found):
        read(text)


def test_numbers_that_cannot_be_written_again_are_null():
    value, _ = read('{"a": NaN, "b": -Infinity, "c": 1e999, "d": 1.5}')
    assert value == {"a": None, "b": None, "c": None, "d": 1.5}
    json.dumps(value, allow_nan=False)
