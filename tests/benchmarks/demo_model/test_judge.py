"""What counts as ended, repeated, spoken for the person, named and fitting."""

import pytest

from benchmarks.demo_model.judge import (
    Asked,
    Reply,
    fits_topic,
    mean_words,
    repeats_sentence,
    says_name,
    speaks_for_person,
)

ASKED = Asked(group="x", persona="D'Artagnan", person="Old Tobias", text="hi", topic="who")


def reply(text: str, length: str | None = "medium") -> Reply:
    asked = Asked(group="x", persona="Bob 2", person="Old Tobias", text="hi", length=length)
    return Reply(asked=asked, text=text, ended=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Hello, Old Tobias."', False),
        ('"Hello."\nOld Tobias: Hi there', True),
        ('"Hello."\n\n### Input:\nAna: Hi', True),
        ('"Old Tobias: a name like a barrel."', False),
    ],
)
def test_speaking_for_the_person(text: str, expected: bool) -> None:
    assert speaks_for_person(reply(text)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Tea? Tea, then. Sit."', False),
        ('"Sit down. It rains. Sit down."', True),
        ('*She nods.* "It rains." *She nods.* "Still."', True),
        ('"It rains."\n\n*She nods.* "it RAINS!"', False),
        ('"It rains." *She nods.* "It rains."', True),
        ('"Dry. Wet."', False),
    ],
)
def test_repeating_a_sentence(text: str, expected: bool) -> None:
    assert repeats_sentence(reply(text)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"I am Bob 2."', True),
        ('"I am Bob."', False),
        ('"I am Bob 22."', False),
        ('"I am bob 2."', False),
    ],
)
def test_the_name_is_right_to_the_letter(text: str, expected: bool) -> None:
    assert says_name(reply(text)) is expected


def test_a_rule_knows_the_names() -> None:
    rules = {"who": {"fits": "{char} and {user}"}}
    assert fits_topic(Reply(asked=ASKED, text="d'artagnan and Old Tobias", ended=True), rules)
    assert not fits_topic(Reply(asked=ASKED, text="Old Tobias", ended=True), rules)


def test_words_are_counted_by_length_word() -> None:
    replies = [reply("a b", "micro"), reply("a b c d", "micro"), reply("a", None)]
    assert mean_words(replies) == {"micro": 3.0, "none": 1.0}
