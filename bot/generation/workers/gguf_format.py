"""The bytes that a GGUF file begins with: its values by their names, then its tensors' places.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. A file may be damaged or made to
harm: nothing is believed that the file is too short for, and nothing absurd is kept in memory.
All functions raise ValueError or EOFError where something is wrong.
"""

import struct
from dataclasses import dataclass, field
from typing import BinaryIO

_NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING, _ARRAY = 8, 9
_MAX_COUNT = 4_000_000
"""More entries than any vocabulary has; a larger number means a damaged file."""
_MAX_STRING_BYTES = 16 * 1024 * 1024
_MAX_TENSORS = 100_000
_MAX_NAME_BYTES = 256
_MOST_DIMENSIONS = 4
_MAX_DIMENSION = 2**40

_KEPT_ARRAYS = {"tokenizer.ggml.tokens", "tokenizer.ggml.token_type"}
_SHORT_ARRAY = 1024
"""Numbers up to here are kept too: some arrays have one for each layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufPreamble:
    """What comes before the tensors' places."""

    values: dict[str, object] = field(repr=False)
    """By their names; of arrays only the vocabulary's texts and types and short ones of numbers,
    the others are None."""
    tensor_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorPlace:
    """A tensor as the file lists it, not checked against anything."""

    name: str
    shape: tuple[int, ...]
    """The length of a row first."""
    type_number: int
    offset: int
    """From where the tensors' data begins."""


def read_preamble(file: BinaryIO) -> GgufPreamble:
    """Read from the magic to the last value; the file stands at the first tensor's place then."""
    if file.read(4) != b"GGUF":
        message = "no GGUF magic"
        raise ValueError(message)
    version = _read_number(file, "I")
    if version not in {2, 3}:
        message = f"GGUF version {version}"
        raise ValueError(message)
    tensor_count = _read_number(file, "Q")
    count = _check_count(_read_number(file, "Q"), _MAX_COUNT)
    values: dict[str, object] = {}
    for _ in range(count):
        key = _read_string(file, _MAX_STRING_BYTES)
        kind = _read_number(file, "I")
        values[key] = _read_value(file, kind, keep=key in _KEPT_ARRAYS)
    return GgufPreamble(values=values, tensor_count=tensor_count)


def read_places(file: BinaryIO, count: int) -> tuple[TensorPlace, ...]:
    """Read where the tensors are, right after the preamble."""
    return tuple(_read_place(file) for _ in range(_check_count(count, _MAX_TENSORS)))


def _read_place(file: BinaryIO) -> TensorPlace:
    name = _read_string(file, _MAX_NAME_BYTES)
    dimensions = _read_number(file, "I")
    if not 0 < dimensions <= _MOST_DIMENSIONS:
        message = f"a tensor of {dimensions} dimensions"
        raise ValueError(message)
    shape = tuple(_read_number(file, "Q") for _ in range(dimensions))
    if not all(0 < size <= _MAX_DIMENSION for size in shape):
        message = f"a tensor of {' x '.join(str(size) for size in shape)}"
        raise ValueError(message)
    kind = _read_number(file, "I")
    return TensorPlace(name=name, shape=shape, type_number=kind, offset=_read_number(file, "Q"))


def _read_value(file: BinaryIO, kind: int, *, keep: bool) -> object:
    if kind == _STRING:
        return _read_string(file, _MAX_STRING_BYTES)
    if kind in _NUMBERS:
        return _read_number(file, _NUMBERS[kind])
    if kind != _ARRAY:
        message = f"a value of type {kind}"
        raise ValueError(message)
    item_kind = _read_number(file, "I")
    count = _check_count(_read_number(file, "Q"), _MAX_COUNT)
    return _read_array(file, item_kind, count, keep=keep)


def _read_array(file: BinaryIO, kind: int, count: int, *, keep: bool) -> tuple[object, ...] | None:
    if kind in _NUMBERS:
        code = f"<{count}{_NUMBERS[kind]}"
        data = _read_bytes(file, struct.calcsize(code))
        return struct.unpack(code, data) if keep or count <= _SHORT_ARRAY else None
    if kind != _STRING:
        message = f"an array of type {kind}"
        raise ValueError(message)
    if keep:
        return tuple(_read_string(file, _MAX_STRING_BYTES) for _ in range(count))
    for _ in range(count):
        _read_bytes(file, _check_size(_read_number(file, "Q"), _MAX_STRING_BYTES))
    return None


def _read_number(file: BinaryIO, code: str) -> int:
    """A number of any type; only the caller's `code` says that it is a whole one."""
    code = "<" + code
    return struct.unpack(code, _read_bytes(file, struct.calcsize(code)))[0]


def _read_string(file: BinaryIO, most: int) -> str:
    size = _check_size(_read_number(file, "Q"), most)
    return _read_bytes(file, size).decode("utf-8", errors="replace")


def _read_bytes(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        message = "the file ends in its header"
        raise EOFError(message)
    return data


def _check_count(count: int, most: int) -> int:
    if count > most:
        message = f"{count} entries"
        raise ValueError(message)
    return count


def _check_size(size: int, most: int) -> int:
    if size > most:
        message = f"a text of {size} bytes"
        raise ValueError(message)
    return size
