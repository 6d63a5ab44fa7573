"""A GGUF model's tensors: sizes, several files, and files that are damaged or made to harm."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFReader

from bot.generation.config import DEMO_MODEL
from bot.generation.workers.gguf_tensors import GgufModel, GgufTensor, read_gguf_model
from bot.generation.workers.model_files import ModelFileError
from tests.gguf_files import (
    write_gguf,
    write_header,
    write_place,
    write_text,
    write_values,
)

HUGE = 2**63
VALUES = {"general.architecture": "llama", "llama.block_count": 1}
PLACES = [
    ("token_embd.weight", (32, 4), "Q8_0"),
    ("output_norm.weight", (3,), "F32"),
    ("blk.0.attn_q.weight", (64, 2), "F16"),
]
SIZES = [136, 12, 256]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "model.gguf"
        path.write_bytes(data)
        return path

    return write


def write_whole(places: list[bytes], *, data: int = 0, alignment: Any = 32) -> bytes:
    """A file with one tensor's place after another, and so many bytes of data."""
    values = write_values(VALUES | {"general.alignment": alignment})
    head = write_header(values, tensors=len(places)) + b"".join(places)
    return head + b"\0" * (-len(head) % 32 + data)


def test_every_tensor_is_measured(tmp_path: Path):
    path = write_gguf(tmp_path / "model.gguf", VALUES, PLACES)
    assert read_gguf_model(path) == GgufModel(
        values=VALUES,
        tensors=tuple(
            GgufTensor(name=name, shape=shape, kind=kind, size_bytes=size)
            for (name, shape, kind), size in zip(PLACES, SIZES, strict=True)
        ),
        size_bytes=path.stat().st_size,
    )


def test_the_model_that_ships_is_measured_as_ggmls_own_reader_does():
    theirs = {
        each.name: (each.tensor_type.name, int(each.n_bytes), int(each.n_elements))
        for each in GGUFReader(DEMO_MODEL).tensors
    }
    model = read_gguf_model(DEMO_MODEL)
    assert len(model.tensors) == len(theirs) > 40
    for tensor in model.tensors:
        elements = 1
        for size in tensor.shape:
            elements *= size
        assert (tensor.kind, tensor.size_bytes, elements) == theirs[tensor.name]
    assert model.size_bytes == DEMO_MODEL.stat().st_size


def test_a_type_that_is_newer_than_we_reaches_to_the_next_tensor(write: Callable[[bytes], Path]):
    places = [write_place("a", (32,), 77, 0), write_place("b", (4,), 0, 96)]
    tensors = read_gguf_model(write(write_whole(places, data=112))).tensors
    assert [(each.kind, each.size_bytes) for each in tensors] == [("type 77", 96), ("F32", 16)]


def test_another_alignment_is_heeded(write: Callable[[bytes], Path]):
    head = write_header(write_values(VALUES | {"general.alignment": 4096}), tensors=1)
    head += write_place("a", (4,), 0, 0)
    assert len(read_gguf_model(write(head.ljust(4096, b"\0") + b"\0" * 16)).tensors) == 1
    with pytest.raises(ModelFileError, match="at least 4,112 bytes"):
        read_gguf_model(write(head.ljust(4096, b"\0")))


def test_a_file_cut_anywhere_is_an_error(tmp_path: Path):
    whole = write_gguf(tmp_path / "whole.gguf", VALUES, PLACES).read_bytes()
    cut = tmp_path / "cut.gguf"
    for size in range(4, len(whole), 3):
        cut.write_bytes(whole[:size])
        with pytest.raises(ModelFileError, match="it is damaged") as caught:
            read_gguf_model(cut)
        assert caught.value.remedy == "download it again"


def place_with(size: int) -> bytes:
    return write_text("a") + struct.pack("<IQ", 1, size) + struct.pack("<IQ", 0, 0)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(write_header({}, tensors=HUGE), id="tensors"),
        pytest.param(write_header({}, tensors=99_999), id="tensors that are not there"),
        pytest.param(
            write_header({}, tensors=1) + write_text("a" * 300) + b"\0" * 64, id="a long name"
        ),
        pytest.param(
            write_header({}, tensors=1) + write_text("a") + struct.pack("<I", 5) + b"\1" * 64,
            id="dimensions",
        ),
        pytest.param(
            write_header({}, tensors=1) + write_text("a") + struct.pack("<I", 0) + b"\1" * 64,
            id="no dimension",
        ),
        pytest.param(write_header({}, tensors=1) + place_with(HUGE), id="a huge tensor"),
        pytest.param(write_header({}, tensors=1) + place_with(0), id="an empty tensor"),
        pytest.param(write_whole([write_place("a", (4,), 0, HUGE)], data=64), id="far away"),
        pytest.param(write_whole([write_place("a", (4,), 77, 128)], data=64), id="type unknown"),
        pytest.param(write_whole([write_place("a", (33,), 8, 0)], data=64), id="half a block"),
        pytest.param(
            write_whole([write_place("a", (2**39, 2**39), 0, 0)], data=64), id="larger than any"
        ),
        pytest.param(
            write_whole([write_place("a", (4,), 0, 0), write_place("b", (4,), 0, 8)], data=64),
            id="overlapping",
        ),
        pytest.param(write_whole([write_place("a", (4,), 0, 0)] * 2, data=64), id="on one another"),
        pytest.param(
            write_whole([write_place("a", (4,), 0, at) for at in (0, 32)], data=64), id="twice"
        ),
        pytest.param(write_whole([], alignment=0), id="no alignment"),
        pytest.param(write_whole([], alignment=2**31), id="a huge alignment"),
        pytest.param(write_whole([], alignment="x"), id="no number"),
    ],
)
def test_what_is_damaged_is_an_error_at_once(write: Callable[[bytes], Path], data: bytes):
    with pytest.raises(ModelFileError, match="it is damaged"):
        read_gguf_model(write(data))


# Several files


def write_parts(folder: Path, count: int = 3, stem: str = "model") -> list[Path]:
    return [
        write_gguf(
            folder / f"{stem}-{number + 1:05}-of-{count:05}.gguf",
            (VALUES if number == 0 else {}) | {"split.no": number, "split.count": count},
            [(f"blk.{number}.attn_q.weight", (32,), "F32")],
        )
        for number in range(count)
    ]


def test_all_files_of_a_model_are_counted(tmp_path: Path):
    first, *others = write_parts(tmp_path)
    model = read_gguf_model(first)
    assert [tensor.name for tensor in model.tensors] == [
        f"blk.{number}.attn_q.weight" for number in range(3)
    ]
    assert model.size_bytes == sum(path.stat().st_size for path in (first, *others))
    assert (model.file_count, model.get_text("general.architecture")) == (3, "llama")


def test_a_missing_file_is_named(tmp_path: Path):
    first, _, last = write_parts(tmp_path)
    last.unlink()
    with pytest.raises(ModelFileError, match="it is part 3 of 3") as caught:
        read_gguf_model(first)
    assert caught.value.path == last


def test_a_damaged_later_file_is_named(tmp_path: Path):
    first, second, _ = write_parts(tmp_path)
    second.write_bytes(second.read_bytes()[:-64])
    with pytest.raises(ModelFileError, match="it is damaged") as caught:
        read_gguf_model(first)
    assert caught.value.path == second


def test_the_first_file_is_the_one_to_name(tmp_path: Path):
    _, second, _ = write_parts(tmp_path)
    with pytest.raises(ModelFileError, match=r"it is part 2 of 3; name model-00001-of-00003\.gguf"):
        read_gguf_model(second)


@pytest.mark.parametrize("name", ["model.gguf", "model-00001-of-00002.gguf", "model-1-of-3.gguf"])
def test_a_file_that_lost_its_name_is_told(tmp_path: Path, name: str):
    renamed = write_parts(tmp_path)[0].rename(tmp_path / name)
    with pytest.raises(ModelFileError, match="its name does not say which"):
        read_gguf_model(renamed)


# Values


@pytest.mark.parametrize(
    ("value", "number", "for_each"),
    [
        (7, 7, (7, 7)),
        (True, 1, (1, 1)),
        (-1, None, None),
        (2**32 - 1, 2**32 - 1, (2**32 - 1,) * 2),
        (0.5, None, None),
        ("text", None, None),
        ([3, 4], None, (3, 4)),
        ([3, 4, 5], None, (3, 4)),
        ([3], None, None),
        ([-3, 4], None, None),
        ([0.5, 0.5], None, None),
        ([True, False], None, (1, 0)),
    ],
)
def test_numbers_are_counts_or_nothing(tmp_path: Path, value: Any, number: Any, for_each: Any):
    path = write_gguf(tmp_path / "model.gguf", VALUES | {"x": value}, PLACES)
    model = read_gguf_model(path)
    assert model.find_number("x") == number
    assert model.list_numbers("x", 2) == for_each


@pytest.mark.parametrize(
    ("value", "fraction"),
    [(0.5, 0.5), (7, 7.0), ("text", None), (float("nan"), None), (float("inf"), None)],
)
def test_fractions_are_finite(tmp_path: Path, value: Any, fraction: float | None):
    path = write_gguf(tmp_path / "model.gguf", VALUES | {"x": value}, PLACES)
    assert read_gguf_model(path).find_fraction("x") == fraction
