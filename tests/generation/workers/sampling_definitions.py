"""What samplers are by their definitions, in plain loops, and cases to compare them on."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from bot.generation.types import SamplerSettings
from bot.generation.workers.sampling import Sampler

PLAIN = SamplerSettings(temperature=1)
MIROSTAT = SamplerSettings(temperature=1, mirostat=2, mirostat_tau=1.25, mirostat_eta=1)
TYPICAL = SamplerSettings(temperature=1, typical_p=0.9)
USUAL = SamplerSettings(
    temperature=0.7, top_p=0.9, repetition_penalty=1.1, repetition_window=256, tail_free=0.92
)
Items = list[tuple[int, float]]
"""Tokens and their logits."""


def freeze(logits: Sequence[float] | np.ndarray) -> np.ndarray:
    array = np.array(logits, dtype=np.float32)
    array.flags.writeable = False  # it is the model's memory: whoever writes into it fails
    return array


def odds(*probabilities: float) -> np.ndarray:
    return freeze(np.log(probabilities))


def compute(
    sampler: SamplerSettings | Sampler, logits: np.ndarray, recent: Sequence[int] = ()
) -> dict[int, float]:
    if isinstance(sampler, SamplerSettings):
        sampler = Sampler(sampler, seed=1)
    tokens, probabilities = sampler.compute_probabilities(logits, recent)
    assert (tokens.dtype, probabilities.dtype) == (np.int64, np.float64)
    assert probabilities.sum() == pytest.approx(1)
    assert list(probabilities) == sorted(probabilities, reverse=True)
    return dict(zip(tokens.tolist(), probabilities.tolist(), strict=True))


def measure_difference(one: Mapping[int, float], other: Mapping[int, float]) -> float:
    """How much probability lies elsewhere, from 0 to 1."""
    return sum(abs(one.get(token, 0) - other.get(token, 0)) for token in {*one, *other}) / 2


# The definitions, in loops


def weigh(items: Items, temperature: float = 1.0) -> list[float]:
    best = max(logit for _, logit in items)
    weights = [math.exp((logit - best) / temperature) for _, logit in items]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def rank(items: Items) -> Items:
    return sorted(items, key=lambda item: (-item[1], item[0]))


def take(items: Items, is_enough: Callable[[float], bool], probabilities: list[float]) -> Items:
    total = 0.0
    for count, probability in enumerate(probabilities, 1):
        total += probability
        if is_enough(total):
            return items[:count]
    return items


def keep_top_p(items: Items, share: float) -> Items:
    ranked = rank(items)
    return take(ranked, lambda total: total >= share, weigh(ranked))


def keep_min_p(items: Items, ratio: float) -> Items:
    probabilities = weigh(items)
    best = max(probabilities)
    return [item for item, p in zip(items, probabilities, strict=True) if p >= ratio * best]


def keep_typical(items: Items, share: float) -> Items:
    pairs = [(item, p) for item, p in zip(items, weigh(items), strict=True) if p > 0]
    entropy = -math.fsum(p * math.log(p) for _, p in pairs)
    pairs.sort(key=lambda pair: (abs(-math.log(pair[1]) - entropy), pair[0][0]))
    return take([item for item, _ in pairs], lambda total: total > share, [p for _, p in pairs])


def keep_before_tail(items: Items, share: float) -> Items:
    ranked = rank(items)
    if len(ranked) <= 2:
        return ranked
    p = weigh(ranked)
    slopes = [p[i] - p[i + 1] for i in range(len(p) - 1)]
    bends = [abs(slopes[i] - slopes[i + 1]) for i in range(len(slopes) - 1)]
    total = math.fsum(bends)
    if total <= 1e-6:
        bends, total = [1.0] * len(bends), len(bends)
    seen = 0.0
    for i, bend in enumerate(bends):
        seen += bend / total
        if seen > share and i >= 1:
            return ranked[:i]
    return ranked


def penalise(items: Items, recent: Sequence[int], chosen: SamplerSettings) -> Items:
    window = list(recent)[-chosen.repetition_window :] if chosen.repetition_window else []
    penalised: Items = []
    for token, logit in items:
        new, count = logit, window.count(token)
        if count:
            factor = chosen.repetition_penalty
            new = logit / factor if logit > 0 else logit * factor
            new -= count * chosen.frequency_penalty + chosen.presence_penalty
        penalised.append((token, new))
    return penalised


def define(chosen: SamplerSettings, logits: np.ndarray, recent: Sequence[int]) -> dict[int, float]:
    items = penalise([*enumerate(logits.tolist())], recent, chosen)
    if chosen.temperature <= 0:
        return {rank(items)[0][0]: 1.0}
    if chosen.mirostat:
        pairs = zip(items, weigh(items, chosen.temperature), strict=True)
        limit = 2 * chosen.mirostat_tau
        kept = [item for item, p in pairs if p > 0 and -math.log2(p) <= limit]
        items = kept or rank(items)[:1]
    else:
        items = rank(items)[: chosen.top_k] if chosen.top_k else items
        items = keep_before_tail(items, chosen.tail_free) if chosen.tail_free < 1 else items
        items = keep_typical(items, chosen.typical_p) if chosen.typical_p < 1 else items
        items = keep_top_p(items, chosen.top_p) if chosen.top_p < 1 else items
        items = keep_min_p(items, chosen.min_p)
    probabilities = weigh(items, chosen.temperature)
    return {token: p for (token, _), p in zip(items, probabilities, strict=True)}


def shape(name: str) -> np.ndarray:
    random, size = np.random.default_rng(7), 32_000
    normal = random.normal(0, 2.5, size)
    peaks = np.where(np.arange(size) % 1000 == 7, normal + random.uniform(4, 14, size), normal)
    falling = random.permutation(-1.1 * np.log(np.arange(1, size + 1)))
    plateau = np.where(np.arange(size) < 300, 5 - np.arange(size) / 3000, -20)
    return freeze({"peaks": peaks, "normal": normal, "falling": falling, "plateau": plateau}[name])


LARGE = [
    pytest.param(shape_name, chosen, id=f"{shape_name}-{name}")
    for shape_name in ("peaks", "normal", "falling", "plateau")
    for name, chosen in {
        "plain": PLAIN,
        "top-k": SamplerSettings(top_k=40),
        "tail": SamplerSettings(temperature=1, tail_free=0.97),
        "steep-tail": SamplerSettings(temperature=1, tail_free=0.5),
        "typical": SamplerSettings(temperature=1, typical_p=0.6),
        "top-p": SamplerSettings(temperature=1, top_p=0.93),
        "usual": USUAL,
        "all": SamplerSettings(
            temperature=1.5,
            top_k=500,
            tail_free=0.998,
            top_p=0.95,
            repetition_window=9,
            frequency_penalty=0.3,
            presence_penalty=0.2,
        ),
    }.items()
    if (shape_name, name) != ("plateau", "typical")  # two lines of exact ties, mirrored
]
