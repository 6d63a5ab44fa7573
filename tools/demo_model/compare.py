"""Compare a GGUF file with the network it was made from: same tokens, same greedy text.

Usage: python -m tools.demo_model.compare NETWORK TOKENIZER MODEL.gguf PROMPTS.txt
Prompts are separated by lines that hold only `%%`. Exit code 1 when something differs.
"""

import argparse
import sys
from pathlib import Path

import torch

from tools.demo_model.export_gguf import load_network, q8_roundtrip
from tools.demo_model.gguf_server import GgufServer
from tools.demo_model.tokenizer import BOS, EOS, load_tokenizer

GREEDY = {"temperature": 0.0, "repeat_penalty": 1.0, "n_predict": 60, "return_tokens": True}


def main() -> None:
    """Print one line a prompt."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("network", "tokenizer", "model", "prompts"):
        parser.add_argument(name, type=Path)
    chosen = parser.parse_args()
    network = load_network(chosen.network)
    for weight in network.parameters():
        if weight.dim() > 1:
            weight.data = q8_roundtrip(weight)
    pieces = load_tokenizer(chosen.tokenizer)
    server = GgufServer(chosen.model)
    differences = 0
    torch.set_num_threads(2)
    for prompt in chosen.prompts.read_text(encoding="utf-8").split("\n%%\n"):
        ids = pieces.encode(prompt)
        same_tokens = server.tokenize(prompt) == ids
        ours = network.greedy([BOS, *ids], end=EOS, limit=60)
        theirs = [t for t in server.complete(prompt, **GREEDY)["tokens"] if t != EOS]
        same = sum(1 for _ in _common(ours, theirs))
        differences += (not same_tokens) + (ours != theirs)
        print(f"tokens equal: {same_tokens}; greedy: {same} of {len(ours)} equal")
        print(f"  {pieces.decode(theirs)!r}")
    sys.exit(1 if differences else 0)


def _common(ours: list[int], theirs: list[int]) -> list[int]:
    same: list[int] = []
    for left, right in zip(ours, theirs, strict=False):
        if left != right:
            break
        same.append(left)
    return same


if __name__ == "__main__":
    main()
