"""What a GGML file of 2023 says of itself: sizes, vocabulary, and what its tensors look like.

Layout (`ggjt` version 3, llama.cpp's own until August 2023): magic, version, seven hyperparameters;
each token's length, bytes and score; each tensor's number of dimensions, length of its name, type,
dimensions with the length of a row first, name, and its data at the next multiple of 32.
"""

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from bot.generation.workers.model_files import ModelFileError
from bot.generation.workers.tensor_types import FILE_TYPES, TENSOR_TYPES

if TYPE_CHECKING:
    from pathlib import Path

_GGJT, _VERSION = 0x67676A74, 3
_HEAD = struct.Struct("<9I")
_TENSOR = struct.Struct("<3I")
_ALIGNMENT = 32
_MAX_TOKENS = 1_000_000
_MAX_TOKEN_BYTES = 4096
_MAX_NAME_BYTES = 256
_MOST_DIMENSIONS = 2

_TYPES = {number: TENSOR_TYPES[number] for number in (0, 1, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14)}
"""What was there in 2023, by its number in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GgmlTensor:
    """One tensor, without its data."""

    shape: tuple[int, ...]
    """The length of a row first."""
    kind: str
    """`F16`, `Q4_K` and so on."""
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GgmlHeader:
    """A Llama in a GGML file."""

    width: int
    heads: int
    layers: int
    entries: tuple[tuple[bytes, float], ...] = field(repr=False)
    """The vocabulary: each token's bytes and score."""
    tensors: dict[str, GgmlTensor] = field(repr=False)
    file_type: str
    """The mixture of types, as file names bear it: `Q4_K_M`; empty if it is not known."""

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values: fewer than `heads` with grouped-query attention."""
        rows = self.tensors["layers.0.attention.wk.weight"].shape[1]
        return rows * self.heads // self.width


def read_ggml_header(path: "Path") -> GgmlHeader:
    """Read everything but the tensors' data, and see that all of it is there.

    Raises:
        ModelFileError: If the file is damaged, cut off, or older than the last version.
    """
    try:
        with path.open("rb") as file:
            return _read_header(file, path)
    except (OSError, ValueError, EOFError) as error:
        raise ModelFileError(path, f"it is damaged ({error})", "download it again") from error


def _read_header(file: BinaryIO, path: "Path") -> GgmlHeader:
    magic, version, count, width, _, heads, layers, turned, mixture = _HEAD.unpack(
        _read(file, _HEAD.size)
    )
    if (magic, version) != (_GGJT, _VERSION):
        remedy = "take one of GGML version 3 (their names say `ggmlv3`), or a GGUF file"
        raise ModelFileError(path, "it is a GGML file of an older version", remedy)
    if not 0 < count <= _MAX_TOKENS:
        message = f"a vocabulary of {count} tokens"
        raise ValueError(message)
    if not (heads and width and turned * heads == width):  # native code would abort
        raise ModelFileError(path, "it is no Llama", "take the GGUF file of the same model")
    header = GgmlHeader(
        width=width,
        heads=heads,
        layers=layers,
        entries=tuple(_read_entry(file, number) for number in range(count)),
        tensors=_read_tensors(file, path.stat().st_size),
        file_type=FILE_TYPES.get(mixture, ""),
    )
    last = f"layers.{layers - 1}.feed_forward.w2.weight"
    for name in ("tok_embeddings.weight", "layers.0.attention.wk.weight", last):
        if name not in header.tensors or len(header.tensors[name].shape) < _MOST_DIMENSIONS:
            message = f"there is no {name}"
            raise ValueError(message)
    return header


def _read_entry(file: BinaryIO, number: int) -> tuple[bytes, float]:
    (size,) = struct.unpack("<I", _read(file, 4))
    if size > _MAX_TOKEN_BYTES:
        message = f"token {number} of {size} bytes"
        raise ValueError(message)
    said = _read(file, size)
    return said, struct.unpack("<f", _read(file, 4))[0]


def _read_tensors(file: BinaryIO, file_size: int) -> dict[str, GgmlTensor]:
    """To the end of the file; where it is cut off, llama.cpp would read what is not there."""
    tensors: dict[str, GgmlTensor] = {}
    while file.tell() < file_size:
        dimensions, name_size, kind = _TENSOR.unpack(_read(file, _TENSOR.size))
        if not 0 < dimensions <= _MOST_DIMENSIONS or name_size > _MAX_NAME_BYTES:
            message = f"a tensor of {dimensions} dimensions"
            raise ValueError(message)
        if kind not in _TYPES:
            message = f"a tensor of the unknown type {kind}"
            raise ValueError(message)
        shape = struct.unpack(f"<{dimensions}I", _read(file, 4 * dimensions))
        name = _read(file, name_size).decode("utf-8", errors="replace")
        begin = -(-file.tell() // _ALIGNMENT) * _ALIGNMENT
        size = _TYPES[kind].measure(shape)
        end = begin + size
        if end > file_size:
            message = f"it ends in {name}: at least {end:,} bytes, and there are {file_size:,}"
            raise EOFError(message)
        file.seek(end)
        tensors[name] = GgmlTensor(shape=shape, kind=_TYPES[kind].name, size_bytes=size)
    return tensors


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        message = "it ends too early"
        raise EOFError(message)
    return data
