"""What each layer keeps, by its architecture and its tensors."""

from pathlib import Path
from typing import Any

import pytest

from bot.generation.sizing.anatomy import ModelAnatomy
from bot.generation.sizing.inspection import read_anatomy
from tests.gguf_files import Place, Sizes, list_places, list_values, write_gguf, write_model

SSM = {
    "ssm.conv_kernel": 4,
    "ssm.inner_size": 512,
    "ssm.state_size": 16,
    "ssm.group_count": 2,
}
SSM_STATE = 3 * (512 + 2 * 2 * 16) + 16 * 512


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.gguf"


def read(path: Path, architecture: str = "llama", **fields: Any) -> ModelAnatomy:
    return read_anatomy(write_model(path, Sizes(architecture=architecture, **fields)))


def read_mixed(path: Path, layers: list[list[str]], **values: Any) -> ModelAnatomy:
    """A model whose layers have tensors of these names, all alike."""
    sizes = Sizes(architecture="mixed", layers=len(layers), values=values)
    places: list[Place] = [each for each in list_places(sizes) if not each[0].startswith("blk.")]
    for number, names in enumerate(layers):
        places += [(f"blk.{number}.{name}", (32,), "F32") for name in names]
    return read_anatomy(write_gguf(path, list_values(sizes), places))


def widths(anatomy: ModelAnatomy) -> list[tuple[int, int]]:
    return [(layer.key_width, layer.value_width) for layer in anatomy.layers]


# Heads


@pytest.mark.parametrize(
    ("fields", "each"),
    [
        pytest.param({}, (128, 128), id="grouped"),
        pytest.param({"kv_heads": 4}, (256, 256), id="all"),
        pytest.param({"kv_heads": 1}, (64, 64), id="one"),
        pytest.param({"head_size": 128}, (256, 256), id="own-size"),
        pytest.param({"values": {"attention.value_length": 32}}, (128, 64), id="values-differ"),
        pytest.param({"values": {"attention.key_length": 96}}, (192, 128), id="keys-differ"),
    ],
)
def test_a_layer_keeps_by_its_heads(path: Path, fields: dict[str, Any], each: tuple[int, int]):
    assert widths(read(path, **fields)) == [each] * 2


def test_heads_may_differ_from_layer_to_layer(path: Path):
    anatomy = read(path, "deci", layers=3, kv_heads=(4, 0, 2))
    assert widths(anatomy) == [(256, 256), (0, 0), (128, 128)]
    assert anatomy.attention.kv_heads == 4
    assert anatomy.caveats == ()


def test_without_a_number_of_their_own_all_heads_have_keys(path: Path):
    values = list_values(Sizes())
    del values["llama.attention.head_count_kv"]
    anatomy = read_anatomy(write_gguf(path, values, list_places(Sizes())))
    assert widths(anatomy) == [(256, 256)] * 2


# Sliding windows


@pytest.mark.parametrize(
    ("architecture", "windowed"),
    [
        ("gemma2", [True, False] * 4),
        ("gemma3", [True, True, True, True, True, False, True, True]),
        ("gpt-oss", [True, False] * 4),
        ("cohere2", [True, True, True, False] * 2),
    ],
)
def test_known_patterns_of_windows(path: Path, architecture: str, windowed: list[bool]):
    anatomy = read(path, architecture, layers=8, values={"attention.sliding_window": 512})
    assert [layer.window for layer in anatomy.layers] == [
        512 if each else None for each in windowed
    ]
    assert (anatomy.attention.window, anatomy.caveats) == (512, ())


def test_a_pattern_in_the_file_is_heeded(path: Path):
    values = {
        "attention.sliding_window": 512,
        "attention.sliding_window_pattern": [True, False, True],
        "attention.key_length_swa": 32,
        "attention.value_length_swa": 16,
    }
    anatomy = read(path, "gemma4", layers=3, values=values)
    assert [layer.window for layer in anatomy.layers] == [512, None, 512]
    assert widths(anatomy) == [(64, 32), (128, 128), (64, 32)]


def test_another_period_in_the_file_is_heeded(path: Path):
    values = {"attention.sliding_window": 512, "attention.sliding_window_pattern": 3}
    anatomy = read(path, "gemma3", layers=3, values=values)
    assert [layer.window for layer in anatomy.layers] == [512, 512, None]


def test_a_window_without_a_known_pattern_counts_whole_and_is_named(path: Path):
    anatomy = read(path, "newer", values={"attention.sliding_window": 512})
    assert [layer.window for layer in anatomy.layers] == [None, None]
    assert anatomy.caveats == ("sliding windows, counted as the whole context",)


def test_a_window_that_llama_cpp_does_not_heed_is_not_heeded(path: Path):
    anatomy = read(path, values={"attention.sliding_window": 512})
    assert anatomy.attention.window is None
    assert anatomy.caveats == ()


# Recurrent layers


@pytest.mark.parametrize(
    ("names", "keeps_tokens", "has_state"),
    [
        pytest.param(["attn_k.weight", "attn_v.weight"], True, False, id="attention"),
        pytest.param(["attn_qkv.weight"], True, False, id="fused-attention"),
        pytest.param(["attn_kv_a_mqa.weight"], True, False, id="latent-attention"),
        pytest.param(["ssm_in.weight", "ssm_out.weight"], False, True, id="mamba"),
        pytest.param(["attn_qkv.weight", "ssm_in.weight"], False, True, id="linear-attention"),
        pytest.param(["attn_k.weight", "ssm_in.weight"], True, True, id="both"),
        pytest.param(["time_mix_key.weight"], False, True, id="rwkv"),
        pytest.param(["shortconv.conv.weight"], False, True, id="convolution"),
        pytest.param(["quantum.weight"], True, False, id="not-understood"),
        pytest.param([], True, False, id="nothing"),
    ],
)
def test_a_layer_is_told_by_its_tensors(
    path: Path, names: list[str], *, keeps_tokens: bool, has_state: bool
):
    anatomy = read_mixed(path, [["attn_k.weight"], names], **SSM)
    layer = anatomy.layers[1]
    assert bool(layer.key_width) == keeps_tokens
    assert layer.state_values == (SSM_STATE if has_state else 0)
    assert ("recurrent layers' buffers" in anatomy.caveats) == has_state


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (SSM, SSM_STATE),
        ({"wkv.head_size": 64}, 256 * (2 + 64)),
        ({"shortconv.l_cache": 3}, 256 * 2),
        ({"shortconv.l_cache": 0, "ssm.conv_kernel": 0}, 0),
    ],
)
def test_a_state_is_measured(path: Path, values: dict[str, Any], state: int):
    anatomy = read_mixed(path, [["ssm_in.weight"]], **values)
    assert anatomy.layers[0].state_values == state


# What is estimated


@pytest.mark.parametrize(
    ("architecture", "values", "caveats"),
    [
        ("llama", {}, ()),
        ("qwen3", {}, ()),
        ("newer", {}, ("architecture newer, counted as a Llama of these sizes",)),
        (
            "deepseek2",
            {"attention.kv_lora_rank": 512},
            ("latent attention, counted as whole keys and values",),
        ),
        (
            "gemma3n",
            {"attention.shared_kv_layers": 10},
            ("layers that share a cache, each counted",),
        ),
    ],
)
def test_what_is_estimated_is_named(
    path: Path, architecture: str, values: dict[str, Any], caveats: tuple[str, ...]
):
    assert read(path, architecture, values=values).caveats == caveats


def test_tensors_beyond_the_last_layer_are_in_none(path: Path):
    places = [*list_places(Sizes()), ("blk.7.attn_k.weight", (32,), "F32")]
    anatomy = read_anatomy(write_gguf(path, list_values(Sizes()), places))
    plain = read_anatomy(write_model(path, Sizes()))
    assert anatomy.output_bytes == plain.output_bytes + 128
    assert anatomy.layers == plain.layers
