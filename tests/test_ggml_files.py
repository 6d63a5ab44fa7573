"""The GGML files that tests write: their blocks, their layout, and how ctransformers reads them."""

import struct
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pytest
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, LlamaFileType, dequantize
from gguf import quantize as gguf_quantize

from bot.generation.config import DEMO_MODEL
from tests.ggml_files import (
    ALIGNMENT,
    Quantization,
    compute_feed_forward,
    make_random_model,
    quantize,
    read_demo_model,
    read_gguf_vocabulary,
    write_ggml,
)

LIMIT_SECONDS = 60
LLAMA_VOCABULARY = (
    Path(__file__).parents[2] / "shared" / "vocab" / "ggml-vocab-llama-spm.gguf"
)  # not part of this repository
VOCABULARY = [
    (" ⁇ ".encode(), 0.0),
    (b"", 0.0),
    (b"", 0.0),
    *((bytes([number]), 0.0) for number in range(256)),
    (b" the", -1.0),
    ("für".encode(), -2.5),
]

PROMPT = "### Instruction:\nThe lantern swings, and nobody answers.\n\n### Response:\n"
LOAD = """
import sys
import numpy as np
from ctransformers.lib import find_library
from ctransformers.llm import LLM, Config

library, tokens, logits = find_library(), [], {}  # it takes a second to look at the CPU
prompt, found, *paths = sys.argv[1:]
for path in paths:
    try:
        model = LLM(path, "llama", config=Config(context_length=256, threads=1), lib=library)
    except RuntimeError:
        continue
    tokens = tokens or model.tokenize(prompt)
    model.eval(tokens)
    logits[path] = [model.logits[i] for i in range(model.vocab_size)]
np.savez(found, tokens=tokens, **logits)
"""
"""Native code may take its process with it, so it runs in one of its own."""

quantizations = pytest.mark.parametrize("quantization", Quantization)


class Tensor(NamedTuple):
    kind: GGMLQuantizationType
    shape: tuple[int, ...]
    start: int
    end: int


def read_back(data: bytes) -> tuple[tuple[int, ...], list[tuple[bytes, float]], dict[str, Tensor]]:
    """Read a file's numbers, vocabulary and tensors, as its format says."""
    numbers = struct.unpack_from("<9i", data)
    at, vocabulary, tensors = 36, [], {}
    for _ in range(numbers[2]):
        end = at + 4 + struct.unpack_from("<I", data, at)[0]
        vocabulary.append((data[at + 4 : end], struct.unpack_from("<f", data, end)[0]))
        at = end + 4
    while at < len(data):
        count, length, kind = struct.unpack_from("<3I", data, at)
        shape = struct.unpack_from(f"<{count}I", data, at + 12)
        at += 12 + 4 * count
        name = data[at : at + length].decode()
        start = at + length + -(at + length) % ALIGNMENT
        block, size = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
        at = start + int(np.prod(shape)) // block * size
        tensors[name] = Tensor(GGMLQuantizationType(kind), shape, start, at)
    return numbers, vocabulary, tensors


def load(paths: list[Path]) -> dict[str, Any]:
    """Evaluate a prompt with every file that loads; gives its tokens and the logits by path."""
    found = paths[0].with_suffix(".npz")
    command = [sys.executable, "-c", LOAD, PROMPT, str(found), *map(str, paths)]
    done = subprocess.run(  # noqa: S603
        command, stdout=subprocess.PIPE, timeout=LIMIT_SECONDS, check=True
    )
    assert not done.stdout
    with np.load(found) as saved:
        return dict(saved)


# Blocks


@pytest.fixture(scope="module")
def values():
    drawn = np.random.default_rng(5).standard_normal((64, 512), np.float32) / 20
    drawn[1], drawn[2], drawn[3] = 0, 0.25, -np.abs(drawn[3])
    return drawn


def find_steps(values, quantization):
    """How far apart the numbers are that a format can say near each of these."""
    groups = values.reshape(-1, 16 if quantization is Quantization.Q6_K else 32)
    largest = np.abs(groups).max(axis=1, keepdims=True)
    units = largest.reshape(-1, 16).max(axis=1).repeat(16)[:, None] / 31 / 127
    steps = {
        Quantization.F32: 0.0,
        Quantization.F16: np.abs(groups) / 2**10 + 2**-24,
        Quantization.Q8_0: largest / 127,
        Quantization.Q4_0: largest / 8,
        Quantization.Q5_1: np.ptp(groups, axis=1, keepdims=True) / 31,
        Quantization.Q6_K: largest / 31 + units,
    }
    return np.broadcast_to(steps[quantization], groups.shape).reshape(values.shape)


@quantizations
def test_what_a_block_says_is_within_a_step(values, quantization):
    read = dequantize(quantize(values, quantization), GGMLQuantizationType[quantization])
    errors, steps = np.abs(read - values), find_steps(values, quantization)
    assert (errors <= steps + 2**-14).all()  # a block says its step in float16
    assert errors.mean() <= steps.mean() * 0.3


@pytest.mark.parametrize(
    "quantization", [q for q in Quantization if q is not Quantization.Q6_K]
)  # gguf only reads that one
def test_blocks_are_what_gguf_writes(values, quantization):
    wanted = gguf_quantize(values, GGMLQuantizationType[quantization]).view(np.uint8)
    np.testing.assert_array_equal(quantize(values, quantization), wanted)


def test_numbers_that_fit_q6_k_come_back():
    """Every group of a block has its own step, and every number occurs."""
    numbers = np.resize(np.arange(-31, 32), 4096).reshape(-1, 16, 16)
    numbers[:, :, 0] = 31
    scales = np.arange(112, 128)[:, None]
    exact = (numbers * scales * np.float32(2**-12)).reshape(-1, 256).astype(np.float32)
    read = dequantize(quantize(exact, Quantization.Q6_K), GGMLQuantizationType.Q6_K)
    np.testing.assert_allclose(read, exact, rtol=2**-9)


def test_a_row_is_whole_blocks():
    with pytest.raises(ValueError, match="48 are no whole blocks of Q8_0"):
        quantize(np.zeros((2, 48), np.float32), Quantization.Q8_0)


# Files


@quantizations
def test_a_file_is_laid_out_as_the_format_says(tmp_path, quantization):
    model = make_random_model(VOCABULARY, width=256, heads=8, kv_heads=2)
    write_ggml(model, tmp_path / "model.bin", quantization)
    data = (tmp_path / "model.bin").read_bytes()
    numbers, vocabulary, tensors = read_back(data)
    assert data[:4] == b"tjgg"
    assert numbers[1:8] == (3, 261, 256, 256, 8, 1, 32)
    assert LlamaFileType(numbers[8]).name in (f"ALL_{quantization}", f"MOSTLY_{quantization}")
    assert vocabulary == VOCABULARY
    assert tensors.keys() == model.tensors.keys()
    assert max(each.end for each in tensors.values()) == len(data)
    for name, (kind, shape, start, end) in tensors.items():
        wanted = model.tensors[name]
        assert start % ALIGNMENT == 0
        assert shape == wanted.shape[::-1]
        assert kind.name == (quantization if len(shape) == 2 else "F32")
        read = dequantize(np.frombuffer(data[start:end], np.uint8), kind).reshape(wanted.shape)
        assert np.abs(read - wanted).mean() < 0.1 * np.abs(wanted).mean()


def test_grouped_query_attention_has_fewer_keys_and_values():
    tensors = make_random_model(VOCABULARY, heads=8, kv_heads=2).tensors
    shapes = [tensors[f"layers.0.attention.w{each}.weight"].shape for each in "qkvo"]
    assert shapes == [(64, 64), (16, 64), (16, 64), (64, 64)]


def test_rows_too_short_for_q6_k_are_q8_0(tmp_path):
    write_ggml(make_random_model(VOCABULARY), tmp_path / "model.bin", Quantization.Q6_K)
    numbers, _, tensors = read_back((tmp_path / "model.bin").read_bytes())
    assert LlamaFileType(numbers[8]).name == "MOSTLY_Q6_K"
    assert {each.kind.name for each in tensors.values()} == {"F32", "Q8_0"}


@pytest.mark.parametrize(
    ("width", "multiple", "layers", "share", "wide"),
    [
        pytest.param(4096, 256, 32, 1, 11008, id="7B"),
        pytest.param(5120, 256, 40, 1, 13824, id="13B"),
        pytest.param(8192, 256, 80, 1, 22016, id="65B"),
        pytest.param(8192, 4096, 80, 8, 28672, id="70B"),
        pytest.param(256, 64, 5, 1, 704, id="small"),
    ],
)
def test_the_feed_forward_is_computed(width, multiple, layers, share, wide):
    assert compute_feed_forward(width, multiple, layers=layers, share=share) == wide


def test_a_vocabulary_is_written_as_in_2023():
    if not LLAMA_VOCABULARY.is_file():
        pytest.skip(f"{LLAMA_VOCABULARY} is not here")
    vocabulary = read_gguf_vocabulary(LLAMA_VOCABULARY)
    assert len(vocabulary) == 32000
    assert vocabulary[:3] == [(" ⁇ ".encode(), 0.0), (b"", 0.0), (b"", 0.0)]
    assert vocabulary[3:259] == VOCABULARY[3:259]
    assert vocabulary[260:262] == [(b" t", -1.0), (b"er", -2.0)]


# ctransformers


@pytest.fixture(scope="module")
def logits():
    """What the demo model answers, from files of every quantization and from its GGUF file."""
    model = read_demo_model()
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"demo.ggmlv3.{each}.bin") for each in Quantization]
        for path, quantization in zip(paths, Quantization, strict=True):
            write_ggml(model, path, quantization)
        tokens, *found = load([*paths, DEMO_MODEL]).values()
    assert b"".join(model.vocabulary[i][0] for i in tokens[1:]).decode() == PROMPT
    return dict(zip([*Quantization, "GGUF"], found, strict=True))


@pytest.mark.parametrize(
    ("quantization", "tolerance"),
    [
        (Quantization.F16, 0.005),
        (Quantization.Q8_0, 0.03),
        (Quantization.Q6_K, 0.1),
        (Quantization.Q5_1, 0.2),
        (Quantization.Q4_0, 0.4),
    ],
)
def test_ctransformers_reads_every_quantization(logits, quantization, tolerance):
    exact = logits[Quantization.F32]
    error = np.linalg.norm(logits[quantization] - exact) / np.linalg.norm(exact - exact.mean())
    assert 0 < error < tolerance


def test_it_is_the_model_of_the_gguf_file(logits):
    np.testing.assert_allclose(logits[Quantization.Q8_0], logits["GGUF"], atol=0.01)


def test_grouped_query_attention_loads_where_the_path_says_70b(tmp_path):
    """A link may say it: ctransformers takes an eighth of the heads by the path it is given."""
    plain, link = tmp_path / "grouped.bin", tmp_path / "small-70b.bin"
    write_ggml(make_random_model(VOCABULARY, heads=8, kv_heads=1), plain, Quantization.Q8_0)
    link.symlink_to(plain)
    large = tmp_path / "LARGE_70B_chat.bin"
    model = make_random_model(VOCABULARY, heads=8, kv_heads=1, layers=80)
    write_ggml(model, large, Quantization.Q4_0)
    found = load([plain, link, large])
    assert found.keys() == {"tokens", str(link), str(large)}
    assert all(np.isfinite(each).all() for each in found.values())
