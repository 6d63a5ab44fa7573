"""Every quantization that a GGML file of 2023 has is played as it is defined.

Blocks are random bits with a step that makes them weights of a usual size; what they mean is told
by gguf's own reading of the same bytes, written as F32.
"""

import struct
from pathlib import Path
from typing import NamedTuple

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind

from bot.generation.workers.ggml_header import read_ggml_header
from tests.generation.workers.test_ggml_model import probe
from tests.ggml_files import (
    ALIGNMENT,
    GgmlModel,
    Quantization,
    make_random_model,
    read_demo_model,
    write_ggml,
)

PROMPTS = [[1, *range(300, 340)], [1, 7], [1, *range(2000, 2020)]]


class Step(NamedTuple):
    """Where a block's step is, and what is taken away, in steps (its place is the next one)."""

    at: int
    less: float | None = None


STEPS = {
    Kind.Q2_K: Step(80, 1.5),
    Kind.Q3_K: Step(108),
    Kind.Q4_0: Step(0),
    Kind.Q4_1: Step(0, -7.5),
    Kind.Q4_K: Step(0, 7.5),
    Kind.Q5_0: Step(0),
    Kind.Q5_1: Step(0, -15.5),
    Kind.Q5_K: Step(0, 15.5),
    Kind.Q6_K: Step(208),
    Kind.Q8_0: Step(0),
}


def make_blocks(shape: tuple[int, ...], kind: Kind, seed: int) -> np.ndarray:
    """Rows of random blocks whose weights are as large as those of a matrix that keeps a size."""
    values, size = gguf.GGML_QUANT_SIZES[kind]
    count = shape[0] * shape[1] // values
    blocks = np.random.default_rng(seed).integers(0, 256, (count, size), np.uint8)
    place, less = STEPS[kind]

    def set_step(step: float) -> None:
        steps = [step] if less is None else [step, less * step]
        written = np.array(steps, "<f2").view(np.uint8)
        blocks[:, place : place + len(written)] = written

    set_step(1 / 64)
    set_step(1 / 64 / shape[1] ** 0.5 / float(gguf.dequantize(blocks, kind).std()))
    return blocks.reshape(shape[0], -1)


def write_twins(folder: Path, kind: Kind) -> tuple[Path, Path]:
    """A file of such blocks, and one with the same numbers as F32."""
    model = make_random_model(read_demo_model().vocabulary, width=256, heads=4)
    blocks = {
        name: make_blocks(values.shape, kind, seed)
        for seed, (name, values) in enumerate(model.tensors.items())
        if values.ndim > 1
    }
    numbers = {name: gguf.dequantize(data, kind) for name, data in blocks.items()}
    tensors = {name: numbers.get(name, values) for name, values in model.tensors.items()}
    plain, packed = folder / "plain.bin", folder / "packed.bin"
    sizes = {"width": model.width, "multiple": model.multiple, "heads": 4, "layers": 1}
    whole = GgmlModel(vocabulary=model.vocabulary, tensors=tensors, **sizes)
    write_ggml(whole, plain, Quantization.F32)
    head = plain.read_bytes()[: find_tensors(whole)]
    with packed.open("wb") as file:
        file.write(head)
        for name, values in tensors.items():
            kind_here = kind if name in blocks else Kind.F32
            data = blocks.get(name, values)
            file.write(struct.pack("<3I", values.ndim, len(name), kind_here))
            file.write(struct.pack(f"<{values.ndim}I", *values.shape[::-1]) + name.encode())
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
            file.write(data.tobytes())
    return plain, packed


def find_tensors(model: GgmlModel) -> int:
    """Where the vocabulary ends."""
    return 9 * 4 + sum(8 + len(text) for text, _ in model.vocabulary)


@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.name)
async def test_a_quantization_means_what_it_is_defined_to(tmp_path: Path, kind: Kind):
    plain, packed = write_twins(tmp_path, kind)
    assert read_ggml_header(packed).tensors["output.weight"].kind == kind.name
    answers = await probe("greedy", plain, packed, prompts=PROMPTS, count=1)
    expected, found = (np.array([told["logprobs"] for told in answer]) for answer in answers)
    expected -= expected.mean(axis=1, keepdims=True)
    found -= found.mean(axis=1, keepdims=True)
    # ggml rounds the other factor to eight bits: some one percent.
    assert np.linalg.norm(found - expected) < 0.05 * np.linalg.norm(expected)
