"""Measure how long the choice of a token takes where Troupe makes it itself, in GGML workers.

Usage: python -m benchmarks.sampling [--tokens 400]

A model that is sure gives most of the probability to a few tokens of its 32,000, as models mostly
do; one that is not gives it to thousands. `choose` should take at most 2 ms of the usual settings.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from bot.generation.types import SamplerSettings
from bot.generation.workers.sampling import Sampler

VOCABULARY = 32_000
TEXT = 4096
"""Tokens before the one that is chosen."""
ROUND = 40
"""Different logits, so that no cache holds them all."""
SETTINGS = {
    "greedy": SamplerSettings(temperature=0),
    "temperature alone": SamplerSettings(temperature=0.7),
    "top-k 40": SamplerSettings(temperature=0.7, top_k=40),
    "top-p 0.9": SamplerSettings(temperature=0.7, top_p=0.9),
    "min-p 0.05": SamplerSettings(temperature=0.7, min_p=0.05),
    "typical 0.9": SamplerSettings(temperature=0.7, typical_p=0.9),
    "tail-free 0.92": SamplerSettings(temperature=0.7, tail_free=0.92),
    "mirostat 2": SamplerSettings(temperature=0.7, mirostat=2),
    "penalties over 256": SamplerSettings(
        temperature=0.7, repetition_penalty=1.1, repetition_window=256, presence_penalty=0.1
    ),
    "usual: tail-free, top-p, penalty over 256": SamplerSettings(
        temperature=0.7, top_p=0.9, repetition_penalty=1.1, repetition_window=256, tail_free=0.92
    ),
    "usual, penalty over 2048": SamplerSettings(
        temperature=0.7, tail_free=0.92, repetition_penalty=1.1, repetition_window=2048
    ),
}

Logits = npt.NDArray[np.float32]


def make_logits(random: np.random.Generator, *, is_sure: bool) -> Logits:
    """Draw the logits of one token."""
    logits = random.normal(0, 2.5, VOCABULARY)
    if is_sure:
        likely = random.choice(VOCABULARY, 30, replace=False)
        logits[likely] += np.linspace(4, 14, likely.size)
    return logits.astype(np.float32)


def measure(
    settings: SamplerSettings, rounds: Sequence[Logits], recent: Sequence[int], tokens: int
) -> Iterator[float]:
    """Milliseconds of each choice."""
    sampler = Sampler(settings, seed=1)
    for logits in rounds:  # memory and tables are there then
        sampler.choose(logits, recent)
    for number in range(tokens):
        begin = time.perf_counter()
        sampler.choose(rounds[number % len(rounds)], recent)
        yield (time.perf_counter() - begin) * 1000


def main() -> None:
    """Print a Markdown table: medians, and what nine of ten tokens stay below."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=400)
    tokens: int = parser.parse_args().tokens
    random = np.random.default_rng(1)
    recent: list[int] = random.integers(0, VOCABULARY, TEXT).tolist()
    models = [
        [make_logits(random, is_sure=is_sure) for _ in range(ROUND)] for is_sure in (True, False)
    ]
    print(f"Milliseconds a token, {VOCABULARY} logits: median (9 of 10 below)\n")
    print("| samplers | a sure model | an unsure one |\n| --- | --- | --- |")
    for name, settings in SETTINGS.items():
        cells: list[str] = []
        for rounds in models:
            spent = [*measure(settings, rounds, recent, tokens)]
            highest = statistics.quantiles(spent, n=10)[-1]
            cells.append(f"{statistics.median(spent):.2f} ({highest:.2f})")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
