"""A GGUF model as its files describe it: all values, and every tensor's type, shape and size.

A large model may be in several files (`model-00001-of-00003.gguf`); the first has the values, and
each has tensors of its own.
"""

import math
import re
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import TYPE_CHECKING, cast

from bot.generation.workers.gguf_format import (
    GgufPreamble,
    TensorPlace,
    read_places,
    read_preamble,
)
from bot.generation.workers.model_files import ModelFileError
from bot.generation.workers.tensor_types import TENSOR_TYPES

if TYPE_CHECKING:
    from pathlib import Path

_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
"""How llama.cpp names the files of a model that was split."""
_USUAL_ALIGNMENT = 32
_MAX_ALIGNMENT = 1024 * 1024
_MAX_NUMBER = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufTensor:
    """One tensor, without its data."""

    name: str
    shape: tuple[int, ...]
    """The length of a row first."""
    kind: str
    """`F16`, `Q4_K` and so on."""
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufModel:
    """What a model's files say before the numbers themselves begin."""

    values: dict[str, object] = field(repr=False)
    tensors: tuple[GgufTensor, ...] = field(repr=False)
    size_bytes: int
    """Of all files."""
    file_count: int = 1

    def get_text(self, key: str) -> str:
        """A text, empty where there is none."""
        value = self.values.get(key)
        return value if isinstance(value, str) else ""

    def find_number(self, key: str) -> int | None:
        """A whole number that can be a count or an id; None where there is none."""
        return _read_number(self.values.get(key))

    def find_fraction(self, key: str) -> float | None:
        """A number of any kind, None where there is none."""
        value = self.values.get(key)
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None

    def list_numbers(self, key: str, count: int) -> tuple[int, ...] | None:
        """A number for each of so many layers: some files have a list, most one for all."""
        value = self.values.get(key)
        if not isinstance(value, tuple):
            number = _read_number(value)
            return None if number is None else (number,) * count
        numbers = [_read_number(item) for item in cast("tuple[object, ...]", value)]
        known = tuple(number for number in numbers if number is not None)
        return known[:count] if len(numbers) == len(known) >= count else None


def read_gguf_model(path: "Path") -> GgufModel:
    """Read everything but the tensors' data, from all files, and see that all of it is there.

    Raises:
        ModelFileError: If a file is missing, damaged or cut off.
    """
    preamble, tensors, size = _read_part(path)
    parts = _list_others(path, preamble)
    for number, part in enumerate(parts, start=2):
        if not part.is_file():
            found = f"there is no such file, and it is part {number} of {len(parts) + 1}"
            raise ModelFileError(part, found, "download the missing part into the same folder")
        _, others, part_size = _read_part(part)
        tensors += others
        size += part_size
    names = {tensor.name for tensor in tensors}
    if len(names) < len(tensors):
        raise ModelFileError(path, "it is damaged (it has tensors twice)", "download it again")
    return GgufModel(
        values=preamble.values, tensors=tensors, size_bytes=size, file_count=len(parts) + 1
    )


def _read_number(value: object) -> int | None:
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int) and 0 <= value <= _MAX_NUMBER else None


def _list_others(path: "Path", preamble: GgufPreamble) -> list["Path"]:
    """The other files of a model that was split."""
    count = _read_number(preamble.values.get("split.count")) or 1
    if count == 1:
        return []
    found = _PART.search(path.name)
    if found is None or int(found[2]) != count:
        said = f"it is one of {count} files, and its name does not say which"
        raise ModelFileError(
            path, said, f"name them …-00001-of-{count:05}.gguf and so on, in order"
        )
    stem = path.name[: found.start()]
    names = [f"{stem}-{number:05}-of-{count:05}.gguf" for number in range(1, count + 1)]
    if path.name != names[0]:
        raise ModelFileError(path, f"it is part {int(found[1])} of {count}", f"name {names[0]}")
    return [path.with_name(name) for name in names[1:]]


def _read_part(path: "Path") -> tuple[GgufPreamble, tuple[GgufTensor, ...], int]:
    try:
        with path.open("rb") as file:
            preamble = read_preamble(file)
            places = read_places(file, preamble.tensor_count)
            head = file.tell()
        size = path.stat().st_size
        begin = _align(head, preamble)
        return preamble, _measure_all(places, size - begin, begin), size
    except (OSError, ValueError, EOFError) as error:
        raise ModelFileError(path, f"it is damaged ({error})", "download it again") from error


def _align(position: int, preamble: GgufPreamble) -> int:
    """Where the data begins."""
    alignment = _read_number(preamble.values.get("general.alignment", _USUAL_ALIGNMENT))
    if not alignment or alignment > _MAX_ALIGNMENT:
        message = f"an alignment of {alignment}"
        raise ValueError(message)
    return -(-position // alignment) * alignment


def _measure_all(places: tuple[TensorPlace, ...], room: int, begin: int) -> tuple[GgufTensor, ...]:
    """Each tensor's size by its type, or up to the next one where the type is newer than we know.

    Raises:
        ValueError: If they overlap.
        EOFError: If they do not fit into so many bytes.
    """
    ordered = sorted(places, key=lambda place: place.offset)
    ends = chain((after.offset for _, after in pairwise(ordered)), (room,))
    tensors: list[GgufTensor] = []
    for place, end in zip(ordered, ends, strict=False):
        kind = TENSOR_TYPES.get(place.type_number)
        size = kind.measure(place.shape) if kind else end - place.offset
        if place.offset + size > room or size < 0:
            needed = begin + place.offset + max(size, 1)
            message = f"it ends in {place.name}: at least {needed:,} bytes, and there are "
            raise EOFError(message + f"{begin + room:,}")
        if place.offset + size > end:
            message = f"{place.name} reaches into what follows it"
            raise ValueError(message)
        name = kind.name if kind else f"type {place.type_number}"
        tensors.append(GgufTensor(name=place.name, shape=place.shape, kind=name, size_bytes=size))
    return tuple(tensors)
