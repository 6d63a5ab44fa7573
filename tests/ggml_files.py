"""Writes small GGML model files of 2023 (ggjt v3), as llama.cpp's convert.py and quantize did.

Such a file says neither how wide the feed-forward is nor how many key-value heads there are: its
reader computes the one from `n_mult` and has to be told the other.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from gguf import GGUFReader, GGUFValueType, TokenType, dequantize
from numpy.typing import NDArray

from bot.generation.config import DEMO_MODEL

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Piece = tuple[bytes, float]
"""A token's text and its score."""

ALIGNMENT = 32

_MAGIC, _VERSION = 0x67676A74, 3
_NAMES = {
    "token_embd": "tok_embeddings",
    "output_norm": "norm",
    "output": "output",
    "attn_norm": "attention_norm",
    "attn_q": "attention.wq",
    "attn_k": "attention.wk",
    "attn_v": "attention.wv",
    "attn_output": "attention.wo",
    "ffn_norm": "ffn_norm",
    "ffn_gate": "feed_forward.w1",
    "ffn_down": "feed_forward.w2",
    "ffn_up": "feed_forward.w3",
}
"""Tensors, from GGUF's names to GGML's."""


class Quantization(StrEnum):
    """How matrices are stored, as file names say it; norms are always F32."""

    F32 = "F32"
    F16 = "F16"
    Q8_0 = "Q8_0"
    Q4_0 = "Q4_0"
    Q5_1 = "Q5_1"
    Q6_K = "Q6_K"


@dataclass(frozen=True, slots=True, kw_only=True)
class GgmlModel:
    """A Llama as its file describes it; matrices are rows x columns, a row for each output."""

    width: int
    multiple: int
    """The feed-forward size is rounded up to a multiple of this (`n_mult`)."""
    heads: int
    layers: int
    vocabulary: Sequence[Piece]
    tensors: Mapping[str, Floats]


def read_demo_model() -> GgmlModel:
    """Read the model that ships as float32; Q8_0 gives its numbers back as they are."""
    reader = GGUFReader(DEMO_MODEL)
    found = {_rename(each.name): dequantize(each.data, each.tensor_type) for each in reader.tensors}
    width, wide = found["layers.0.feed_forward.w2.weight"].shape
    return GgmlModel(
        width=width,
        multiple=wide,  # rounding up to itself keeps it
        heads=int(reader.fields["llama.attention.head_count"].contents()),
        layers=int(reader.fields["llama.block_count"].contents()),
        vocabulary=read_gguf_vocabulary(DEMO_MODEL),
        tensors=found,
    )


def make_random_model(
    vocabulary: Sequence[Piece],
    *,
    width: int = 64,
    layers: int = 1,
    heads: int = 2,
    kv_heads: int | None = None,
    seed: int = 1,
) -> GgmlModel:
    """Make a model that says nothing; fewer `kv_heads` than heads is grouped-query attention."""
    rng = np.random.default_rng(seed)
    multiple = 32 if width % 256 else 256
    share = heads // (kv_heads or heads)
    wide = compute_feed_forward(width, multiple, layers=layers, share=share)
    tensors = {
        name: rng.standard_normal(shape, np.float32) / np.float32(width**0.5) + (len(shape) == 1)
        for name, shape in _list_shapes(len(vocabulary), width, width // share, wide, layers)
    }  # norms about 1
    sizes = {"width": width, "multiple": multiple, "heads": heads, "layers": layers}
    return GgmlModel(vocabulary=vocabulary, tensors=tensors, **sizes)


def compute_feed_forward(width: int, multiple: int, *, layers: int = 1, share: int = 1) -> int:
    """Compute the feed-forward size as readers do; `share` is heads to a key-value head.

    Llama 2 70B is known by its two numbers and gets a wider one than the rule gives.
    """
    raw = 2 * (4 * width) // 3
    if (layers, share) == (80, 8):
        raw = int(np.float32(1.3) * np.float32(raw))
    return (raw + multiple - 1) // multiple * multiple


def _list_shapes(
    tokens: int, width: int, kv_width: int, wide: int, layers: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "tok_embeddings.weight", (tokens, width)
    yield "norm.weight", (width,)
    yield "output.weight", (tokens, width)
    for start in (f"layers.{layer}" for layer in range(layers)):
        yield f"{start}.attention.wq.weight", (width, width)
        yield f"{start}.attention.wk.weight", (kv_width, width)
        yield f"{start}.attention.wv.weight", (kv_width, width)
        yield f"{start}.attention.wo.weight", (width, width)
        yield f"{start}.attention_norm.weight", (width,)
        yield f"{start}.feed_forward.w1.weight", (wide, width)
        yield f"{start}.feed_forward.w2.weight", (width, wide)
        yield f"{start}.feed_forward.w3.weight", (wide, width)
        yield f"{start}.ffn_norm.weight", (width,)


def _rename(name: str) -> str:
    *block, kind, last = name.split(".")  # blk.0.attn_q.weight, output.weight
    return ".".join([*(["layers", *block[1:]] if block else []), _NAMES[kind], last])


# Vocabularies


def read_gguf_vocabulary(path: Path) -> list[Piece]:
    """Read a GGUF file's SentencePiece vocabulary, its texts as convert.py wrote them in 2023."""
    data = path.read_bytes()
    columns = [_read_array(data, name) for name in ("tokens", "scores", "token_type")]
    return [_write_piece(*fields) for fields in zip(*columns, strict=True)]


def _read_array(data: bytes, name: str) -> Sequence[Any]:
    """Read an array from where its key stands; GGUFReader takes seconds for 32,000 pieces."""
    key = f"tokenizer.ggml.{name}".encode()
    start = data.index(struct.pack("<Q", len(key)) + key) + 8 + len(key)
    _, kind, count = struct.unpack_from("<IIQ", data, start)
    start += 16
    if kind != GGUFValueType.STRING:
        code = "f" if kind == GGUFValueType.FLOAT32 else "i"
        return struct.unpack_from(f"<{count}{code}", data, start)
    texts: list[bytes] = []
    for _ in range(count):
        end = start + 8 + struct.unpack_from("<Q", data, start)[0]
        texts.append(data[start + 8 : end])
        start = end
    return texts


def _write_piece(text: bytes, score: float, kind: int) -> Piece:
    match kind:
        case TokenType.UNKNOWN:
            text = " \u2047 ".encode()
        case TokenType.CONTROL:
            text = b""
        case TokenType.BYTE:  # <0x0A>
            text = bytes([int(text[3:5], 16)])
        case TokenType.USER_DEFINED:  # from added_tokens.json
            score = -1000.0
        case _:
            text = text.replace("\u2581".encode(), b" ")
    return text, score


# Rows of numbers to blocks of bytes, as ggml-quants.h lays them out


def quantize(values: Floats, quantization: Quantization) -> Bytes:
    """Turn rows of numbers into rows of bytes.

    Raises:
        ValueError: If a row is no whole number of blocks.
    """
    form = _FORMS[quantization]
    if values.shape[-1] % form.block:
        msg = f"Rows of {values.shape[-1]} are no whole blocks of {quantization}."
        raise ValueError(msg)
    blocks = np.ascontiguousarray(values, np.float32).reshape(-1, form.block)
    return form.pack(blocks).reshape(*values.shape[:-1], -1)


def _pack_f16(blocks: NDArray[np.floating[Any]]) -> Bytes:
    return blocks.astype(np.float16).view(np.uint8)


def _pack_q8_0(blocks: Floats) -> Bytes:
    step = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    numbers = np.rint(blocks * _invert(step)).astype(np.int8)
    return np.hstack([_pack_f16(step), numbers.view(np.uint8)])


def _pack_q4_0(blocks: Floats) -> Bytes:
    """The number furthest from zero is -8 steps; on the other side there are but 7."""
    furthest = np.abs(blocks).argmax(axis=1, keepdims=True)
    step = np.take_along_axis(blocks, furthest, axis=1) / np.float32(-8)
    numbers = (blocks * _invert(step) + np.float32(8.5)).astype(np.uint8).clip(max=15)
    return np.hstack([_pack_f16(step), _pack_nibbles(numbers)])


def _pack_q5_1(blocks: Floats) -> Bytes:
    lowest = blocks.min(axis=1, keepdims=True)
    step = (blocks.max(axis=1, keepdims=True) - lowest) / np.float32(31)
    numbers = ((blocks - lowest) * _invert(step) + np.float32(0.5)).astype(np.uint8).clip(max=31)
    fifth_bits = np.packbits(numbers >> 4, axis=1, bitorder="little")
    return np.hstack([_pack_f16(step), _pack_f16(lowest), fifth_bits, _pack_nibbles(numbers & 15)])


def _pack_q6_k(blocks: Floats) -> Bytes:
    """Sixteen groups of 16, the step of each a whole number of the block's unit.

    Both are rounded up, so that no number is cut; ggml searches for better ones.
    """
    groups = blocks.reshape(-1, 16, 16)
    needed = np.abs(groups).max(axis=2) / np.float32(31)
    unit = (needed.max(axis=1, keepdims=True) / np.float32(127)).astype(np.float16)
    unit = np.nextafter(unit, np.float16(np.inf))
    scales = np.ceil(needed / unit.astype(np.float32)).astype(np.int8)
    steps = (unit * scales.astype(np.float32))[:, :, None]
    numbers = np.rint(groups * _invert(steps)) + 32
    quarters = numbers.astype(np.uint8).reshape(-1, 2, 4, 32)
    low = quarters[:, :, :2] & 15 | quarters[:, :, 2:] << 4
    high = quarters >> 4 << np.array([[0], [2], [4], [6]], np.uint8)
    parts = [low.reshape(-1, 128), np.bitwise_or.reduce(high, axis=2).reshape(-1, 64)]
    return np.hstack([*parts, scales.view(np.uint8), unit.view(np.uint8)])


def _pack_nibbles(numbers: Bytes) -> Bytes:
    return numbers[:, :16] | numbers[:, 16:] << np.uint8(4)


def _invert(step: Floats) -> Floats:
    return np.divide(1, step, out=np.zeros_like(step), where=step != 0)


class _Form(NamedTuple):
    tensor_type: int
    file_type: int
    block: int
    pack: Callable[[Floats], Bytes]


_FORMS = {
    Quantization.F32: _Form(0, 0, 1, lambda blocks: blocks.view(np.uint8)),
    Quantization.F16: _Form(1, 1, 1, _pack_f16),
    Quantization.Q4_0: _Form(2, 2, 32, _pack_q4_0),
    Quantization.Q5_1: _Form(7, 9, 32, _pack_q5_1),
    Quantization.Q8_0: _Form(8, 7, 32, _pack_q8_0),
    Quantization.Q6_K: _Form(14, 18, 256, _pack_q6_k),
}


def write_ggml(model: GgmlModel, path: Path, quantization: Quantization) -> None:
    """Write a file that ctransformers loads; rows that do not fit the blocks become Q8_0.

    Raises:
        ValueError: If a row does not fit blocks of Q8_0 either.
    """
    with path.open("wb") as file:
        file.write(_write_header(model, quantization))
        for text, score in model.vocabulary:
            file.write(struct.pack("<I", len(text)) + text + struct.pack("<f", score))
        for name, values in model.tensors.items():
            _write_tensor(file, name, values, quantization)


def _write_header(model: GgmlModel, quantization: Quantization) -> bytes:
    rotary = model.width // model.heads
    sizes = (len(model.vocabulary), model.width, model.multiple, model.heads, model.layers, rotary)
    return struct.pack("<2I7i", _MAGIC, _VERSION, *sizes, _FORMS[quantization].file_type)


def _write_tensor(file: BinaryIO, name: str, values: Floats, quantization: Quantization) -> None:
    if values.ndim == 1:
        quantization = Quantization.F32
    elif values.shape[-1] % _FORMS[quantization].block:
        quantization = Quantization.Q8_0
    shape = values.shape[::-1]  # ggml begins with the length of a row
    file.write(struct.pack("<3I", len(shape), len(name), _FORMS[quantization].tensor_type))
    file.write(struct.pack(f"<{len(shape)}I", *shape) + name.encode())
    file.write(b"\0" * (-file.tell() % ALIGNMENT))
    file.write(quantize(values, quantization).tobytes())
