"""Which tokens count as new, and what the ratio is of."""

from dataclasses import replace

import pytest

from benchmarks.engine.reuse import TurnCost, count_new, divide_tokens, mean_first_text
from bot.generation.types import FinishReason, Timings
from bot.scenes.performer import Reply

COST = TurnCost(
    scene="a", evaluated=10, cached=90, new=10, cut=False, full=True, first_text_seconds=1.0
)
BEFORE = "head Ana: hi | Bo:"
TAIL = " | Ana: and? | Bo:"


async def count_characters(text: str, *, whole: bool = False) -> int:
    """A tokenizer for which every character is a token, with a start token."""
    return len(text) + whole


def reply(text: str, *, reply_tokens: int) -> Reply:
    timings = Timings(prompt_tokens=1, cached_tokens=0, reply_tokens=reply_tokens, seconds=1.0)
    return Reply(text=text, finish_reason=FinishReason.STOP, timings=timings)


async def test_everything_is_new_at_first():
    assert await count_new(count_characters, BEFORE, tail="", reply=None) == len(BEFORE) + 1


async def test_a_reply_that_was_written_to_its_end_is_not_new():
    prompt = f"{BEFORE} Yes.{TAIL}"
    ended = reply("Yes.", reply_tokens=len(" Yes.") + 1)  # the end token
    assert await count_new(count_characters, prompt, tail=TAIL, reply=ended) == len(TAIL)


async def test_the_last_token_of_a_reply_that_was_cut_is_new():
    prompt = f"{BEFORE} Yes.{TAIL}"
    cut = reply("Yes.", reply_tokens=len(" Yes."))
    assert await count_new(count_characters, prompt, tail=TAIL, reply=cut) == len(TAIL) + 1


async def test_what_was_written_and_tidied_away_changes_nothing():
    prompt = f"{BEFORE} Yes.{TAIL}"
    tidied = reply("Yes.", reply_tokens=30)
    assert await count_new(count_characters, prompt, tail=TAIL, reply=tidied) == len(TAIL)


async def test_a_history_that_was_cut_makes_nothing_new():
    prompt = f"head | Bo: Yes.{TAIL}"
    ended = reply("Yes.", reply_tokens=len(" Yes.") + 1)
    assert await count_new(count_characters, prompt, tail=TAIL, reply=ended) == len(TAIL)


async def test_no_reply_is_no_text():
    prompt, tail = f"{BEFORE[:-4]}{TAIL}", TAIL.removeprefix(" | ")
    empty = reply("", reply_tokens=1)
    assert await count_new(count_characters, prompt, tail=tail, reply=empty) == len(tail)


async def test_another_end_is_refused():
    with pytest.raises(ValueError, match="does not end"):
        await count_new(count_characters, BEFORE, tail=TAIL, reply=reply("x", reply_tokens=2))


def test_a_ratio_is_of_sums():
    costs = [COST, replace(COST, evaluated=50, new=30)]
    assert divide_tokens(costs) == 1.5
    assert divide_tokens(cost for cost in costs) == 1.5


def test_seconds_are_a_mean():
    assert mean_first_text([COST, replace(COST, first_text_seconds=2.0)]) == 1.5
