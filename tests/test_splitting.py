import itertools
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.splitting import split_message, split_parts
from bot.text import MESSAGE_LIMIT
from tests.markdown_texts import ATOMS, FAMILY, FLAG, documents, find_loose_marks

WAVE = "👋🏽"

prose = st.lists(
    st.sampled_from([*"abc .!?…\n\n\t「。！」*\"'’”", FAMILY, WAVE, FLAG, "é", "\u3000"]),
    max_size=150,
).map("".join)
limits = st.integers(min_value=1, max_value=60)
repairing_limits = st.integers(min_value=100, max_value=160)
properties = settings(max_examples=100, deadline=None, derandomize=True)

MARKS = ["*", "**", "_", "__", "***", "~~", "||", "`", "``", "```", "```py\n", "\n> ", "\n>>> "]
HALVES = [
    "[a",
    "](",
    ")",
    "<@1",
    "<a:b:",
    ">",
    "https://",
    "\\",
    "\n- ",
    "\n1. ",
    "\n\n",
    "\n",
    " ",
]
hostile = st.lists(
    st.sampled_from([*MARKS, *HALVES, "a", "word ", "x" * 40, " " * 30, "."]), max_size=80
).map("".join)


def without_white_space(text):
    return "".join(text.split())


def assert_nothing_is_lost(text, parts):
    """Each body is a stretch of the text, in order, with only white space between."""
    position = 0
    for part in parts:
        start = text.index(part.body, position)
        assert not text[position:start].strip()
        position = start + len(part.body)
    assert not text[position:].strip()


@properties
@given(text=prose, limit=limits)
def test_no_part_is_over_the_limit_or_blank_or_loses_anything_but_white_space(text, limit):
    parts = split_message(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert all(part == part.strip() for part in parts)
    assert without_white_space("".join(parts)) == without_white_space(text)


@properties
@given(text=st.one_of(documents, hostile), limit=repairing_limits)
def test_without_what_was_added_the_parts_are_the_text(text, limit):
    parts = split_parts(text, limit)
    assert_nothing_is_lost(text, parts)
    assert all(0 < len(part.text) <= limit for part in parts)
    assert all(part.body.strip() for part in parts)


@properties
@given(text=documents, limit=repairing_limits)
def test_what_is_added_at_a_cut_is_as_much_as_what_is_open(text, limit):
    parts = split_parts(text, limit)
    assert parts[0].opened == ""
    assert parts[-1].closed == ""
    for part, following in itertools.pairwise(parts):
        marks = re.sub(r"[^*_~|`]", "", part.closed)
        assert marks[::-1] == re.sub(r"[^*_~|`]", "", following.opened)


@properties
@given(text=documents, limit=repairing_limits)
def test_each_part_of_a_whole_text_is_whole_by_itself(text, limit):
    assert find_loose_marks(text) == []
    for part in split_message(text, limit):
        assert find_loose_marks(part) == [], part


@properties
@given(text=documents, limit=repairing_limits)
def test_what_belongs_together_is_in_one_part(text, limit):
    parts = split_message(text, limit)
    for atom in ATOMS:
        assert sum(part.count(atom) for part in parts) == text.count(atom)
    starts = [part.lstrip(">*_~|` ") for part in parts]
    assert not any(start.startswith(("\u200d", "\ufe0f", "🏽")) for start in starts)
    assert not any(re.search(r"\n(> )?-$", part) for part in parts)


@properties
@given(text=prose, limit=limits)
@example(text="a" * 30 + " " * 30 + "b" * 30, limit=20)
def test_parts_that_were_cut_stay_while_the_text_grows(text, limit):
    assert_cuts_stay(text, limit)


@properties
@given(text=st.one_of(documents, hostile), limit=repairing_limits)
@example(text="a " * 40 + "```py\nx = 1\n" + "y" * 6 + "\n```" + " z" * 40, limit=100)
@example(text="*a " * 20 + "b* " * 20 + "\n\n" + "*c" * 30, limit=100)
def test_repaired_parts_stay_while_the_text_grows(text, limit):
    assert_cuts_stay(text, limit)


def assert_cuts_stay(text, limit):
    earlier = []
    for end in range(0, len(text) + 1, 1 + len(text) // 150):
        parts = split_message(text[:end], limit)
        assert parts[: len(earlier)] == earlier
        earlier = parts[:-1]


@pytest.mark.parametrize(
    "piece",
    [
        *["*", "*a ", "*a", "a* ", "**a *b _c ", "||a ", "`", "`a ", "`a ``b ", "```a\n", "\\ "],
        *["[", "[a](", "[a](x ", "https://a.", "<@1", "\n *a", "> a\n", "- \n", ">>> > *"],
        *["\u0301", "🇳"],
    ],
)
def test_a_hostile_text_takes_linear_time(piece):
    def measure(length):
        text = (piece * length)[:length]
        started = time.process_time()
        split_message(text)
        return time.process_time() - started

    quarter = min(measure(25_000) for _ in range(2))
    assert measure(100_000) < 12 * quarter + 0.2


def repeat(text, times):
    return " ".join([text] * times)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param(
            f"*She {repeat('walks', 20)}.*",
            [f"*She {repeat('walks', 15)}*", f"*{repeat('walks', 5)}.*"],
            id="italic",
        ),
        pytest.param(
            f"**one _two {repeat('three', 20)}_**",
            [f"**one _two {repeat('three', 14)}_**", f"**_{repeat('three', 6)}_**"],
            id="nested",
        ),
        pytest.param(
            f"> {repeat('quote', 20)}\nplain",
            [f"> {repeat('quote', 16)}", f"> {repeat('quote', 4)}\nplain"],
            id="quote",
        ),
        pytest.param(
            f">>> {repeat('quote', 8)}\n\n{repeat('quote', 12)}",
            [f">>> {repeat('quote', 8)}", f">>> {repeat('quote', 12)}"],
            id="quote-of-all",
        ),
        pytest.param(
            "```py\n" + "\n".join(["    x = 1;"] * 10) + "\n```",
            ["```py\n" + "\n".join(["    x = 1;"] * n) + "\n```" for n in (8, 2)],
            id="fence",
        ),
        pytest.param(
            f"||{repeat('one', 10)}\n\n{repeat('two', 5)}|| {repeat('three', 10)}",
            [f"||{repeat('one', 10)}||", f"||{repeat('two', 5)}|| {repeat('three', 10)}"],
            id="spoiler-over-paragraphs",
        ),
        pytest.param(
            f"{repeat('see', 20)} [the old map](https://example.org/map)",
            [repeat("see", 20), "[the old map](https://example.org/map)"],
            id="link",
        ),
        pytest.param(
            f"*never closed {repeat('one', 18)}\n\n{repeat('two', 20)}",
            [f"*never closed {repeat('one', 18)}", repeat("two", 20)],
            id="an-asterisk-that-never-closes-is-text",
        ),
        pytest.param(
            f"{repeat('one', 25)} - {repeat('two', 4)}",
            [repeat("one", 24), f"one - {repeat('two', 4)}"],
            id="a-dash-does-not-become-a-list",
        ),
        pytest.param("```py\nx = 1", ["```py\nx = 1\n```"], id="code-that-still-grows"),
        pytest.param("*She nods", ["*She nods"], id="what-is-not-cut-stays-as-it-is"),
    ],
)
def test_open_markup_is_closed_at_a_cut_and_opened_again(text, parts):
    assert split_message(text, 100) == parts


def test_an_action_that_never_closes_is_not_reopened_for_ever():
    text = "*She " + "walks and talks. " * 12 + "\n\n" + '"Hello there," she says. ' * 20
    parts = split_parts(text, 100)
    spoken = [part for part in parts if '"' in part.body]
    assert len(spoken) > 3
    assert all(part.opened == part.closed == "" for part in spoken)


def test_a_link_that_no_message_can_hold_is_cut_like_a_word():
    link = "https://example.org/" + "a" * 3000
    parts = split_message(f"See {link}")
    assert without_white_space("".join(parts)) == without_white_space(f"See {link}")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("", [], id="empty"),
        pytest.param(" \n ", [], id="blank"),
        pytest.param("  short \n", ["short"], id="short"),
        pytest.param("a" * 20, ["a" * 20], id="exactly-the-limit"),
        pytest.param("one. two\n\nthree. four", ["one. two", "three. four"], id="paragraph"),
        pytest.param("one. two\n \t\nthree. four", ["one. two", "three. four"], id="blank-line"),
        pytest.param("one two. aa\nthree. four", ["one two. aa", "three. four"], id="line"),
        pytest.param("one two. three four five", ["one two.", "three four five"], id="sentence"),
        pytest.param('"one two!"  *three four*', ['"one two!"', "*three four*"], id="after-quotes"),
        pytest.param("one two three four five", ["one two three four", "five"], id="word"),
        pytest.param(
            "一二三四五六七。八九十一二三四五六七八九十",
            ["一二三四五六七。", "八九十一二三四五六七八九十"],
            id="without-blanks",
        ),
        pytest.param("a. " + "b" * 25, ["a. " + "b" * 17, "b" * 8], id="not-a-tiny-part"),
        pytest.param("f(x);" * 5, ["f(x);" * 4, "f(x);"], id="code-without-blanks"),
        pytest.param("x" * 19 + "e\u0301y", ["x" * 19, "e\u0301y"], id="accent"),
        pytest.param("x" * 19 + WAVE, ["x" * 19, WAVE], id="skin-tone"),
        pytest.param("x" * 15 + FAMILY, ["x" * 15, FAMILY], id="family"),
        pytest.param("x" * 19 + "❤\ufe0f", ["x" * 19, "❤\ufe0f"], id="variation"),
        pytest.param("a" + "\u0301" * 30, ["a" + "\u0301" * 19, "\u0301" * 11], id="all-accents"),
    ],
)
def test_a_text_is_cut_at_the_best_border(text, parts):
    assert split_message(text, 20) == parts


def test_a_word_of_2001_characters_is_two_parts():
    assert MESSAGE_LIMIT == 2000
    assert split_message("x" * 2001) == ["x" * 2000, "x"]
