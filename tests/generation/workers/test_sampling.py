"""The sampler of GGML models: against its definitions, its draws, odd input, what it says."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.generation.types import SamplerSettings
from bot.generation.workers.sampling import Sampler, list_stand_ins
from tests.generation.workers.sampling_definitions import (
    LARGE,
    MIROSTAT,
    PLAIN,
    TYPICAL,
    USUAL,
    compute,
    define,
    freeze,
    measure_difference,
    odds,
    shape,
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[SamplerSettings, np.ndarray, list[int]]:
    logit = st.integers(-1500, 1500).map(lambda number: number / 100)  # ties are exact ones
    logits = draw(st.lists(logit, min_size=1, max_size=40))
    chosen = st.builds(
        SamplerSettings,
        temperature=st.sampled_from([0, 0.31, 0.7, 1, 1.9]),
        top_k=st.sampled_from([0, 0, 1, 5, 12, 100]),
        tail_free=st.sampled_from([1, 1, 0.97, 0.83, 0.41]),
        typical_p=st.sampled_from([1, 1, 0.96, 0.57, 0.13]),
        top_p=st.sampled_from([1, 1, 0.993, 0.61, 0.17]),
        min_p=st.sampled_from([0, 0, 0.0013, 0.061, 0.73]),
        repetition_penalty=st.sampled_from([1, 1.3, 0.8]),
        repetition_window=st.sampled_from([0, 1, 3, 64]),
        presence_penalty=st.sampled_from([0, 0.4, -1.1]),
        frequency_penalty=st.sampled_from([0, 0.7]),
        mirostat=st.sampled_from([0, 0, 0, 1, 2]),
        mirostat_tau=st.sampled_from([0.23, 1.51, 4.9]),
    )
    recent = st.lists(st.integers(0, len(logits) - 1), max_size=8)
    return draw(chosen), freeze(logits), draw(recent)


@hypothesis_settings(deadline=None, derandomize=True, max_examples=200)
@given(cases())
def test_what_is_left_is_what_the_definitions_leave(
    case: tuple[SamplerSettings, np.ndarray, list[int]],
):
    found, defined = compute(*case), define(*case)
    assert found.keys() == defined.keys()
    assert found == pytest.approx(defined, abs=1e-6)


@pytest.mark.parametrize(("shape_name", "chosen"), LARGE)
def test_a_whole_vocabulary_is_as_defined(shape_name: str, chosen: SamplerSettings):
    logits = shape(shape_name)
    recent = [5, 7, *np.argsort(-logits)[:4].tolist(), 7, 31_999]
    defined = define(chosen, logits, recent)
    assert measure_difference(compute(chosen, logits, recent), defined) < 2e-6


# Drawing


def draw(sampler: Sampler, count: int, logits: np.ndarray) -> list[int]:
    return [sampler.choose(logits, []) for _ in range(count)]


@pytest.mark.parametrize("temperature", [0, -1])
def test_greedy_takes_the_first_of_the_likeliest(temperature: float):
    chosen = SamplerSettings(temperature=temperature, top_k=3, mirostat=2)
    assert draw(Sampler(chosen, seed=1), 5, freeze([1, 3, 2, 3])) == [1] * 5


def test_draws_follow_the_probabilities():
    logits = freeze([2, 1, 0.5, 0, -1, -40])
    chosen = SamplerSettings(temperature=1.3, top_k=5)
    drawn = draw(Sampler(chosen, seed=3), 4000, logits)
    expected = {token: 4000 * p for token, p in compute(chosen, logits).items()}
    assert set(drawn) == set(expected)
    chi_square = sum((drawn.count(t) - count) ** 2 / count for t, count in expected.items())
    assert chi_square < 18.5  # 0.1 % of fair draws among five are beyond


def test_what_has_no_probability_is_never_drawn(monkeypatch: pytest.MonkeyPatch):
    sampler = Sampler(PLAIN, seed=1)
    monkeypatch.setattr(sampler, "_random", SimpleNamespace(random=lambda: 0.0))
    assert draw(sampler, 1, freeze([-500, 0, 0])) == [1]
    monkeypatch.setattr(sampler, "_random", SimpleNamespace(random=lambda: math.nextafter(1, 0)))
    assert draw(sampler, 1, freeze([0, 0, -500])) == [1]


@pytest.mark.parametrize("chosen", [PLAIN, USUAL, MIROSTAT], ids=["plain", "usual", "mirostat"])
def test_a_seed_repeats_itself_and_looking_changes_nothing(chosen: SamplerSettings):
    logits = freeze(np.linspace(0, 1, 50))
    drawn = draw(Sampler(chosen, seed=9), 40, logits)
    looked_at = Sampler(chosen, seed=9)
    again: list[int] = []
    for _ in drawn:
        assert compute(looked_at, logits) == compute(looked_at, logits)
        again += draw(looked_at, 1, logits)
    assert again == drawn
    assert draw(Sampler(chosen, seed=10), 40, logits) != drawn


def test_without_a_seed_one_is_drawn():
    logits = freeze([0] * 1000)
    assert draw(Sampler(PLAIN, seed=None), 20, logits) != draw(
        Sampler(PLAIN, seed=None), 20, logits
    )


# What no model should say, and nobody should set

EVERYTHING = SamplerSettings(
    temperature=0.7,
    top_k=9,
    tail_free=0.9,
    typical_p=0.9,
    top_p=0.9,
    min_p=0.01,
    repetition_penalty=1.2,
    presence_penalty=0.5,
)
HUGE = float(np.finfo(np.float32).max)


@pytest.mark.parametrize("chosen", [PLAIN, USUAL, EVERYTHING, TYPICAL, MIROSTAT], ids=range(5))
@pytest.mark.parametrize(
    ("logits", "possible"),
    [
        pytest.param([math.nan, 1, math.nan, 2], {1, 3}, id="nan"),
        pytest.param([-math.inf, 1, 2, -math.inf], {1, 2}, id="minus infinity"),
        pytest.param([math.nan, -math.inf, -3], {2}, id="one left"),
        pytest.param([1, math.inf, math.nan, math.inf], {1, 3}, id="infinity"),
        pytest.param([HUGE, -HUGE, HUGE, 0], {0, 2}, id="huge"),
        pytest.param([-HUGE, 1, -HUGE], {1}, id="hugely negative"),
        pytest.param([0.5], {0}, id="one token"),
        pytest.param([3] * 6, set(range(6)), id="all equal"),
    ],
)
def test_odd_logits_do_no_harm(chosen: SamplerSettings, logits: list[float], possible: set[int]):
    sampler, array = Sampler(chosen, seed=1), freeze(logits)
    drawn = {sampler.choose(array, [0, 1, 1, 99, -1]) for _ in range(60)}
    assert drawn <= possible
    found = compute(sampler, array, [])
    assert {token for token, p in found.items() if p > 0} <= possible


@pytest.mark.parametrize("logits", [[math.nan] * 3, [-math.inf, math.nan], [-math.inf]])
def test_a_model_that_says_nothing_is_an_error(logits: list[float]):
    with pytest.raises(ValueError, match=f"none of the model's {len(logits)} logits"):
        Sampler(PLAIN, seed=1).choose(freeze(logits), [])


@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        ({"top_p": 0}, 1),
        ({"top_p": -1}, 1),
        ({"top_p": 2}, 4),
        ({"typical_p": 0}, 1),
        ({"tail_free": 0}, 1),
        ({"tail_free": -1}, 1),
        ({"min_p": 2}, 1),
        ({"min_p": -1}, 4),
        ({"top_k": -1}, 4),
        ({"top_k": 99}, 4),
        ({"mirostat": 2, "mirostat_tau": -1}, 1),
        ({"repetition_penalty": 0}, 4),
        ({"temperature": 1e-300}, 4),
    ],
)
def test_settings_out_of_bounds_leave_a_token(odd: dict[str, float], kept: int):
    tilted = odds(0.4, 0.3, 0.2, 0.1)
    sampler = Sampler(SamplerSettings(**{"temperature": 1, **odd}), seed=1)
    assert len(compute(sampler, tilted, [0, 1])) == kept
    assert sampler.choose(tilted, [0, 1]) in range(4)


# What is said of it

WHO = "the sampler of GGML models"


@pytest.mark.parametrize(
    ("chosen", "sentences"),
    [
        pytest.param(EVERYTHING, [], id="honoured"),
        pytest.param(SamplerSettings(xtc_probability=1, xtc_threshold=0.6), [], id="xtc off"),
        pytest.param(SamplerSettings(dry_multiplier=1, dry_penalty_window=0), [], id="dry off"),
        pytest.param(
            SamplerSettings(
                dynatemp_range=0.1, xtc_probability=0.1, dry_multiplier=0.8, grammar="root ::= x"
            ),
            [
                f"{WHO} leaves out {name}"
                for name in ("dynatemp_range", "xtc_probability", "dry_multiplier", "grammar")
            ],
            id="left out",
        ),
        pytest.param(
            SamplerSettings(mirostat=1), [f"{WHO} plays mirostat 1 as mirostat 2"], id="mirostat 1"
        ),
        pytest.param(
            SamplerSettings(mirostat=2, tail_free=0.9, top_k=5, repetition_penalty=1.1),
            [f"with mirostat {WHO} leaves out top_k, tail_free"],
            id="beside mirostat",
        ),
    ],
)
def test_what_is_not_done_as_it_is_set_is_said(chosen: SamplerSettings, sentences: list[str]):
    assert list_stand_ins(chosen) == sentences
