import json
from collections.abc import AsyncIterator, Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.generation.streaming import StopScanner, read_events

EVENTS = [
    {"content": "She said “no” 😀", "stop": False},
    {"content": "日本語\n\n", "stop": False},
    {"content": "", "stop": True, "prompt": "a: b\n" * 40},
]
STREAM = (
    b": a comment\n"
    + b"".join(b"data: " + json.dumps(e, ensure_ascii=False).encode() + b"\n\n" for e in EVENTS)
    + b"event: done\r\ndata: [DONE]\r\n\r\n"
)


async def collect(pieces: Iterable[bytes]) -> list[dict[str, object]]:
    async def arrive() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return [event async for event in read_events(arrive())]


async def test_events_are_whole_wherever_the_network_splits_them():
    for at in range(len(STREAM) + 1):
        assert await collect([STREAM[:at], STREAM[at:]]) == EVENTS


async def test_events_are_whole_when_every_byte_comes_alone():
    assert await collect(STREAM[at : at + 1] for at in range(len(STREAM))) == EVENTS


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\n\n\n", [], id="empty lines"),
        pytest.param(b": ping\n: ping\n\n", [], id="comments only"),
        pytest.param(b"data: [DONE]\n\n", [], id="done"),
        pytest.param(b"id: 3\nretry: 10\n\n", [], id="other fields"),
        pytest.param(b'data:{"a":1}\n\n', [{"a": 1}], id="no space after the colon"),
        pytest.param(b'data: {"a":1}', [{"a": 1}], id="no line feed at the end"),
        pytest.param(b'data: {"a":1}\r\n\r\n', [{"a": 1}], id="carriage returns"),
        pytest.param(b'data: {"a":1}\ndata: {"b":2}\n', [{"a": 1}, {"b": 2}], id="no empty line"),
        pytest.param(
            b'error: {"code":500,"message":"x"}\n\n',
            [{"error": {"code": 500, "message": "x"}}],
            id="the error field of older servers",
        ),
        pytest.param(
            b'error: {"error":{"code":500}}\n\n', [{"error": {"code": 500}}], id="wrapped already"
        ),
    ],
)
async def test_stream(stream: bytes, expected: list[dict[str, object]]):
    assert await collect([stream]) == expected


@pytest.mark.parametrize(
    "stream",
    [b"data: [1, 2]\n", b'data: "text"\n', b"data: 3\n", b"data: {\n", b'data: {"a": "\xff"}\n'],
)
async def test_an_event_that_is_no_object_is_an_error(stream: bytes):
    with pytest.raises(ValueError):  # noqa: PT011 - json's own messages
        await collect([stream])


HEADERS = ("\n### Input", "\n### Response", "\nSam:")


@pytest.mark.parametrize(
    ("pieces", "stops", "shown", "stopped"),
    [
        pytest.param([], HEADERS, "", False, id="nothing"),
        pytest.param(["Hello."], (), "Hello.", False, id="no stops"),
        pytest.param(["Hello."], ("",), "Hello.", False, id="an empty stop is none"),
        pytest.param(["Hi.\n### Input:\nx"], HEADERS, "Hi.", True, id="in one piece"),
        pytest.param(["Hi.", "\n", "##", "# In", "put"], HEADERS, "Hi.", True, id="in pieces"),
        pytest.param(["Hi.\n### Other"], HEADERS, "Hi.\n### Other", False, id="nearly"),
        pytest.param(["Hi.\n###"], HEADERS, "Hi.\n###", False, id="half of one at the end"),
        pytest.param(["Hi ### Input"], HEADERS, "Hi ### Input", False, id="not after a line feed"),
        pytest.param(["### Input:\nx"], HEADERS, "", True, id="at the very start"),
        pytest.param(["##", "# Input"], HEADERS, "", True, id="at the very start, in pieces"),
        pytest.param([" \n", "\n", "Sam:"], HEADERS, "", True, id="after white space"),
        pytest.param(["Sam", "ple"], HEADERS, "Sample", False, id="a start that goes on"),
        pytest.param(["  \n Hello. "], HEADERS, "Hello. ", False, id="white space before"),
        pytest.param([" ", "\n", "\t"], HEADERS, "", False, id="only white space"),
        pytest.param(["A\n\nB"], ("\n\n",), "A", True, id="an empty line"),
        pytest.param(["\n\nA", "\nB"], ("\n",), "A", True, id="a bare line feed"),
        pytest.param(["A", "\nB"], ("\n", "\nB"), "A", True, id="a bare line feed and more"),
        pytest.param(["aaab"], ("aab",), "a", True, id="begins twice"),
        pytest.param(["a", "b", "c", "d"], ("abcd", "bc"), "a", True, id="overlapping, in pieces"),
        pytest.param(["abcd"], ("abcd", "bc"), "a", True, id="overlapping, in one piece"),
        pytest.param(["x😀", "y"], ("😀y",), "x", True, id="emoji"),
        pytest.param(["A\nSam:", " more"], HEADERS, "A", True, id="text after it is dropped"),
    ],
)
def test_scanner(pieces: list[str], stops: Sequence[str], shown: str, stopped: bool):
    scanner = StopScanner(stops)
    assert "".join([*map(scanner.feed, pieces), scanner.flush()]) == shown
    assert scanner.stopped is stopped


def test_text_that_cannot_be_a_stop_is_not_held_back():
    scanner = StopScanner(HEADERS)
    assert scanner.feed("Hello,") == "Hello,"
    assert scanner.feed(" dear\n") == " dear"
    assert scanner.feed("friend") == "\nfriend"


def cut(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """What a reader may see of a text: letter by letter until a stop sequence is complete."""
    text = text.lstrip()
    whole = "\n" + text if text else ""
    for end in range(len(whole) + 1):
        complete = [s for s in stops if whole[:end].endswith(s) and (s != "\n" or end > 1)]
        if complete:
            return whole[1 : max(1, end - max(map(len, complete)))], True
    return text, False


letters = st.text("ab#\n :😀", max_size=12)
some_stops = st.lists(st.text("ab#\n :😀", min_size=1, max_size=4), max_size=4)


@settings(deadline=None, derandomize=True, max_examples=500)
@given(pieces=st.lists(letters, max_size=6), stops=some_stops)
def test_every_split_shows_the_same_text(pieces: list[str], stops: list[str]):
    scanner = StopScanner(stops)
    shown = "".join([*map(scanner.feed, pieces), scanner.flush()])
    assert (shown, scanner.stopped) == cut("".join(pieces), stops)


@settings(deadline=None, derandomize=True, max_examples=500)
@given(pieces=st.lists(letters, max_size=6), stops=some_stops)
def test_nothing_is_shown_that_may_yet_be_part_of_a_stop(pieces: list[str], stops: list[str]):
    scanner = StopScanner(stops)
    text = shown = ""
    for piece in pieces:
        text += piece
        shown += scanner.feed(piece)
        for stop in stops:
            for size in range(len(stop)):
                if ("\n" + text.lstrip()).endswith(stop[:size]):
                    assert cut(text + stop[size:], stops)[0].startswith(shown)
