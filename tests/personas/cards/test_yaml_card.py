import time

import pytest

from personas.cards.json_card import MAX_DEPTH
from personas.cards.yaml_card import MAX_YAML_BYTES, is_yaml, read_yaml
from personas.errors import InvalidCardError


def read(data: bytes) -> object:
    return read_yaml(data, source="card.yaml", notes=[])


def refusal_of(data: bytes) -> InvalidCardError:
    with pytest.raises(InvalidCardError) as caught:
        read(data)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        pytest.param(b"name: Orrin\ncontext: x\n", {"name": "Orrin", "context": "x"}, id="plain"),
        pytest.param(b"\xef\xbb\xbfname: Orrin\r\n", {"name": "Orrin"}, id="bom-and-crlf"),
        pytest.param(b"---\nname: Orrin\n...\n", {"name": "Orrin"}, id="document-marks"),
        pytest.param(b"context: |-\n  a\n\n  b\n", {"context": "a\n\nb"}, id="block"),
        pytest.param(b"<|bot|>: Orrin\n", {"<|bot|>": "Orrin"}, id="key-with-bars"),
        pytest.param(b"name: No\nyear: 1984\n", {"name": "No", "year": "1984"}, id="words-stay"),
        pytest.param(
            b"a: null\nb: ~\nc:\nd: ''\n", {"a": None, "b": None, "c": None, "d": ""}, id="nulls"
        ),
        pytest.param(b"tags: [a, b]\nx:\n- c\n", {"tags": ["a", "b"], "x": ["c"]}, id="lists"),
        pytest.param(b"a: !!python/object:os.x b\n", {"a": "b"}, id="a-tag-makes-nothing"),
        pytest.param(b"a: {}\n? [b]\n: c\n", {"a": {}, "['b']": "c"}, id="odd-key"),
    ],
)
def test_yaml_is_read_and_its_words_stay_text(data: bytes, value: object):
    assert is_yaml(data)
    assert read(data) == value


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(b"a: &x [1]\nb: *x\n", "aliases", id="alias"),
        pytest.param(b"a: " + b"[" * (MAX_DEPTH + 1), "nested", id="deep"),
        pytest.param(b"a: " + b"[" * 100_000, "nested", id="very-deep"),
        pytest.param(b"a: " + b"{a: " * 100_000, "nested", id="very-deep-mappings"),
        pytest.param(b"a:\n" + b"- x\n" * 60_000, "pieces", id="many-pieces"),
        pytest.param(b"a: 1\n---\nb: 2\n", "2 documents", id="two-documents"),
        pytest.param(b"a: b: c\n", "line 1, column", id="broken"),
        pytest.param(b"a: \x01\n", "neither JSON nor YAML", id="forbidden-character"),
        pytest.param(b"a: \xff\n", "not UTF-8 (byte 3)", id="latin-1"),
        pytest.param(b"- a: 1\n", "nor a card in YAML", id="list"),
        pytest.param(b"a: " + b"x" * MAX_YAML_BYTES, "more than 1 MiB", id="large"),
    ],
)
def test_what_is_not_one_bearable_document_is_refused(data: bytes, found: str):
    began = time.process_time()
    assert found in refusal_of(data).found
    assert time.process_time() - began < 2


def test_a_billion_laughs_are_not_laughed():
    lines = [b"a0: &a0 [lol]"]
    lines += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 10)]
    assert "aliases" in refusal_of(b"\n".join(lines)).found


@pytest.mark.parametrize("data", [b"You are Orrin.", b"\x89PNG\r\n", b"", b"http://x", b"\0a: b"])
def test_other_bytes_are_not_taken_for_yaml(data: bytes):
    assert not is_yaml(data)
