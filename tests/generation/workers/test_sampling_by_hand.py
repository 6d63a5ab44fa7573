"""The sampler of GGML models on small cases that were worked out by hand."""

import numpy as np
import pytest

from bot.generation.types import SamplerSettings
from bot.generation.workers.sampling import Sampler
from tests.generation.workers.sampling_definitions import (
    MIROSTAT,
    compute,
    freeze,
    odds,
)


@pytest.mark.parametrize(
    ("share", "kept"),
    [
        # Surprises: 1, 2, 3, 3 bits; entropy 0.5*1 + 0.25*2 + 2*0.125*3 = 1.75 bits; so they are
        # 0.75, 0.25, 1.25, 1.25 off, and the order is 1, 0, 2, 3: sums 0.25, 0.75, 0.875, 1.
        (0.2, {1}),
        (0.3, {0, 1}),
        (0.8, {0, 1, 2}),
        (0.9, {0, 1, 2, 3}),
    ],
)
def test_typical_by_hand(share: float, kept: set[int]):
    chosen = SamplerSettings(temperature=1, typical_p=share)
    assert compute(chosen, odds(0.5, 0.25, 0.125, 0.125)).keys() == kept


@pytest.mark.parametrize(
    ("probabilities", "share", "kept"),
    [
        # Slopes 0.25, 0.125, 0.0625, 0; bends 0.125, 0.0625, 0.0625; sums of shares 0.5, 0.75, 1:
        # the first i >= 1 above z is 1 up to 0.75, then 2.
        ((0.5, 0.25, 0.125, 0.0625, 0.0625), 0.4, 1),
        ((0.5, 0.25, 0.125, 0.0625, 0.0625), 0.7, 1),
        ((0.5, 0.25, 0.125, 0.0625, 0.0625), 0.8, 2),
        # A straight line: no bend, so each of the three counts 1/3, and 2/3 > 0.5 is at i = 1,
        # 1 > 0.7 at i = 2.
        ((0.3, 0.25, 0.2, 0.15, 0.1), 0.5, 1),
        ((0.3, 0.25, 0.2, 0.15, 0.1), 0.7, 2),
        # One bend only, which is number 0: there is no i >= 1.
        ((0.7, 0.2, 0.1), 0.1, 3),
        ((0.9, 0.1), 0.1, 2),
    ],
)
def test_tail_free_by_hand(probabilities: tuple[float, ...], share: float, kept: int):
    chosen = SamplerSettings(temperature=1, tail_free=share)
    assert compute(chosen, odds(*probabilities)).keys() == set(range(kept))


@pytest.mark.parametrize(
    ("drawn", "kept"),
    [
        # mu = 2 * 1.25 = 2.5 bits keeps 0 (1 bit) and 1 (2 bits) at 2/3 and 1/3.
        # 0 is drawn: surprise log2(3/2) = 0.585, mu = 2.5 - (0.585 - 1.25) = 3.165, all (3 bits).
        # 1 is drawn: surprise log2(3) = 1.585, mu = 2.5 - (1.585 - 1.25) = 2.165, 0 and 1 stay;
        # drawn again: mu = 1.83, 0 alone; then surprise 0: mu = 3.08, all.
        ([0], {0: 0.5, 1: 0.25, 2: 0.125, 3: 0.125}),
        ([1], {0: 2 / 3, 1: 1 / 3}),
        ([1, 1], {0: 1}),
        ([1, 1, 0], {0: 0.5, 1: 0.25, 2: 0.125, 3: 0.125}),
    ],
)
def test_mirostat_by_hand(drawn: list[int], kept: dict[int, float]):
    logits = odds(0.5, 0.25, 0.125, 0.125)
    for seed in range(1000):
        sampler = Sampler(MIROSTAT, seed=seed)
        assert compute(sampler, logits) == pytest.approx({0: 2 / 3, 1: 1 / 3})
        if [sampler.choose(logits, []) for _ in drawn] == drawn:
            assert compute(sampler, logits) == pytest.approx(kept)
            return
    pytest.fail("never drawn")


EVEN, TILTED, LEVEL = odds(*[0.25] * 4), odds(0.4, 0.3, 0.2, 0.1), odds(0.4, 0.2, 0.2, 0.2)


@pytest.mark.parametrize(
    ("chosen", "logits", "kept"),
    [
        pytest.param({"top_p": 0.5}, EVEN, {0, 1}, id="top-p reaches"),
        pytest.param({"typical_p": 0.5}, EVEN, {0, 1, 2}, id="typical exceeds"),
        pytest.param({"min_p": 1}, EVEN, {0, 1, 2, 3}, id="min-p is met"),
        pytest.param({"top_k": 3}, odds(*[1 / 9] * 9), {0, 1, 2}, id="the first of equals"),
        # Of four equals each of two bends counts 1/2, of eight each of six 1/6.
        pytest.param(
            {"top_k": 4, "tail_free": 0.9}, freeze([0] * 8), {0}, id="top-k, then tail-free"
        ),
        # Tail-free leaves 2/3 and 1/3, as above, and the first is nearest to their 0.92 bits. Of
        # all, at 1.875 bits, the second is nearest, and it takes the first to reach the share.
        pytest.param(
            {"tail_free": 0.8, "typical_p": 0.5},
            odds(0.5, 0.25, 0.125, 0.0625, 0.0625),
            {0},
            id="tail-free, then typical",
        ),
        # Typical leaves thirds, of which two reach 0.55. Before, 0 and 1 would have.
        pytest.param({"typical_p": 0.5, "top_p": 0.55}, LEVEL, {1, 2}, id="typical, then top-p"),
        # Top-p takes 0.4 and 0.3, of which both pass. Before, they would be 4/7 and 3/7, and the
        # first would reach 0.55 alone, as it does after top-k.
        pytest.param({"top_p": 0.55, "min_p": 0.6}, TILTED, {0, 1}, id="top-p, then min-p"),
        pytest.param({"top_k": 2, "top_p": 0.55}, TILTED, {0}, id="top-k, then top-p"),
        pytest.param({"top_p": 0.65, "temperature": 9}, TILTED, {0, 1}, id="temperature is last"),
        # Entropy 1.92 bits, surprises 1.32 and three times 2.32: the likeliest is off by most.
        pytest.param(
            {"typical_p": 0.5, "min_p": 0.9}, LEVEL, {1, 2, 3}, id="min-p looks at what is left"
        ),
        pytest.param({"top_k": 2, "mirostat": 2, "min_p": 1}, EVEN, {0, 1, 2, 3}, id="mirostat"),
        pytest.param({"mirostat": 2, "mirostat_tau": 0.1}, TILTED, {0}, id="one stays"),
    ],
)
def test_borders_and_order(chosen: dict[str, float], logits: np.ndarray, kept: set[int]):
    assert compute(SamplerSettings(**{"temperature": 1, **chosen}), logits).keys() == kept


@pytest.mark.parametrize(
    ("logits", "factor", "window", "recent", "best"),
    [
        pytest.param([4, 3.9], 2, 64, [0], 1, id="4 / 2"),
        pytest.param([-1, -1.5], 2, 64, [0], 1, id="-1 * 2"),
        pytest.param([4, 2.5], 1.5, 64, [0, 0], 0, id="4 / 1.5 only once"),
        pytest.param([4, 3.9], 2, 0, [0], 0, id="no window"),
        pytest.param([3.9, 4], 2, -1, [0, 1], 1, id="less than no window"),
        pytest.param([4, 3.9], 2, 1, [1, 0], 1, id="in the window"),
        pytest.param([4, 3.9], 2, 1, [0, 1], 0, id="before the window"),
        pytest.param([4, 3.9], 2, 1, [], 0, id="nothing yet"),
        pytest.param([3.9, 4], 2, 64, [-1, 2], 1, id="not in the vocabulary"),
    ],
)
def test_repetition_by_hand(
    logits: list[float], factor: float, window: int, recent: list[int], best: int
):
    chosen = SamplerSettings(temperature=0, repetition_penalty=factor, repetition_window=window)
    assert compute(chosen, freeze(logits), recent) == {best: 1}


def test_frequency_and_presence_by_hand():
    chosen = SamplerSettings(temperature=1, frequency_penalty=1, presence_penalty=0.5)
    weights = np.exp([4 - 1.5, 3 - 1.5, -2 - 2.5, -1])  # seen once, once, twice and never
    expected = dict(enumerate(weights / weights.sum()))
    assert compute(chosen, freeze([4, 3, -2, -1]), [0, 2, 2, 1]) == pytest.approx(expected)
