"""Does something with GGML models in a process of its own, because native code may abort.

Usage: python -m tests.generation.workers.ggml_probe WHAT FILE... < JSON; prints a list as JSON.
"""

import json
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from bot.generation.workers.ggml_model import GgmlModel

ALPHABETS = (
    [chr(code) for code in range(0x20, 0x7F)],
    [chr(code) for code in (*range(0x1F300, 0x1F650), 0x200D, 0xFE0F, 0x1F3FD)],
    [chr(code) for code in (*range(0x4E00, 0x5000), *range(0x3041, 0x3097))],
    [chr(code) for code in range(0x600, 0x6FF) if unicodedata.category(chr(code)) != "Cn"],
    ["\u200b", "\u200c", "\u2060", "\ufeff", "\u00ad", "a", "\u0301"],
    ["\0", "\n", "\t", "\r", "\x7f", "\x01", " ", "  "],
    ["<s>", "</s>", "<unk>", "<0x0A>", "\u2581", "<|im_end|>"],
    [chr(code) for code in range(0x10000, 0x10100)],
)
"""What random texts are made of: plain, emoji, CJK, Arabic, zero-width, control, special, rare."""


def make_text(rng: Random) -> str:
    size = rng.choice((1, 3, 20, 100)) if rng.random() < 0.995 else 4000
    mixed = [rng.choice(ALPHABETS) for _ in range(rng.choice((1, 2, 4)))]
    return "".join(rng.choice(rng.choice(mixed)) for _ in range(size))


def strings(model: GgmlModel, asked: dict[str, Any]) -> object:
    """Tokenize random texts and see that each comes back."""
    rng = Random(asked["seed"])  # noqa: S311
    wrong: list[str] = []
    longest = 0
    for _ in range(asked["count"]):
        text = make_text(rng)
        tokens = model.tokenize(text)
        longest = max(longest, len(tokens))
        if model.vocabulary.decode(tokens).decode() != f" {text}":
            wrong.append(text)
    return {"wrong": wrong[:5], "longest": longest}


def tokens(model: GgmlModel, asked: dict[str, Any]) -> object:
    """Tokenize each text."""
    return [model.tokenize(text, specials=asked["specials"]) for text in asked["texts"]]


def evaluate(model: GgmlModel, prompt: Sequence[int]) -> list[int]:
    return list(model.evaluate(prompt))


def greedy(model: GgmlModel, asked: dict[str, Any]) -> object:
    """The logarithms of probabilities after each prompt, and the likeliest tokens from there."""
    answers: list[object] = []
    for prompt in asked["prompts"]:
        evaluate(model, prompt)
        logits = model.logits.astype(np.float64)
        likely = logits - logits.max()
        likely -= np.log(np.exp(likely).sum())
        said: list[int] = []
        while len(said) < asked["count"]:
            said.append(int(model.logits.argmax()))
            model.append(said[-1])
        answers.append({"logprobs": likely.tolist(), "said": said})
    return answers


def steps(model: GgmlModel, asked: dict[str, Any]) -> object:
    """What `evaluate` yields for one text after another, and the best token after each."""
    return [(evaluate(model, text), int(model.logits.argmax())) for text in asked["texts"]]


def main() -> None:
    asked = json.load(sys.stdin)
    answers: list[object] = []
    for file in sys.argv[2:]:
        model = GgmlModel(Path(file), context_length=512)
        answers.append(globals()[sys.argv[1]](model, asked))
    print(json.dumps(answers))  # noqa: T201


if __name__ == "__main__":
    main()
