"""ggml's types: the same numbers, names and sizes as in its own Python package."""

import pytest
from gguf import GGML_QUANT_SIZES, LlamaFileType

from bot.generation.workers.tensor_types import FILE_TYPES, TENSOR_TYPES, get_tensor_type


def test_every_type_is_ggmls_own():
    theirs = {number.value: (number.name, *sizes) for number, sizes in GGML_QUANT_SIZES.items()}
    ours = {
        number: (each.name, each.block_values, each.block_bytes)
        for number, each in TENSOR_TYPES.items()
    }
    assert ours == theirs


def test_every_mixture_is_llama_cpps_own():
    names = {each.value: each.name.removeprefix("MOSTLY_") for each in LlamaFileType}
    names = {
        number: name.removeprefix("ALL_").removesuffix("_MOE") for number, name in names.items()
    }
    del names[LlamaFileType.GUESSED]
    assert names == FILE_TYPES


@pytest.mark.parametrize(
    ("kind", "shape", "size"),
    [
        ("F32", (3,), 12),
        ("f16", (4096, 2), 16384),
        ("q8_0", (4096, 4096), 17825792),
        ("Q4_K", (256, 3, 2), 864),
        ("iq4_nl", (32,), 18),
    ],
)
def test_a_tensor_is_measured(kind: str, shape: tuple[int, ...], size: int):
    assert get_tensor_type(kind).measure(shape) == size


def test_a_row_is_whole_blocks():
    assert get_tensor_type("q8_0").measure_row(33) == 68
    with pytest.raises(ValueError, match="a row of 33 values in blocks of 32"):
        get_tensor_type("q8_0").measure((33, 2))
