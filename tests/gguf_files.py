"""Writes small GGUF files byte by byte; what would be weights is a hole that takes no room."""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.generation.workers.tensor_types import TENSOR_TYPES

TEXT, ARRAY = 8, 9
CODES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
U32, I32, F32, BOOL = 4, 5, 6, 7
ALIGNMENT = 32

_NUMBERS = {each.name: number for number, each in TENSOR_TYPES.items()}
Place = tuple[str, Sequence[int], str | int]
"""A tensor's name, shape (the length of a row first) and type."""


def write_text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def write_array(kind: int, items: Sequence[Any]) -> bytes:
    written = [write_text(i) if kind == TEXT else struct.pack("<" + CODES[kind], i) for i in items]
    return struct.pack("<IQ", kind, len(items)) + b"".join(written)


def write_header(
    entries: Mapping[str, tuple[int, bytes]],
    *,
    version: int = 3,
    count: int | None = None,
    tensors: int = 0,
    magic: bytes = b"GGUF",
) -> bytes:
    counts = struct.pack("<IQQ", version, tensors, len(entries) if count is None else count)
    body = [write_text(key) + struct.pack("<I", kind) + v for key, (kind, v) in entries.items()]
    return magic + counts + b"".join(body)


def write_values(values: Mapping[str, Any]) -> dict[str, tuple[int, bytes]]:
    """Values as a file has them: a list by its first item."""
    return {key: _write_value(value) for key, value in values.items()}


def _write_value(value: Any) -> tuple[int, bytes]:
    if isinstance(value, str):
        return TEXT, write_text(value)
    if isinstance(value, list | tuple):
        kind = _get_kind(value[0])
        return ARRAY, write_array(I32 if kind == U32 else kind, value)  # as llama.cpp wants them
    kind = _get_kind(value)
    return kind, struct.pack("<" + CODES[kind], value)


def _get_kind(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return I32 if value < 0 else U32
    return {str: TEXT, float: F32, bool: BOOL}[type(value)]


def write_place(name: str | bytes, shape: Sequence[int], kind: int, offset: int) -> bytes:
    return write_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def write_gguf(path: Path, values: Mapping[str, Any], places: Iterable[Place]) -> Path:
    """A whole file: values, and tensors one after another."""
    listed, offset = [], 0
    for name, shape, kind in places:
        number = _NUMBERS[kind] if isinstance(kind, str) else kind
        listed.append(write_place(name, shape, number, offset))
        size = TENSOR_TYPES[number].measure(shape)
        offset += -(-size // ALIGNMENT) * ALIGNMENT
    head = write_header(write_values(values), tensors=len(listed)) + b"".join(listed)
    begin = -(-len(head) // ALIGNMENT) * ALIGNMENT
    with path.open("wb") as file:
        file.write(head)
        file.truncate(begin + offset)
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """A model that llama.cpp loads, though it says nothing."""

    architecture: str = "llama"
    layers: int = 2
    width: int = 256
    feed_forward: int = 512
    heads: int = 4
    kv_heads: int | Sequence[int] = 2
    head_size: int | None = None
    vocabulary: int = 512
    context: int = 8192
    kind: str = "Q8_0"
    is_output_shared: bool = False
    experts: tuple[int, int] | None = None
    """How many, and how many of them work on a token."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """More of them, by names without the architecture's."""
    add: Callable[[str], Iterable[Place]] = lambda _: ()
    """More tensors of a layer, from how their names begin."""


def write_model(path: Path, sizes: Sizes) -> Path:
    return write_gguf(path, list_values(sizes), list_places(sizes))


def list_values(sizes: Sizes) -> dict[str, Any]:
    own = {
        "context_length": sizes.context,
        "embedding_length": sizes.width,
        "block_count": sizes.layers,
        "feed_forward_length": sizes.feed_forward,
        "attention.head_count": sizes.heads,
        "attention.head_count_kv": sizes.kv_heads,
        "attention.layer_norm_rms_epsilon": 1e-5,
    }
    if sizes.head_size:
        own |= {"attention.key_length": sizes.head_size, "attention.value_length": sizes.head_size}
    if sizes.experts:
        own |= {"expert_count": sizes.experts[0], "expert_used_count": sizes.experts[1]}
    own |= sizes.values
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{number:02X}>" for number in range(256))]
    words = sizes.vocabulary - len(pieces)
    return {
        "general.architecture": sizes.architecture,
        **{f"{sizes.architecture}.{name}": value for name, value in own.items()},
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [*pieces, *(f"word{number}" for number in range(words))],
        "tokenizer.ggml.scores": [0.0] * sizes.vocabulary,
        "tokenizer.ggml.token_type": [2, 3, 3, *[6] * 256, *[1] * words],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }


def list_places(sizes: Sizes) -> list[Place]:
    width, kind = sizes.width, sizes.kind
    places: list[Place] = [("token_embd.weight", (width, sizes.vocabulary), kind)]
    places.append(("output_norm.weight", (width,), "F32"))
    if not sizes.is_output_shared:
        places.append(("output.weight", (width, sizes.vocabulary), kind))
    for layer in range(sizes.layers):
        places += _list_layer(sizes, f"blk.{layer}", layer)
    return places


def _list_layer(sizes: Sizes, start: str, layer: int) -> Iterable[Place]:
    width, wide, kind = sizes.width, sizes.feed_forward, sizes.kind
    size = sizes.head_size or width // sizes.heads
    kv_heads = sizes.kv_heads if isinstance(sizes.kv_heads, int) else sizes.kv_heads[layer]
    yield f"{start}.attn_norm.weight", (width,), "F32"
    yield f"{start}.attn_q.weight", (width, size * sizes.heads), kind
    if kv_heads:
        yield f"{start}.attn_k.weight", (width, size * kv_heads), kind
        yield f"{start}.attn_v.weight", (width, size * kv_heads), kind
    yield f"{start}.attn_output.weight", (size * sizes.heads, width), kind
    yield f"{start}.ffn_norm.weight", (width,), "F32"
    count, end = ((), "") if sizes.experts is None else (sizes.experts[:1], "_exps")
    if sizes.experts:
        yield f"{start}.ffn_gate_inp.weight", (width, *count), "F32"
    yield f"{start}.ffn_gate{end}.weight", (width, wide, *count), kind
    yield f"{start}.ffn_up{end}.weight", (width, wide, *count), kind
    yield f"{start}.ffn_down{end}.weight", (wide, width, *count), kind
    yield from sizes.add(start)
