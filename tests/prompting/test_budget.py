import pytest

from bot.prompting.budget import TokenBudget, TokenCounter


@pytest.mark.parametrize(
    ("context_length", "reply", "prompt"),
    [
        pytest.param(4096, 256, 3840, id="reply-reserved"),
        pytest.param(1024, 256, 768, id="a-quarter"),
        pytest.param(1024, 2048, 768, id="at-most-a-quarter"),
        pytest.param(1023, 2048, 768, id="rounded-for-the-prompt"),
        pytest.param(256, 1, 255, id="small"),
    ],
)
def test_the_replys_share_is_reserved_first(context_length, reply, prompt):
    budget = TokenBudget(context_length=context_length, reply_tokens=reply)
    assert budget.prompt_tokens == prompt


class _Engine:
    def __init__(self):
        self.asked = []

    async def count_tokens(self, text, *, whole=False):
        self.asked.append((text, whole))
        return len(text) + whole


async def test_a_piece_is_counted_once():
    engine = _Engine()
    count = TokenCounter(engine.count_tokens)
    assert [await count("abc"), await count("abc"), await count("ab")] == [3, 3, 2]
    assert engine.asked == [("abc", False), ("ab", False)]


async def test_a_whole_prompt_is_counted_anew_and_is_no_piece():
    engine = _Engine()
    count = TokenCounter(engine.count_tokens)
    results = [await count("abc"), await count("abc", whole=True), await count("abc", whole=True)]
    assert [*results, await count("abc")] == [3, 4, 4, 3]
    assert engine.asked == [("abc", False), ("abc", True), ("abc", True)]


async def test_what_was_counted_longest_ago_is_forgotten_first():
    engine = _Engine()
    count = TokenCounter(engine.count_tokens)
    for number in range(4096):
        await count(str(number))
    await count("0")  # used again: "1" is now the oldest
    await count("new")
    asked = len(engine.asked)
    await count("0")
    await count("2")
    assert len(engine.asked) == asked
    await count("1")
    assert len(engine.asked) == asked + 1


async def test_a_failed_count_is_not_remembered():
    failing = True

    async def count_tokens(text, *, whole=False):
        if failing:
            raise ConnectionError
        return len(text)

    count = TokenCounter(count_tokens)
    with pytest.raises(ConnectionError):
        await count("abc")
    failing = False
    assert await count("abc") == 3
