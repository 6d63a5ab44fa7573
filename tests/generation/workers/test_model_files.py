import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.generation.config import DEMO_MODEL
from bot.generation.workers.model_files import (
    ModelFileError,
    ModelFileKind,
    ModelHeader,
    detect_model_file,
    read_gguf_header,
)
from tests.gguf_files import ARRAY, CODES, TEXT, write_array, write_header, write_text

type_numbers = pytest.mark.parametrize("kind", CODES)

ENTRIES = {
    "general.architecture": (TEXT, write_text("llama")),
    "general.name": (TEXT, write_text("Sörens Modell 😀")),
    "llama.context_length": (4, struct.pack("<I", 4096)),
    "llama.rope.freq_base": (6, struct.pack("<f", 10000.0)),
    "general.file_type": (4, struct.pack("<I", 7)),
    "tokenizer.ggml.tokens": (ARRAY, write_array(TEXT, ["<unk>", "<s>", "", "<|im_end|>", "hi"])),
    "tokenizer.ggml.scores": (ARRAY, write_array(6, [0.0, 0.0, 0.0, 0.0, -1.0])),
    "tokenizer.ggml.token_type": (ARRAY, write_array(5, [2, 3, 3, 4, 1])),
    "tokenizer.ggml.merges": (ARRAY, write_array(TEXT, ["h i", "i h"])),
    "tokenizer.ggml.add_bos_token": (7, b"\1"),
    "tokenizer.chat_template": (TEXT, write_text("{{ messages }}")),
}
WHOLE = write_header(ENTRIES)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "model.gguf"
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("version", [2, 3])
def test_a_header_is_read(write: Callable[[bytes], Path], version: int):
    path = write(write_header(ENTRIES, version=version) + b"\0" * 100)
    assert detect_model_file(path) is ModelFileKind.GGUF
    assert read_gguf_header(path) == ModelHeader(
        architecture="llama",
        name="Sörens Modell 😀",
        context_length=4096,
        chat_template="{{ messages }}",
        special_strings=("<unk>", "<s>", "<|im_end|>"),
    )


def test_a_header_that_says_nothing_is_read(write: Callable[[bytes], Path]):
    assert read_gguf_header(write(write_header({}))) == ModelHeader(
        architecture="", name="", context_length=0, chat_template="", special_strings=()
    )


@type_numbers
def test_every_number_type_is_passed_over(write: Callable[[bytes], Path], kind: int):
    number = struct.pack("<" + CODES[kind], 1)
    entries = {"a": (kind, number), "b": (ARRAY, write_array(kind, [1, 0, 1]))}
    assert read_gguf_header(write(write_header(entries | ENTRIES))).name == "Sörens Modell 😀"


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param((TEXT, write_text("long")), id="text"),
        pytest.param((6, struct.pack("<f", 4096.0)), id="fraction"),
        pytest.param((ARRAY, write_array(4, [4096])), id="array"),
    ],
)
def test_a_context_length_that_is_no_whole_number_is_not_taken(
    write: Callable[[bytes], Path], entry: tuple[int, bytes]
):
    header = read_gguf_header(write(write_header(ENTRIES | {"llama.context_length": entry})))
    assert header.context_length == 0


def test_token_types_without_tokens_are_no_error(write: Callable[[bytes], Path]):
    entries = {**ENTRIES, "tokenizer.ggml.tokens": (TEXT, write_text("odd"))}
    assert read_gguf_header(write(write_header(entries))).special_strings == ()


def test_text_that_is_not_utf8_is_read_as_far_as_it_is(write: Callable[[bytes], Path]):
    entries = {"general.name": (TEXT, write_text(b"caf\xe9"))}
    assert read_gguf_header(write(write_header(entries))).name == "caf�"


def test_a_header_cut_anywhere_is_named_as_damaged(write: Callable[[bytes], Path]):
    for size in range(4, len(WHOLE), 7):
        with pytest.raises(ModelFileError, match="damaged") as caught:
            read_gguf_header(write(WHOLE[:size]))
        assert caught.value.remedy == "download it again"


HUGE = 2**63
OVER_LIMIT = 5_000_000


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(write_header({}, count=HUGE), id="entries"),
        pytest.param(write_header({}, count=1) + struct.pack("<Q", HUGE), id="size of a key"),
        pytest.param(
            write_header({"a": (TEXT, struct.pack("<Q", HUGE))}),
            id="size of a text",
        ),
        pytest.param(
            write_header({"a": (ARRAY, struct.pack("<IQ", 0, HUGE))}), id="numbers in an array"
        ),
        pytest.param(
            write_header({"a": (ARRAY, struct.pack("<IQ", 12, OVER_LIMIT))}),
            id="more numbers in an array than any vocabulary has",
        ),
        pytest.param(
            write_header({"a": (ARRAY, struct.pack("<IQ", TEXT, HUGE))}), id="texts in an array"
        ),
        pytest.param(
            write_header({"a": (ARRAY, struct.pack("<IQ", TEXT, 2) + struct.pack("<Q", HUGE))}),
            id="size of a text in an array",
        ),
        pytest.param(
            write_header({"tokenizer.ggml.tokens": (ARRAY, struct.pack("<IQ", TEXT, 4_000_000))}),
            id="the most tokens there may be, and none of them there",
        ),
        pytest.param(write_header({"a": (77, b"\0" * 8)}), id="unknown type"),
        pytest.param(
            write_header({"a": (ARRAY, struct.pack("<IQ", 77, 1))}), id="array of unknown"
        ),
        pytest.param(write_header({"a": (ARRAY, struct.pack("<IQ", ARRAY, 1))}), id="nested array"),
        pytest.param(write_header(ENTRIES, version=1), id="first version"),
        pytest.param(write_header(ENTRIES, version=0x03000000), id="big-endian"),
        pytest.param(write_header(ENTRIES, magic=b"GGUX"), id="another magic"),
    ],
)
def test_a_damaged_header_is_an_error_at_once(write: Callable[[bytes], Path], data: bytes):
    with pytest.raises(ModelFileError, match="damaged"):
        read_gguf_header(write(data))


@pytest.mark.parametrize("magic", [b"lmgg", b"fmgg", b"tjgg"])
def test_files_of_2023_are_told(write: Callable[[bytes], Path], magic: bytes):
    assert detect_model_file(write(magic + b"\3\0\0\0")) is ModelFileKind.GGML


@pytest.mark.parametrize("data", [b"", b"GG", b"PK\3\4", b"\x93NUMPY", b"<!DOCTYPE html>"])
def test_other_files_are_refused_with_what_they_begin_with(
    write: Callable[[bytes], Path], data: bytes
):
    with pytest.raises(ModelFileError) as caught:
        detect_model_file(write(data))
    assert repr(data[:4]) in caught.value.found
    assert "GGUF" in caught.value.remedy


@pytest.mark.parametrize(
    "name", ["model-00001-of-00002.safetensors", "output.bin", "pytorch_model.pt", "weights.pth"]
)
def test_a_folder_of_weights_is_told(tmp_path: Path, name: str):
    (tmp_path / "config.json").touch()
    (tmp_path / name).touch()
    assert detect_model_file(tmp_path) is ModelFileKind.WEIGHTS_FOLDER


def test_another_folder_is_refused(tmp_path: Path):
    (tmp_path / "model.gguf").write_bytes(WHOLE)
    with pytest.raises(ModelFileError) as caught:
        detect_model_file(tmp_path)
    assert caught.value.path == tmp_path
    assert ".gguf" in caught.value.remedy


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ModelFileError, match="no such file"):
        detect_model_file(tmp_path / "model.gguf")


def test_a_path_through_a_file_is_an_error(write: Callable[[bytes], Path]):
    with pytest.raises(ModelFileError, match="cannot be read"):
        detect_model_file(write(WHOLE) / "model.gguf")


def test_a_link_to_itself_is_an_error(tmp_path: Path):
    link = tmp_path / "model.gguf"
    link.symlink_to(link)
    with pytest.raises(ModelFileError, match="cannot be read"):
        detect_model_file(link)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_an_error(write: Callable[[bytes], Path]):
    path = write(WHOLE)
    path.chmod(0)
    with pytest.raises(ModelFileError, match="permissions"):
        detect_model_file(path)


@pytest.mark.parametrize("method", ["is_dir", "open", "iterdir"])
def test_whatever_is_forbidden_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
):
    def refuse(*_: object, **__: object):
        raise PermissionError(13, "Permission denied")

    path = tmp_path if method == "iterdir" else tmp_path / "model.gguf"
    monkeypatch.setattr(Path, method, refuse)
    with pytest.raises(ModelFileError, match=r"cannot be read \(Permission denied\)"):
        detect_model_file(path)


def test_a_file_that_goes_away_is_an_error(tmp_path: Path):
    with pytest.raises(ModelFileError, match="damaged"):
        read_gguf_header(tmp_path / "model.gguf")


def test_the_model_that_ships_is_read():
    header = read_gguf_header(DEMO_MODEL)
    assert detect_model_file(DEMO_MODEL) is ModelFileKind.GGUF
    assert header.architecture == "llama"
    assert header.context_length >= 256
    assert {"<unk>", "<s>", "</s>"} <= set(header.special_strings)
