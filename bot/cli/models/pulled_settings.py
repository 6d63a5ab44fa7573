"""What to put into .env for a model that was pulled, and what to know of it."""

import json
import re
from pathlib import Path
from typing import Final

from bot.generation.catalogue_values import KnownModel
from bot.generation.workers.model_files import (
    ModelFileError,
    ModelFileKind,
    detect_model_file,
    read_gguf_header,
)
from bot.prompting.formats.detect import choose_format

_ADAPTER: Final = "adapter"
_PLAIN: Final = re.compile(r"[^\s#'\"\\$`]+")
_PEFT_WEIGHTS: Final = ("adapter_model.bin", "adapter_model.safetensors")


def list_settings(model: KnownModel | None, path: Path) -> list[str]:
    """Lines for .env, as far as the file needs them; none if Troupe cannot run it.

    The path is whole: .env may be read from elsewhere. What Troupe sees in the file by itself, the
    engine, the samplers, mostly the format, needs no line.
    """
    path = path.absolute()
    if path.name in _PEFT_WEIGHTS:
        return [_write_loras(_name_converted(path))]
    try:
        if detect_model_file(path) is ModelFileKind.GGML:
            window = model.context_length if model else None
            # The file itself does not say it, and 2,048 would be taken
            lines = [f"TROUPE_ENGINE__CONTEXT_LENGTH={window}"] if window else []
            return [f"TROUPE_ENGINE__MODEL={_quote(path)}", *lines, *_list_format(model, path, "")]
        header = read_gguf_header(path)
    except ModelFileError:
        return []
    if header.general_type == _ADAPTER:
        return [_write_loras(path)]
    return [
        f"TROUPE_ENGINE__MODEL={_quote(path)}",
        *_list_format(model, f"{path.name} {header.name}", header.chat_template),
    ]


def describe_pulled(model: KnownModel | None, path: Path) -> list[str]:
    """What to know before the lines."""
    sentences: list[str] = []
    if path.name in _PEFT_WEIGHTS:
        sentences.append(
            "these are PEFT weights; llama.cpp's own script makes the adapter that Troupe puts on "
            "a model:\n  python convert_lora_to_gguf.py --base FOLDER_OF_THE_BASE_MODEL "
            f"--outfile {_quote(_name_converted(path))} {_quote(path.parent)}"
        )
    if model and model.trained_on:
        sentences.append(
            f"{model.title} was trained on {model.trained_on}, which Troupe does not write yet: "
            "it plays, but less well than it can"
        )
    if model:
        sentences.append(f"licence: {model.licence}, see {model.card}")
    settings = list_settings(model, path)
    sentences.append("put into .env:" if settings else f"{path.name} is no file that Troupe runs")
    return sentences


def _list_format(model: KnownModel | None, name: str | Path, chat_template: str) -> list[str]:
    """The format, where Troupe would choose another one by itself."""
    if model is None or not model.prompt_format:
        return []
    choice = choose_format(setting="auto", chat_template=chat_template, model_name=str(name))
    if choice.prompt_format.name == model.prompt_format:
        return []
    return [f"TROUPE_PROMPT_FORMAT={model.prompt_format}"]


def _name_converted(path: Path) -> Path:
    return path.parent.with_name(f"{path.parent.name}.gguf")


def _write_loras(path: Path) -> str:
    loras = json.dumps([{"path": str(path), "scale": 1.0}], ensure_ascii=False)
    return f"TROUPE_ENGINE__LORAS={loras}"


def _quote(path: Path) -> str:
    """As .env reads it, and a shell."""
    text = str(path)
    return text if _PLAIN.fullmatch(text) else "'" + text.replace("'", r"\'") + "'"
