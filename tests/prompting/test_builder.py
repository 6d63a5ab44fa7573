"""What is chosen for a prompt: it fits, and nothing is asked of it twice."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.generation.errors import ContextOverflowError
from bot.prompting.budget import TokenBudget
from bot.prompting.formats.lengths import get_token_limit
from tests.prompting.making import (
    EXAMPLES,
    KINDS,
    PERSONA,
    WHOLE_PERSONA,
    build,
    count_more_in_whole,
    count_words,
    find_turn_ids,
    list_words,
    make_builder,
    make_persona,
    make_script,
    make_turns,
    narrate,
    person_says,
    persona_says,
)

windows = st.integers(min_value=40, max_value=400)
scripts = st.builds(
    lambda count, seed, word, anchor: make_script(
        make_turns(count, seed=seed),
        PERSONA,
        length_word=word,
        anchor_turn_id=anchor if anchor and anchor <= count else None,
    ),
    st.integers(min_value=1, max_value=60),
    st.integers(min_value=0, max_value=10_000),
    st.sampled_from([None, "micro", "medium", "unlimited"]),
    st.integers(min_value=0, max_value=60),
)


@pytest.mark.parametrize("count_tokens", [count_words, count_more_in_whole])
@pytest.mark.parametrize("format_name", KINDS)
@settings(max_examples=50, deadline=None, derandomize=True)
@given(script=scripts, window=windows, reply=st.integers(min_value=1, max_value=300))
async def test_a_prompt_fits_with_persona_newest_turn_and_reply(
    script, window, reply, format_name, count_tokens
):
    budget = TokenBudget(context_length=window, reply_tokens=reply)
    try:
        prompt = await build(script, budget, count_tokens, format_name)
    except ContextOverflowError:
        newest = replace(
            script,
            turns=script.turns[-1:],
            persona=replace(PERSONA, example_dialogue=""),
        )
        text = make_builder(format_name).render(newest).text
        assert await count_tokens(text, whole=True) > budget.prompt_tokens
        return
    assert prompt.token_count is not None
    whole = await count_tokens(prompt.text, whole=True)
    # Where there is room to spare, the sum of the pieces will do.
    assert prompt.token_count == whole or prompt.token_count < 0.75 * (window - reply)
    assert whole <= budget.prompt_tokens
    assert 1 <= prompt.max_tokens <= reply
    assert whole + prompt.max_tokens <= window
    assert set(list_words(prompt.text)) >= WHOLE_PERSONA
    taken = find_turn_ids(prompt)
    assert taken[-1] == script.turns[-1].turn_id
    assert taken == list(range(taken[0], taken[-1] + 1))
    assert taken[0] >= (script.anchor_turn_id or 1)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(script=scripts, window=windows)
async def test_a_prompt_built_again_from_its_anchor_is_the_same(script, window):
    budget = TokenBudget(context_length=window, reply_tokens=40)
    try:
        first = await build(script, budget)
    except ContextOverflowError:
        return
    again = await build(replace(script, anchor_turn_id=first.anchor_turn_id), budget)
    assert again == first


@settings(max_examples=50, deadline=None, derandomize=True)
@given(script=scripts, window=windows)
async def test_an_anchor_is_given_exactly_when_turns_were_left_out(script, window):
    budget = TokenBudget(context_length=window, reply_tokens=40)
    try:
        prompt = await build(replace(script, anchor_turn_id=None), budget)
    except ContextOverflowError:
        return
    taken = find_turn_ids(prompt)
    assert prompt.anchor_turn_id == (taken[0] if taken[0] > 1 else None)


async def test_examples_leave_before_any_turn_does_where_that_is_enough():
    examples = "".join(f"{{{{char}}}}: {'word ' * 50}" for _ in range(2))
    script = make_script([person_says("t1", turn_id=1)], make_persona(example_dialogue=examples))
    budget = TokenBudget(context_length=120, reply_tokens=10)
    prompt = await build(script, budget)
    assert find_turn_ids(prompt) == [1]
    assert prompt.anchor_turn_id is None
    assert "word" not in prompt.text


async def test_examples_stay_away_once_there_is_an_anchor():
    turns = make_turns(3, seed=1)
    script = make_script(turns, PERSONA, anchor_turn_id=2)
    prompt = await build(script, TokenBudget(context_length=4000, reply_tokens=10))
    assert find_turn_ids(prompt) == [2, 3]
    assert not EXAMPLES & set(list_words(prompt.text))
    assert prompt.anchor_turn_id == 2


async def test_without_its_anchor_turn_a_scene_still_has_its_newest_turn():
    script = make_script(make_turns(3, seed=1), PERSONA, anchor_turn_id=99)
    prompt = await build(script, TokenBudget(context_length=4000, reply_tokens=10))
    assert find_turn_ids(prompt)[-1] == 3


@pytest.mark.parametrize("format_name", KINDS)
async def test_what_cannot_fit_is_refused_with_its_numbers(format_name):
    script = make_script([*make_turns(5, seed=1), person_says("word " * 500)], PERSONA)
    budget = TokenBudget(context_length=300, reply_tokens=60)
    with pytest.raises(ContextOverflowError) as caught:
        await build(script, budget, format_name=format_name)
    alone = make_script(script.turns[-1:], replace(PERSONA, example_dialogue=""))
    text = make_builder(format_name).render(alone).text
    assert caught.value.prompt_tokens == await count_words(text, whole=True) > 500
    assert caught.value.context_length == 300


async def test_a_persona_too_large_for_the_window_is_refused_and_not_cut():
    script = make_script([person_says("hi")], make_persona(description="word " * 400))
    with pytest.raises(ContextOverflowError):
        await build(script, TokenBudget(context_length=300, reply_tokens=60))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(50, 50, id="asked"),
        pytest.param(2048, None, id="what-the-prompt-leaves"),
    ],
)
async def test_a_reply_gets_what_was_asked_or_what_is_left(reply, expected):
    script = make_script([person_says("hi")], PERSONA)
    prompt = await build(script, TokenBudget(context_length=400, reply_tokens=reply))
    assert prompt.token_count is not None
    assert prompt.max_tokens == (expected or 400 - prompt.token_count)


async def test_the_whole_is_counted_once_to_decide():
    asked = []

    async def count(text, *, whole=False):
        asked.append((text, whole))
        return await count_words(text, whole=whole)

    script = make_script(make_turns(4, seed=1), PERSONA)
    size = await count_words(make_builder().render(script).text, whole=True)
    budget = TokenBudget(context_length=size + 20, reply_tokens=10)
    prompt = await build(script, budget, count)
    assert [text for text, whole in asked if whole] == [prompt.text]
    assert not any(prompt.text == text for text, whole in asked if not whole)


async def test_with_ample_room_only_the_pieces_are_counted():
    asked = []

    async def count(text, *, whole=False):
        asked.append(whole)
        return await count_words(text, whole=whole)

    script = make_script(make_turns(4, seed=1), PERSONA)
    prompt = await build(script, TokenBudget(context_length=1000, reply_tokens=10), count)
    assert not any(asked)
    assert prompt.token_count == await count_words(prompt.text, whole=True)


def test_what_is_rendered_without_counting_is_whole_and_uncounted():
    script = make_script(make_turns(40, seed=1), PERSONA, length_word="medium")
    prompt = make_builder().render(script)
    assert find_turn_ids(prompt) == list(range(1, 41))
    assert (prompt.token_count, prompt.anchor_turn_id) == (None, None)
    assert prompt.max_tokens == get_token_limit(None)


def test_names_follow_the_role_and_the_card_not_the_stored_name():
    turn = replace(persona_says("hi"), name="An older name")
    prompt = make_builder().render(make_script([turn], make_persona(nickname="Mimi")))
    assert "### Response:\nMimi: hi" in prompt.text
    assert "older" not in prompt.text


def test_stop_sequences_name_the_people_of_the_prompt_once():
    turns = [
        person_says("a", name="Ann"),
        persona_says("b"),
        narrate("c"),
        person_says("d", name="Ann"),
        person_says("e", name="Mira"),
    ]
    prompt = make_builder().render(make_script(turns, person="Zoë: 1"))
    names = [stop for stop in prompt.stop_sequences if stop.endswith(":")]
    assert names == ["\nZoë 1:", "\nAnn:", "\nMira (user):"]


async def test_people_whose_turns_were_dropped_stop_no_reply():
    old = [person_says("word " * 60, name="Gone", turn_id=1)]
    turns = [*old, *(person_says("word " * 40, name="Ann", turn_id=n) for n in range(2, 6))]
    prompt = await build(make_script(turns), TokenBudget(context_length=220, reply_tokens=20))
    assert prompt.anchor_turn_id
    assert [stop for stop in prompt.stop_sequences if stop.endswith(":")] == ["\nTomas:", "\nAnn:"]


def test_a_marked_person_bears_one_name_in_head_examples_and_turns():
    name = "Maximilian von Hohenzollern XI"
    dialogue = "{{user}}: e1\n{{char}}: e2"
    script = make_script(
        [person_says("t1", name=name)], make_persona(name, example_dialogue=dialogue), person=name
    )
    text = make_builder().render(script).text
    assert f"### Input:\n{name} (user): e1\n" in text
    assert f"### Response:\n{name}: e2\n" in text
    assert f"### Input:\n{name} (user): t1\n" in text
    assert f"a roleplaying chat with {name} (user) below" in text


def test_with_another_length_limarp_v2_has_another_head():
    texts = [
        make_builder("limarp_v2").render(make_script([person_says("t1")], length_word=word)).text
        for word in ("tiny", "long", None)
    ]
    assert [text.count("should respond with messages of") for text in texts] == [1, 1, 0]
    assert texts[0].replace(" tiny length", " long length") == texts[1]
