"""What the benchmark asks."""

from collections import Counter

from benchmarks.demo_model.judge import read_held_out
from benchmarks.demo_model.play import list_questions, make_personas

HELD_OUT = read_held_out()


def test_every_question_has_its_persona() -> None:
    personas = make_personas(HELD_OUT)
    assert {asked.persona for asked in list_questions(HELD_OUT)} == set(personas)


def test_how_much_is_asked() -> None:
    counts = Counter(asked.group for asked in list_questions(HELD_OUT))
    assert counts == {
        "who bundled": 60,
        "who plain": 100,
        "who complex": 100,
        "topic": 180,
        "first": 30,
        "length": 120,
    }
