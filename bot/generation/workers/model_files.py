"""What a model file is, read from its first bytes, never from its name.

Only the header is read.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from bot.generation.types import EndTokens
from bot.generation.workers.gguf_format import read_preamble

if TYPE_CHECKING:
    from pathlib import Path

_GGML_MAGICS = {b"lmgg": "ggml", b"fmgg": "ggmf", b"tjgg": "ggjt"}
_WEIGHT_SUFFIXES = {".safetensors", ".bin", ".pt", ".pth"}

_TOKENS = "tokenizer.ggml.tokens"
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
    end_tokens: EndTokens = field(default_factory=EndTokens)
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
        end_tokens=EndTokens(bos=_find_token(values, "bos"), eos=_find_token(values, "eos")),
        general_type=str(values.get("general.type", "")),
    )


def read_gguf_metadata(path: "Path") -> dict[str, object]:
    """Read all values by their names; most arrays are None.

    Raises:
        ModelFileError: If the header is damaged or ends too early.
    """
    try:
        with path.open("rb") as file:
            return read_preamble(file).values
    except (OSError, ValueError, EOFError) as error:
        found = f"its header is damaged ({error})"
        raise ModelFileError(path, found, "download it again") from error


def _find_token(values: dict[str, object], which: str) -> str:
    """The text of the start or end token; empty if the file does not say."""
    number, tokens = values.get(f"tokenizer.ggml.{which}_token_id"), values.get(_TOKENS)
    if not isinstance(number, int) or not isinstance(tokens, tuple):
        return ""
    texts = cast("tuple[object, ...]", tokens)
    return str(texts[number]) if 0 <= number < len(texts) else ""


def _select_specials(values: dict[str, object]) -> tuple[str, ...]:
    tokens = values.get(_TOKENS)
    types = values.get("tokenizer.ggml.token_type")
    if not isinstance(tokens, tuple) or not isinstance(types, tuple):
        return ()
    pairs = zip(cast("tuple[object, ...]", tokens), cast("tuple[object, ...]", types), strict=False)
    return tuple(str(token) for token, kind in pairs if kind in _SPECIAL_TYPES and token)
