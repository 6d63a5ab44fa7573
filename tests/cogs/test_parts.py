import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cogs.parts import find_rest, put_heading
from bot.splitting import split_message
from bot.text import MESSAGE_LIMIT

WORDS = st.lists(st.text("abcdef.", min_size=1, max_size=9), min_size=1, max_size=900)


@given(words=WORDS, share=st.floats(0, 1))
def test_what_is_shown_and_what_is_left_are_the_whole_reply(words, share):
    text = " ".join(words)
    shown = split_message(text[: int(len(text) * share)])
    rest = find_rest(split_message(text), shown)
    assert rest is not None
    assert "".join([*shown, *rest]).replace(" ", "") == text.replace(" ", "")


def test_a_part_that_grows_is_gone_on_with():
    assert find_rest(["One. Two. Three."], ["One. Two."]) == ["Three."]


def test_further_parts_follow_whole():
    assert find_rest(["One.", "Two.", "Three."], ["One."]) == ["Two.", "Three."]
    assert find_rest(["One.", "Two. More.", "Three."], ["One.", "Two."]) == ["More.", "Three."]


def test_nothing_is_left_when_all_is_shown():
    assert find_rest(["One."], ["One."]) == []


def test_a_tail_that_was_tidied_away_leaves_nothing():
    assert find_rest(["One."], ["One. And th"]) == []


def test_a_closed_mark_is_no_word():
    assert find_rest(["**One two** three"], ["**One**"]) == ["two** three"]


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        (["Another reply altogether."], ["One. Two."]),
        (["One."], ["One.", "Two."]),
        (["One. More.", "Two."], ["One.", "Two."]),
    ],
)
def test_what_is_shown_must_be_the_beginning(parts, shown):
    assert find_rest(parts, shown) is None


def test_a_heading_stands_over_the_first_message_and_never_makes_it_too_long():
    assert put_heading("**Maren**\n", ["One.", "Two."]) == ["**Maren**\nOne.", "Two."]
    assert put_heading("**Maren**\n", []) == []
    texts = put_heading("**Maren**\n", ["word " * 400])
    assert len(texts) == 2
    assert all(len(text) <= MESSAGE_LIMIT for text in texts)
