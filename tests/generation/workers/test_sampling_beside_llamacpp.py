"""The sampler of GGML models beside two llama.cpps: that of 2023, and today's."""

import ctypes
import importlib.util
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from bot.generation.engine import Endpoint
from bot.generation.llama_protocol import write_request
from bot.generation.types import GenerationRequest, SamplerSettings
from tests.generation.workers.sampling_definitions import (
    LARGE,
    PLAIN,
    compute,
    freeze,
    measure_difference,
    shape,
)
from tests.generation.workers.test_llamacpp_worker import call, run, settings

# Against llama.cpp of 2023: ctransformers brings one whose samplers can be called


class Candidates(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("sorted", ctypes.c_bool),
    )


def find_library() -> Path | None:
    spec = importlib.util.find_spec("ctransformers")
    folders = spec.submodule_search_locations if spec else None
    path = Path((folders or ["."])[0], "lib", "basic", "libctransformers.so")
    return path if path.exists() else None


class Native:
    """llama.cpp's samplers over all tokens, in its order."""

    def __init__(self, library: Path, logits: np.ndarray) -> None:
        self._library = ctypes.CDLL(str(library))
        fields = [("id", np.int32), ("logit", np.float32), ("p", np.float32)]
        self._data = np.zeros(logits.size, dtype=fields)
        self._data["id"] = np.arange(logits.size)
        self._data["logit"] = logits
        self._all = Candidates(self._data.ctypes.data, logits.size, False)

    def apply(self, name: str, *values: object) -> None:
        getattr(self._library, f"llama_sample_{name}")(None, ctypes.byref(self._all), *values)
        self._all.sorted = False  # typical forgets to say so

    def penalise(self, chosen: SamplerSettings, recent: Sequence[int]) -> None:
        window = np.array(recent[-chosen.repetition_window :], dtype=np.int32)
        seen = ctypes.c_void_p(window.ctypes.data), ctypes.c_size_t(window.size)
        self.apply("repetition_penalty", *seen, ctypes.c_float(chosen.repetition_penalty))
        penalties = chosen.frequency_penalty, chosen.presence_penalty
        self.apply("frequency_and_presence_penalties", *seen, *map(ctypes.c_float, penalties))

    def compute(self, chosen: SamplerSettings, recent: Sequence[int]) -> dict[int, float]:
        at_least = ctypes.c_size_t(1)
        self.penalise(chosen, recent)
        self.apply("top_k", ctypes.c_int(chosen.top_k or self._data.size), at_least)
        self.apply("tail_free", ctypes.c_float(chosen.tail_free), at_least)
        self.apply("typical", ctypes.c_float(chosen.typical_p), at_least)
        self.apply("top_p", ctypes.c_float(chosen.top_p), at_least)
        self.apply("temperature", ctypes.c_float(chosen.temperature))
        self.apply("softmax")
        left = self._data[: self._all.size]
        return dict(zip(left["id"].tolist(), left["p"].tolist(), strict=True))


LIBRARY = find_library()


@pytest.mark.skipif(LIBRARY is None, reason="ctransformers is not installed for this system")
@pytest.mark.parametrize(("shape_name", "chosen"), LARGE)
def test_llama_cpp_of_2023_agrees(shape_name: str, chosen: SamplerSettings):
    assert LIBRARY is not None
    logits = shape(shape_name)
    recent = [5, 7, *np.argsort(-logits)[:4].tolist(), 7, 31_999]
    native = Native(LIBRARY, logits).compute(chosen, recent)
    # It adds up 32,000 numbers in float32, one after the other.
    assert measure_difference(compute(chosen, logits, recent), native) < 1e-4


# Against the llama.cpp of today, with the demo model

PROMPT = (
    "### Input:\nSam: Hello!\n\n### Response:\nMaren: *She smiles.* *She looks up and nods.* *She"
)
SAMPLERS = {
    "temperature": SamplerSettings(temperature=1.4),
    "top-k": SamplerSettings(temperature=0.7, top_k=12),
    "top-p": SamplerSettings(temperature=1, top_p=0.8),
    "min-p": SamplerSettings(temperature=1.3, min_p=0.05),
    "typical": SamplerSettings(temperature=1, typical_p=0.7),
    "all": SamplerSettings(temperature=1.2, top_k=30, typical_p=0.9, top_p=0.9, min_p=0.01),
    "penalties": SamplerSettings(  # rewards: what was said is likely then, and counts
        temperature=1, presence_penalty=-1.2, frequency_penalty=-2, repetition_window=12
    ),
    "penalties and top-p": SamplerSettings(temperature=1, presence_penalty=2, top_p=0.9),
}
REPETITION = SamplerSettings(temperature=1, repetition_penalty=1.5, repetition_window=16)


async def ask(endpoint: Endpoint, sampler: SamplerSettings, *, sampled: bool) -> dict[int, float]:
    """All tokens' probabilities after sampling, or their logarithms before it."""
    request = GenerationRequest(prompt=PROMPT, max_tokens=1, sampler=sampler, seed=1)
    body = {**write_request(request), "stream": False, "n_probs": 3072, "cache_prompt": False}
    told = await call(endpoint, "/completion", {**body, "post_sampling_probs": sampled})
    first = told["completion_probabilities"][0]
    if sampled:
        return {entry["id"]: entry["prob"] for entry in first["top_probs"]}
    return {entry["id"]: entry["logprob"] for entry in first["top_logprobs"]}


async def test_llama_cpp_of_today_agrees(monkeypatch: pytest.MonkeyPatch):
    async with run(settings(), monkeypatch) as endpoint:
        plain = await ask(endpoint, PLAIN, sampled=False)
        sampled = {n: await ask(endpoint, s, sampled=True) for n, s in SAMPLERS.items()}
        repeated = await ask(endpoint, REPETITION, sampled=True)
        asked = {"content": PROMPT, "add_special": True}
        recent = (await call(endpoint, "/tokenize", asked))["tokens"]
    logits = np.array([plain[token] for token in range(len(plain))])
    for name, chosen in SAMPLERS.items():
        found = compute(chosen, freeze(logits), recent)
        assert measure_difference(found, sampled[name]) < 1e-3, name
    assert_repetition_agrees(plain, repeated, recent)


def assert_repetition_agrees(
    plain: Mapping[int, float], repeated: Mapping[int, float], recent: Sequence[int]
):
    """From logarithms before the penalty to probabilities after it.

    log p is a logit less a constant, and this penalty depends on the logit itself. One token of the
    window gives the constant away, but for whether its logit is positive: one of both constants
    has to fit all others.
    """
    factor, seen = REPETITION.repetition_penalty, {*recent[-REPETITION.repetition_window :]}
    known = max(seen, key=lambda token: repeated[token])
    unseen = max({*plain} - seen, key=lambda token: repeated[token])
    distance = math.log(repeated[known] / repeated[unseen]) + plain[unseen]
    constants = [(plain[known] * by - distance) / (1 - by) for by in (1 / factor, factor)]
    logits = np.array([plain[token] for token in range(len(plain))])
    found = [compute(REPETITION, freeze(logits + constant), recent) for constant in constants]
    best = min(found, key=lambda one: measure_difference(one, repeated))
    assert measure_difference(best, repeated) < 1e-3
    assert {t: best[t] for t in seen} == pytest.approx({t: repeated[t] for t in seen}, rel=0.01)
    without = compute(PLAIN, freeze(logits), recent)
    assert measure_difference(without, repeated) > 0.01  # or nothing was compared
