"""A prompt begins the same from message to message, until a block of turns is dropped."""

from dataclasses import replace
from itertools import pairwise

import pytest

from bot.prompting.budget import TokenBudget
from bot.prompting.formats.registry import FORMATS
from bot.prompting.prompt import OpenTurn, SegmentKind
from tests.prompting.making import (
    EXAMPLES,
    KINDS,
    PERSONA,
    build,
    count_more_in_whole,
    count_words,
    list_control,
    list_words,
    make_builder,
    make_script,
    make_turns,
    narrate,
    person_says,
    persona_says,
)


async def count_room(script, budget, format_name):
    """What is left for examples and turns: the budget less head, open turn and start token."""
    empty = make_script((), replace(PERSONA, example_dialogue=""), length_word=script.length_word)
    head = make_builder(format_name).render(empty)
    return budget.prompt_tokens - await count_words(head.text, whole=True)


async def count_history(prompt, head_and_open):
    return await count_words(prompt.text, whole=True) - head_and_open


class _Played:
    """A scene played turn by turn, its anchor stored from prompt to prompt."""

    def __init__(self, prompts, room):
        self.prompts = prompts
        self.room = room
        """For examples and turns, in tokens."""

    @classmethod
    async def play(cls, turns, budget, count_tokens, format_name):
        script = make_script((), PERSONA)
        room = await count_room(script, budget, format_name)
        prompts = []
        anchor = None
        for number in range(1, len(turns) + 1):
            script = make_script(turns[:number], PERSONA, anchor_turn_id=anchor)
            prompt = await build(script, budget, count_tokens, format_name)
            anchor = prompt.anchor_turn_id
            prompts.append(prompt)
        return cls(prompts, room)


def get_beginning(prompt, format_name, newest):
    """A prompt without its open turn."""
    open_turn = FORMATS[format_name].write_open_turn(OpenTurn(name="Mira"), newest)
    text = "".join(segment.text for segment in open_turn)
    assert prompt.text.endswith(text)
    return prompt.text.removesuffix(text)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("count_tokens", [count_words, count_more_in_whole])
@pytest.mark.parametrize("format_name", KINDS)
async def test_a_prompt_begins_the_same_until_a_block_is_dropped(format_name, count_tokens, seed):
    budget = TokenBudget(context_length=400, reply_tokens=60)
    turns = make_turns(150, seed=seed)
    played = await _Played.play(turns, budget, count_tokens, format_name)
    changes = 0
    for number, (earlier, later) in enumerate(pairwise(played.prompts)):
        begun, goes_on = (
            get_beginning(prompt, format_name, turn)
            for prompt, turn in zip((earlier, later), turns[number:], strict=False)
        )
        kept = goes_on.startswith(begun)
        trimmed = later.anchor_turn_id != earlier.anchor_turn_id
        assert kept is not trimmed
        changes += trimmed
    # A block is 40 % of the room, a turn at most 4 %: at least ten turns between two trims,
    # or a sixth of the room where the whole counts more than its pieces.
    assert 3 <= changes <= 150 // 6


@pytest.mark.parametrize("format_name", KINDS)
async def test_after_a_block_is_dropped_the_history_has_three_fifths_of_its_room(format_name):
    budget = TokenBudget(context_length=400, reply_tokens=60)
    played = await _Played.play(make_turns(150, seed=5), budget, count_words, format_name)
    head_and_open = budget.prompt_tokens - played.room
    # The first turn has words of its own in some formats, wherever the scene begins.
    slack = 0 if format_name in {"limarp", "alpaca", "chatml"} else 12
    trims = 0
    for earlier, later in pairwise(played.prompts):
        if later.anchor_turn_id != earlier.anchor_turn_id:
            trims += 1
            used = await count_history(later, head_and_open)
            # Not less than it must be either: one more turn has at most 20 words.
            assert played.room * 0.6 - 20 <= used <= played.room * 0.6 + slack
    assert trims >= 3


@pytest.mark.parametrize("format_name", KINDS)
async def test_examples_leave_at_the_first_trim_and_stay_away(format_name):
    budget = TokenBudget(context_length=400, reply_tokens=60)
    played = await _Played.play(make_turns(80, seed=6), budget, count_words, format_name)
    states = [set(list_words(prompt.text)) >= EXAMPLES for prompt in played.prompts]
    first = next(n for n, p in enumerate(played.prompts) if p.anchor_turn_id)
    assert all(states[:first])
    assert not any(EXAMPLES & set(list_words(prompt.text)) for prompt in played.prompts[first:])


@pytest.mark.parametrize("format_name", KINDS)
def test_the_head_is_the_same_whoever_writes_and_however_long_replies_are(format_name):
    opener = person_says("t1")
    first = make_builder(format_name).render(make_script([opener], PERSONA))
    later = make_builder(format_name).render(
        make_script(
            [opener, person_says("t2", name="Ann"), narrate("t3"), persona_says("t4")],
            PERSONA,
            length_word="long",
        )
    )
    beginning = get_beginning(first, format_name, opener)
    assert later.text.startswith(beginning)
    open_turn = FORMATS[format_name].write_open_turn(OpenTurn(name="Mira"), opener)
    markers = list_control(first)[: -sum(s.kind is SegmentKind.CONTROL for s in open_turn)]
    assert list_control(later)[: len(markers)] == markers


@pytest.mark.parametrize("format_name", ["llama2", "mistral_v7", "alpaca_single"])
async def test_the_first_turn_of_a_cut_prompt_begins_as_a_first_turn_does(format_name):
    turns = [*make_turns(20, seed=2), persona_says("t21", turn_id=21)]
    turns += [person_says("word " * 12 + f"t{n}", turn_id=n) for n in range(22, 40)]
    whole = make_script(turns, PERSONA)
    prompt = await build(
        whole, TokenBudget(context_length=400, reply_tokens=60), format_name=format_name
    )
    assert prompt.anchor_turn_id
    alone = make_script(turns[prompt.anchor_turn_id - 1 :], replace(PERSONA, example_dialogue=""))
    assert prompt.text == make_builder(format_name).render(alone).text
