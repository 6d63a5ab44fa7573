"""What a model file is, read from its first bytes, never from its name.

GGUF layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Only the header is read.
"""

import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from pathlib import Path

_GGML_MAGICS = {b"lmgg": "ggml", b"fmgg": "ggmf", b"tjgg": "ggjt"}
_WEIGHT_SUFFIXES = {".safetensors", ".bin", ".pt", ".pth"}

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

_KEPT_ARRAYS = {"tokenizer.ggml.tokens", "tokenizer.ggml.token_type"}
_SPECIAL_TYPES = {2, 3, 4}
"""llama.cpp's token types UNKNOWN, CONTROL and USER_DEFINED: all are matched in prompt text."""


class ModelFileKind(StrEnum):
    """What can be told from a path."""

    GGUF = "gguf"
    GGML = "ggml"
    WEIGHTS_FOLDER = "weights-folder"


class ModelFileError(Exception):
    """A path that is no usable model, with what is there and what would do."""

    def __init__(self, path: "Path", found: str, remedy: str) -> None:
        super().__init__(f"{path}: {found}; {remedy}")
        self.path = path
        self.found = found
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHeader:
    """What a model file says of itself, as far as Troupe uses it."""

    architecture: str
    name: str
    context_length: int
    """The length the model was trained for; 0 if the file does not say."""
    chat_template: str
    special_strings: tuple[str, ...] = field(repr=False)
    """Texts of the vocabulary's tokens that are more than text: control, user-defined, unknown."""
    general_type: str = ""
    """`model`, `adapter` for a LoRA, or another of GGUF's own words; old files say nothing."""


def detect_model_file(path: "Path") -> ModelFileKind:
    """Tell the kind of a model file or folder.

    Raises:
        ModelFileError: If there is nothing there or nothing that is known.
    """
    try:
        if path.is_dir():
            return _detect_folder(path)
        with path.open("rb") as file:
            magic = file.read(4)
    except FileNotFoundError:
        raise ModelFileError(path, "there is no such file", "check the path") from None
    except OSError as error:
        found = f"it cannot be read ({error.strerror})"
        raise ModelFileError(path, found, "check its permissions") from error
    if magic == b"GGUF":
        return ModelFileKind.GGUF
    if magic in _GGML_MAGICS:
        return ModelFileKind.GGML
    raise ModelFileError(path, f"it begins with {magic!r}", "Troupe reads GGUF model files")


def _detect_folder(path: "Path") -> ModelFileKind:
    if any(file.suffix in _WEIGHT_SUFFIXES for file in path.iterdir()):
        return ModelFileKind.WEIGHTS_FOLDER
    raise ModelFileError(path, "a folder without model files", "name the .gguf file itself")


def read_gguf_header(path: "Path") -> ModelHeader:
    """Read the metadata that comes before the tensors.

    Raises:
        ModelFileError: If the header is damaged or ends too early.
    """
    values = read_gguf_metadata(path)
    architecture = str(values.get("general.architecture", ""))
    length = values.get(f"{architecture}.context_length", 0)
    return ModelHeader(
        architecture=architecture,
        name=str(values.get("general.name", "")),
        context_length=length if isinstance(length, int) else 0,
        chat_template=str(values.get("tokenizer.chat_template", "")),
        special_strings=_select_specials(values),
        general_type=str(values.get("general.type", "")),
    )


def read_gguf_metadata(path: "Path") -> dict[str, object]:
    """Read all values by their names; of the arrays only the vocabulary's texts and types.

    Raises:
        ModelFileError: If the header is damaged or ends too early.
    """
    try:
        with path.open("rb") as file:
            return _read_metadata(file)
    except (OSError, ValueError, EOFError) as error:
        found = f"its header is damaged ({error})"
        raise ModelFileError(path, found, "download it again") from error


def _select_specials(values: dict[str, object]) -> tuple[str, ...]:
    tokens = values.get("tokenizer.ggml.tokens")
    types = values.get("tokenizer.ggml.token_type")
    if not isinstance(tokens, tuple) or not isinstance(types, tuple):
        return ()
    pairs = zip(cast("tuple[object, ...]", tokens), cast("tuple[object, ...]", types), strict=False)
    return tuple(str(token) for token, kind in pairs if kind in _SPECIAL_TYPES and token)


def _read_metadata(file: BinaryIO) -> dict[str, object]:
    if file.read(4) != b"GGUF":
        message = "no GGUF magic"
        raise ValueError(message)
    version = _read_number(file, "I")
    if version not in {2, 3}:
        message = f"GGUF version {version}"
        raise ValueError(message)
    _read_number(file, "Q")  # tensors
    count = _check_count(_read_number(file, "Q"))
    values: dict[str, object] = {}
    for _ in range(count):
        key = _read_string(file)
        kind = int(_read_number(file, "I"))
        values[key] = _read_value(file, kind, keep=key in _KEPT_ARRAYS)
    return values


def _read_value(file: BinaryIO, kind: int, *, keep: bool) -> object:
    if kind == _STRING:
        return _read_string(file)
    if kind in _NUMBERS:
        return _read_number(file, _NUMBERS[kind])
    if kind != _ARRAY:
        message = f"a value of type {kind}"
        raise ValueError(message)
    item_kind = int(_read_number(file, "I"))
    count = _check_count(_read_number(file, "Q"))
    if item_kind in _NUMBERS:
        code = f"<{count}{_NUMBERS[item_kind]}"
        data = _read_bytes(file, struct.calcsize(code))
        return struct.unpack(code, data) if keep else None
    if item_kind != _STRING:
        message = f"an array of type {item_kind}"
        raise ValueError(message)
    if keep:
        return tuple(_read_string(file) for _ in range(count))
    for _ in range(count):
        _read_bytes(file, _check_size(_read_number(file, "Q")))
    return None


def _read_number(file: BinaryIO, code: str) -> int:
    code = "<" + code
    return struct.unpack(code, _read_bytes(file, struct.calcsize(code)))[0]


def _read_string(file: BinaryIO) -> str:
    size = _check_size(_read_number(file, "Q"))
    return _read_bytes(file, size).decode("utf-8", errors="replace")


def _read_bytes(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        message = "the file ends in its header"
        raise EOFError(message)
    return data


def _check_count(count: int) -> int:
    if count > _MAX_COUNT:
        message = f"{count} entries"
        raise ValueError(message)
    return count


def _check_size(size: int) -> int:
    if size > _MAX_STRING_BYTES:
        message = f"a text of {size} bytes"
        raise ValueError(message)
    return size
