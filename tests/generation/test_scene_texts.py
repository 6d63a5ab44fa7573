"""Which former text a shortened prompt is found in."""

from hypothesis import given
from hypothesis import strategies as st

from bot.generation.engine import Endpoint
from bot.generation.scene_texts import SceneTexts

HERE, THERE = Endpoint(url="http://127.0.0.1:1"), Endpoint(url="http://127.0.0.1:2")
TURNS = [f"Noor: On day {day} nothing happened but rain, and more of it.\n" for day in range(9)]


@given(st.text(max_size=40), st.integers(1, 5))
def test_a_cut_is_found_wherever_it_is(head: str, dropped: int):
    texts = SceneTexts()
    former = head + "|" + "".join(TURNS)
    texts.keep(HERE, "a", former)
    assert texts.find_uncut(HERE, "a", head + "|" + "".join(TURNS[dropped:])) == former


def test_what_another_engine_held_is_forgotten():
    texts = SceneTexts()
    texts.keep(HERE, "a", "".join(TURNS))
    assert texts.find_uncut(THERE, "a", "".join(TURNS[2:])) is None
    texts.keep(THERE, "b", "".join(TURNS))
    assert texts.find_uncut(HERE, "a", "".join(TURNS[2:])) is None
    assert texts.find_uncut(THERE, "b", "".join(TURNS[2:])) is not None


def test_the_latest_scenes_are_remembered():
    texts = SceneTexts()
    for number in range(256):
        texts.keep(HERE, str(number), "".join(TURNS))
    texts.keep(HERE, "0", "".join(TURNS))
    texts.keep(HERE, "new", "".join(TURNS))
    assert texts.find_uncut(HERE, "1", "".join(TURNS[2:])) is None
    assert texts.find_uncut(HERE, "0", "".join(TURNS[2:])) is not None
