"""A completion's events, from a model that says what it is told to."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from bot.generation.workers.completion import Completion
from bot.generation.workers.vocabulary import Vocabulary

END, START = 2, 1
VOCABULARY = Vocabulary(
    pieces=(b"", b"", b"", *(bytes([byte]) for byte in range(256))),
    specials={"<s>": START, "</s>": END},
    bytes_at={byte: byte + 3 for byte in range(256)},
    start=START,
    ends=frozenset({END}),
)
"""A token for each byte: every character that is no ASCII comes in parts."""


class Parrot:
    """Says one text, whatever it is asked; a batch is two tokens."""

    vocabulary = VOCABULARY

    def __init__(self, says: str, *, window: int = 400, kept: int = 0) -> None:
        self.context_length = window
        self.says = [*(byte + 3 for byte in says.encode()), END]
        self.state: list[int] = []
        self.kept = kept

    @property
    def logits(self) -> np.ndarray:
        logits = np.zeros(len(VOCABULARY.pieces), np.float32)
        logits[self.says[0]] = 50
        return logits

    def evaluate(self, tokens: Sequence[int]) -> Iterator[int]:
        self.state = list(tokens[: self.kept])
        yield self.kept
        for begin in range(self.kept, len(tokens), 2):
            self.state += tokens[begin : begin + 2]
            yield len(self.state)

    def append(self, token: int) -> None:
        assert len(self.state) < self.context_length
        assert token == self.says.pop(0)
        self.state.append(token)


class Dice(Parrot):
    """Finds every token as likely as any other."""

    @property
    def logits(self) -> np.ndarray:
        return np.zeros(len(VOCABULARY.pieces), np.float32)

    def append(self, token: int) -> None:
        self.state.append(token)


def complete(parrot: Parrot, prompt: int = 5, **body: Any) -> list[dict[str, Any]]:
    return list(Completion(parrot, list(range(3, 3 + prompt)), body).events())


def join(events: list[dict[str, Any]]) -> str:
    return "".join(event["content"] for event in events)


@pytest.mark.parametrize(
    "text", ["“Stay.”", "And then…", "Well met 😀", "こんにちは。", "é", "👨‍👩‍👧‍👦", "a\u200b"]
)
def test_a_reply_is_whole_whatever_it_ends_in(text: str):
    events = complete(Parrot(text))
    assert join(events) == text
    assert events[-1]["stop_type"] == "eos"


def test_half_a_character_at_the_limit_is_marked():
    events = complete(Parrot("ab😀"), n_predict=4)
    assert join(events) == "ab\ufffd"
    assert events[-1]["stop_type"] == "limit"


def test_the_prompts_progress_comes_first_and_its_costs_last():
    events = complete(Parrot("ab", kept=1), prompt=6)
    progress = [event["prompt_progress"] for event in events if "prompt_progress" in event]
    assert [(p["cache"], p["processed"], p["total"]) for p in progress] == [
        (1, 1, 6),
        (1, 3, 6),
        (1, 5, 6),
        (1, 6, 6),
    ]
    timings = events[-1]["timings"]
    assert (timings["cache_n"], timings["prompt_n"], timings["predicted_n"]) == (1, 5, 3)
    assert timings["prompt_ms"] >= 0
    assert timings["predicted_ms"] >= 0
    assert [event["stop"] for event in events] == [False] * (len(events) - 1) + [True]


@pytest.mark.parametrize(("limit", "said"), [(0, ""), (1, "a"), (3, "abc"), (-1, "abcdef")])
def test_the_limit_is_kept_and_nothing_is_evaluated_beyond(limit: int, said: str):
    parrot = Parrot("abcdef")
    events = complete(parrot, n_predict=limit)
    assert join(events) == said
    assert len(parrot.state) == 5 + max(0, len(said) - (limit > 0))


def test_the_window_ends_a_reply():
    parrot = Parrot("x" * 50, window=12)
    events = complete(parrot, prompt=5, n_predict=40)
    assert join(events) == "x" * 7
    assert events[-1]["stop_type"] == "limit"
    assert len(parrot.state) == 11


def test_a_stop_is_not_said():
    parrot = Parrot("Yes.\nNoor: And?")
    events = complete(parrot, stop=["\nNoor:"])
    assert join(events) == "Yes."
    assert events[-1]["stop_type"] == "word"
    assert events[-1]["timings"]["predicted_n"] == len("Yes.\nNoor:")


def test_what_could_have_been_a_stop_is_said_at_the_end():
    assert join(complete(Parrot("Yes.\nNo"), stop=["\nNoor:"])) == "Yes.\nNo"


def test_a_seed_decides():
    replies = [join(complete(Dice(""), n_predict=20, seed=seed)) for seed in (7, 7, 8)]
    assert replies[0] == replies[1] != replies[2]


@pytest.mark.parametrize(
    "body",
    [{"n_predict": "many"}, {"stop": "x"}, {"seed": 1.5}, {"temperature": "hot"}, {"top_k": "a"}],
)
def test_what_cannot_be_read_is_an_error_at_once(body: dict[str, Any]):
    with pytest.raises(ValueError, match=r"\w"):
        Completion(Parrot("a"), [3], body)


def test_leaving_between_two_steps_leaves_the_model_usable():
    parrot = Parrot("abc")
    events = Completion(parrot, [3, 4, 5], {}).events()
    for _ in range(4):
        next(events)
    events.close()
    parrot.says = [ord("x") + 3, END]
    assert join(complete(parrot)) == "x"
