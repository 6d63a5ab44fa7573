"""What is left of a long reply when parts of it are deleted, one after the other."""

import itertools

import pytest

from bot.cogs.parts import split_shown
from bot.scenes.parts import cut_part
from bot.text import MESSAGE_LIMIT

WORDS = ("alpha", "bravo", "charlie")
TEXT = "\n\n".join(f"{word} " * 200 + "end." for word in WORDS)


def cut(text, part, count):
    return cut_part("Maren", text, part=part, count=count, split=split_shown)


def test_the_parts_are_those_of_the_messages():
    assert [part.split()[0] for part in split_shown("Maren", TEXT)] == list(WORDS)
    assert max(map(len, split_shown("Maren", "word " * 1000))) <= MESSAGE_LIMIT
    assert split_shown("Maren", "Hello.") == ["Hello."]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3), 2)))
def test_in_whatever_order_parts_go_the_last_is_left(order):
    parts = split_shown("Maren", TEXT)
    left, text = list(range(3)), TEXT
    for part in order:
        text = cut(text, left.index(part), len(left))
        left.remove(part)
        for other in range(3):
            assert (WORDS[other] in text) == (other in left)
    assert text == parts[left[0]]


def test_short_parts_that_would_fit_one_message_are_told_apart():
    text = cut(cut(TEXT, 0, 3), 0, 2)
    assert text == split_shown("Maren", TEXT)[2]
    short = "\n\n\n".join(["One.", "Two.", "Three."])
    assert cut(short, 1, 3) == "One.\n\n\nThree."


def test_of_a_text_that_is_no_longer_what_was_shown_something_sensible_goes():
    assert cut("Hello.", 1, 2) == "Hello."
    assert cut("Hello.", 0, 2) == ""
    assert cut(TEXT, 1, 3) == "\n\n\n".join(TEXT.split("\n\n")[::2])
