"""The benchmark's prompts and names are held out, and its rules tell topics apart."""

# ruff: noqa: S311 (seeded text, nothing secret)

import re
from dataclasses import replace
from functools import cache
from random import Random

import pytest

from benchmarks.demo_model.judge import Asked, Reply, fits_topic, read_held_out
from tools.demo_model.grammar import load, load_words
from tools.demo_model.names import person_name, persona_name
from tools.demo_model.replies import Situation, compose
from tools.demo_model.worlds import BUNDLED_ITEMS, bundled_cast, random_cast

HELD_OUT = read_held_out()
TOPICS = HELD_OUT["topics"]
NAMES = {*HELD_OUT["plain_names"], *HELD_OUT["complex_names"], *HELD_OUT["people"]}


def _as_pattern(line: str) -> str:
    """A grammar line as a regular expression of the words it can say.

    What stands in a slot (a name, a dish) is not looked for: it never is a whole question.
    """
    text = re.sub(r"\{\w+\}", "~", line.lower())
    text = re.sub(r"[^\w'~\[\]| ]", "", text)
    return text.replace("[", "(?:").replace("]", ")")


def _words(text: str) -> str:
    return re.sub(r"[^\w' ]", "", text.lower()).strip()


def test_there_are_sixty_prompts() -> None:
    assert sum(len(topic["prompts"]) for topic in TOPICS.values()) == 60


def test_no_prompt_is_in_the_training_grammar() -> None:
    patterns = {_as_pattern(line) for part in load("people").values() for line in part[">"]}
    prompts = [prompt for topic in TOPICS.values() for prompt in topic["prompts"]]
    for prompt in prompts + HELD_OUT["who"][1:]:
        assert not [p for p in patterns if re.fullmatch(p, _words(prompt))], prompt


def test_no_name_is_in_the_training_text() -> None:
    rng = Random(1)
    drawn = {name for _ in range(20_000) for name in (persona_name(rng), person_name(rng))}
    assert not NAMES & drawn
    assert not NAMES & {*load_words()["plainname"], *load_words()["nickname"]}


@cache
def _answers(topic: str) -> list[Reply]:
    rng = Random(topic)
    casts = [bundled_cast(stem) for stem in BUNDLED_ITEMS] + [random_cast(rng) for _ in range(6)]
    return [
        Reply(
            asked=Asked(group="", persona=cast.name, person="Ana", text="", topic=topic),
            text=compose(cast, Situation(topic, "Ana"), "short", rng),
            ended=True,
        )
        for cast in casts
        for _ in range(10)
    ]


@pytest.mark.parametrize("topic", TOPICS)
def test_a_rule_takes_the_answers_of_its_topic_and_few_others(topic: str) -> None:
    own = _answers(topic)
    missed = [reply.text for reply in own if not fits_topic(reply, TOPICS)]
    assert len(missed) <= 0.05 * len(own), missed
    others = [
        fits_topic(replace(own[0], text=answer.text), TOPICS)
        for name in TOPICS
        if name != topic
        for answer in _answers(name)
    ]
    assert sum(others) / len(others) < 0.4
