"""The choice of the next token where llama.cpp does not make it: for models in old GGML files.

The order and the borders are those of llama.cpp in autumn 2023, when these files were in use:
penalties, then top-k, tail-free, typical, top-p, min-p and temperature; or, with mirostat,
temperature and mirostat 2. Each sampler works on the probabilities of what the one before it has
left, and leaves at least one token.

A vocabulary has 32,000 tokens and more, and sorting them all takes longer than everything else.
So only the likeliest are sorted, as many as it takes to know the border.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from bot.generation.types import SamplerSettings

_Logits = npt.NDArray[np.float32]
_Tokens = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]
_Places = npt.NDArray[np.intp]
_Filter = Callable[[_Logits], _Places]  # which stay

_number = cache(np.arange)  # all tokens of a vocabulary, made once

_HEADS = (256, 4096, 12288)
"""How many of the likeliest are sorted at first; then all. Models are mostly surer than that."""
_CERTAIN = np.float32(1e30)
"""Stands for an infinite logit: as good as one, and it can be subtracted from itself."""
_COLDEST = 1e-30
"""Temperatures much nearer to 0 would be 0 in float32."""
_FLAT = 1e-6  # what tail-free sampling does not see as a bend
_NO_XTC = 0.5
_WHO = "the sampler of GGML models"
_LEFT_OUT_BY_MIROSTAT = ("top_k", "tail_free", "typical_p", "top_p", "min_p")


class Sampler:
    """Chooses the next tokens of one reply.

    It keeps what lasts from token to token: the random numbers, and mirostat's limit of surprise.
    """

    def __init__(self, settings: "SamplerSettings", *, seed: int | None) -> None:
        """Begin a reply.

        Args:
            settings: Without what `list_stand_ins` names; values out of bounds act like the bound.
            seed: The same seed chooses the same tokens by the same logits; None draws one.
        """
        self._settings = settings
        self._filters = _build_filters(settings)
        self._random = np.random.default_rng(seed)
        self._mu = 2 * settings.mirostat_tau

    def choose(self, logits: _Logits, recent: Sequence[int]) -> int:
        """Draw the next token.

        Args:
            logits: The model's, one for each token of its vocabulary; they are only read.
            recent: All tokens so far, of the prompt and of the reply, oldest first.

        Raises:
            ValueError: If no logit is a number above minus infinity: the model is broken, and
                whatever was drawn would be noise.
        """
        tokens, weights = self._narrow(logits, recent)
        sums: _Floats = weights.cumsum(dtype=np.float64)
        total = float(sums[-1])
        # The first sum above the drawn number: never that of a token whose probability is 0.
        place = int(np.searchsorted(sums, self._random.random() * total, side="right"))
        if self._settings.mirostat:
            # As in llama.cpp the surprise is that among the tokens that were not too surprising.
            surprise = -float(np.log2(weights[place] / total))
            self._mu -= self._settings.mirostat_eta * (surprise - self._settings.mirostat_tau)
        return int(tokens[place])

    def compute_probabilities(
        self, logits: _Logits, recent: Sequence[int]
    ) -> tuple[_Tokens, _Floats]:
        """Return the tokens that are left and their probabilities, likeliest first.

        It is what `choose` would draw from: at temperature 0 one token. Nothing changes by it. It
        takes longer than `choose`, which needs no order, and fails as `choose` does.
        """
        tokens, weights = self._narrow(logits, recent)
        order = np.lexsort((tokens, -weights))
        probabilities = weights[order].astype(np.float64)
        return tokens[order], probabilities / probabilities.sum()

    def _narrow(self, logits: _Logits, recent: Sequence[int]) -> tuple[_Tokens, _Logits]:
        """Return the tokens that are left and their weights, in no order."""
        settings = self._settings
        tokens, left = _drop_impossible(_penalise(logits, recent, settings))
        if settings.temperature <= 0:
            return tokens[_keep_top_k(left, count=1)], np.ones(1, dtype=np.float32)
        for keep in self._filters:
            places = keep(left)
            tokens, left = tokens[places], left[places]
        if settings.mirostat:
            places = _keep_unsurprising(left, settings.temperature, self._mu)
            tokens, left = tokens[places], left[places]
        return tokens, _weigh(left, settings.temperature)[1]


def list_stand_ins(settings: "SamplerSettings") -> list[str]:
    """What is not done here as it is set, one sentence each, for the operator's log."""
    left_out = {
        "dynatemp_range": settings.dynatemp_range > 0,
        "xtc_probability": settings.xtc_probability > 0 and settings.xtc_threshold <= _NO_XTC,
        "dry_multiplier": settings.dry_multiplier > 0 and settings.dry_penalty_window != 0,
        "grammar": bool(settings.grammar),
    }
    sentences = [f"{_WHO} leaves out {name}" for name, is_set in left_out.items() if is_set]
    if settings.mirostat == 1:
        sentences.append(f"{_WHO} plays mirostat 1 as mirostat 2")
    default = type(settings)()
    names = [n for n in _LEFT_OUT_BY_MIROSTAT if getattr(settings, n) != getattr(default, n)]
    if settings.mirostat and names:
        sentences.append(f"with mirostat {_WHO} leaves out {', '.join(names)}")
    return sentences


def _build_filters(settings: "SamplerSettings") -> list[_Filter]:
    """What narrows the choice before the temperature, in its order, without what is off."""
    filters: list[tuple[bool, _Filter]] = [
        (settings.top_k > 0, partial(_keep_top_k, count=settings.top_k)),
        (settings.tail_free < 1, partial(_keep_before_tail, share=settings.tail_free)),
        (settings.typical_p < 1, partial(_keep_typical, share=settings.typical_p)),
        (settings.top_p < 1, partial(_keep_top_p, share=settings.top_p)),
        (settings.min_p > 0, partial(_keep_min_p, ratio=settings.min_p)),
    ]
    return [keep for is_on, keep in filters if is_on and not settings.mirostat]


def _penalise(logits: _Logits, recent: Sequence[int], settings: "SamplerSettings") -> _Logits:
    """Make tokens of the window less likely; the result is a copy unless the penalties are off.

    Repetition: Keskar et al. 2019, https://arxiv.org/abs/1909.05858, section 4.1, once a token;
    a logit that is not positive is multiplied, or it would rise. Frequency and presence: logit -
    count * frequency - presence, as in OpenAI's API reference.
    """
    repetition = settings.repetition_penalty if settings.repetition_penalty > 0 else 1.0
    frequency, presence = settings.frequency_penalty, settings.presence_penalty
    if settings.repetition_window <= 0 or (repetition == 1 and frequency == presence == 0):
        return logits
    window = np.asarray(recent[-settings.repetition_window :], dtype=np.int64)
    window = window[(window >= 0) & (window < logits.size)]
    seen, counts = np.unique(window, return_counts=True)
    penalised = logits.copy()
    old = logits[seen].astype(np.float64)
    with np.errstate(over="ignore"):  # to infinity, which is dealt with
        new = np.where(old > 0, old / repetition, old * repetition)
        penalised[seen] = new - counts * frequency - presence
    return penalised


def _drop_impossible(logits: _Logits) -> tuple[_Tokens, _Logits]:
    """Tokens that can be drawn and their logits, all finite: those at minus infinity and NaN go."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(logits.sum()) and logits.max() < _CERTAIN:  # usual, and needs no copies
            return _number(logits.size), logits
    tokens = np.flatnonzero(logits > -np.inf)
    if not tokens.size:
        message = f"none of the model's {logits.size} logits is a number above minus infinity"
        raise ValueError(message)
    return tokens, np.minimum(logits[tokens], _CERTAIN)


def _weigh(logits: _Logits, temperature: float = 1.0) -> tuple[_Logits, _Logits]:
    """How far each logit is below the best, and exp of minus that: p, but for a common factor.

    Dividing by the sum would be one more pass: borders are moved instead. exp in float32 takes a
    quarter of the time and is off by some 1e-7 of a probability.
    """
    with np.errstate(over="ignore"):  # infinitely far is right then
        gaps = logits.max() - logits
        gaps /= np.float32(max(temperature, _COLDEST))
    weights = -gaps
    return gaps, np.exp(weights, out=weights)


def _rank(keys: _Logits, count: int) -> _Places:
    """The places of the lowest keys, lowest first and of equals the first: `count` or some more.

    More where the last of them has equals: all are there, and ties do not depend on the count. No
    key is negative, so their bits, read as whole numbers, have the same order; with the place in
    32 bits more no two are equal, and NumPy sorts those far faster than it ranks floats.
    """
    highest = np.partition(keys, count - 1)[count - 1] if count < keys.size else np.inf
    head = np.flatnonzero(keys <= highest)
    packed = keys[head].view(np.uint32).astype(np.uint64) << 32 | head.astype(np.uint64)
    packed.sort()
    return (packed & 0xFFFFFFFF).astype(np.intp)


def _rank_heads(keys: _Logits) -> Iterator[_Places]:
    """Ever longer rankings; the last is of all."""
    yield from (_rank(keys, count) for count in _HEADS if count < keys.size)
    yield _rank(keys, keys.size)


def _rank_until(
    keys: _Logits, weights: _Logits, limit: float, side: Literal["left", "right"]
) -> _Places:
    """Places by rising keys up to the one with which their weights together reach a limit.

    With side `left` a sum that equals the limit has reached it, with `right` it has to be above.
    """
    for places in _rank_heads(keys):
        sums = weights[places].cumsum(dtype=np.float64)
        last = int(np.searchsorted(sums, limit, side=side))
        if last < places.size:
            return places[: last + 1]
    return np.arange(keys.size)


def _keep_top_k(logits: _Logits, *, count: int) -> _Places:
    """Top-k, Fan et al. 2018, https://arxiv.org/abs/1805.04833: the k likeliest."""
    return (
        np.array([logits.argmax()]) if count == 1 else _rank(logits.max() - logits, count)[:count]
    )


def _keep_before_tail(logits: _Logits, *, share: float) -> _Places:
    """Tail-free, Bricken 2019, https://www.trentonbricken.com/Tail-Free-Sampling/.

    With p(0) >= p(1) >= ... the curve's bend at i is |(p(i) - p(i+1)) - (p(i+1) - p(i+2))|. The
    tokens 0 to i-1 are kept for the first i >= 1 at which the bends 0 to i together are above the
    share z of the sum of all; without such an i, and of one or two tokens, all are. The borders
    are llama.cpp's, and so is this: if all bends together are at most 1e-6, each counts the same.

    What is not sorted yet bends by at most the sum of the last two that are: its slopes cannot
    fall by more than the last slope, and then rise and fall by more than what is left to fall. If
    the border is the same with and without that, it is the border.
    """
    if logits.size <= 2:  # noqa: PLR2004
        return np.arange(logits.size)
    gaps, weights = _weigh(logits)
    flat = _FLAT * weights.sum(dtype=np.float64)
    for places in _rank_heads(gaps):
        ranked = weights[places].astype(np.float64)
        sums = np.abs(np.diff(ranked, 2)).cumsum()
        is_all = places.size == logits.size
        if sums[-1] <= flat:
            if not is_all:
                continue
            sums = np.arange(1.0, sums.size + 1)
        unseen = 0.0 if is_all else ranked[-2] + ranked[-1]
        limits = share * np.array([sums[-1], sums[-1] + unseen])
        border, farthest = np.maximum(1, np.searchsorted(sums, limits, side="right"))
        if border == farthest < sums.size:
            return places[:border]
    return np.arange(logits.size)


def _keep_typical(logits: _Logits, *, share: float) -> _Places:
    """Locally typical, Meister et al. 2022, https://arxiv.org/abs/2202.00666.

    Tokens whose surprise -log p is nearest to the mean surprise, which is the entropy, until their
    probabilities are above the share. A surprise is the gap and a constant, the same for all.
    """
    gaps, weights = _weigh(logits)
    total = weights.sum(dtype=np.float64)
    mean = (weights * gaps).sum(dtype=np.float64) / total  # BLAS would start threads for a dot
    return _rank_until(np.abs(gaps - np.float32(mean)), weights, share * total, "right")


def _keep_top_p(logits: _Logits, *, share: float) -> _Places:
    """Nucleus, Holtzman et al. 2019, https://arxiv.org/abs/1904.09751.

    The fewest of the likeliest whose probabilities reach the share; the one that does is kept.
    """
    gaps, weights = _weigh(logits)
    return _rank_until(gaps, weights, share * weights.sum(dtype=np.float64), "left")


def _keep_min_p(logits: _Logits, *, ratio: float) -> _Places:
    """Min-p, Nguyen et al. 2024, https://arxiv.org/abs/2407.01082.

    Tokens with at least this ratio of the likeliest one's probability.
    """
    kept = np.flatnonzero(logits - logits.max() >= np.log(ratio))
    return kept if kept.size else _keep_top_k(logits, count=1)


def _keep_unsurprising(logits: _Logits, temperature: float, mu: float) -> _Places:
    """Mirostat 2, Basu et al. 2020, https://arxiv.org/abs/2007.14966, algorithm 2.

    Tokens of at most mu bits of surprise, or the likeliest alone.
    """
    gaps, weights = _weigh(logits, temperature)
    surprise_of_best = np.log(weights.sum(dtype=np.float64))
    kept = np.flatnonzero(gaps <= mu * np.log(2) - surprise_of_best)
    return kept if kept.size else _keep_top_k(logits, count=1)
