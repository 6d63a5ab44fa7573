"""What is read from files: GGUF and GGML, whole, in parts, odd, or no model at all."""

from pathlib import Path
from typing import Any

import pytest

from bot.generation.config import DEMO_MODEL
from bot.generation.sizing.anatomy import Experts, Positions, SpecialToken
from bot.generation.sizing.inspection import read_anatomy
from bot.generation.workers.model_files import ModelFileError, ModelFileKind
from tests.generation.lora_file import write_lora
from tests.ggml_files import (
    Quantization,
    make_random_model,
    read_demo_model,
    read_gguf_vocabulary,
    write_ggml,
)
from tests.gguf_files import Sizes, list_places, list_values, write_gguf, write_model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.gguf"


def read(path: Path, *, without: str = "", **values: Any):
    """A small model with more values, their dots written as two underscores."""
    given = list_values(Sizes()) | {key.replace("__", "."): each for key, each in values.items()}
    given.pop(without, None)
    return read_anatomy(write_gguf(path, given, list_places(Sizes())))


# Models


def test_the_model_that_ships_is_read():
    anatomy = read_anatomy(DEMO_MODEL)
    assert (anatomy.kind, anatomy.architecture) == (ModelFileKind.GGUF, "llama")
    assert (anatomy.quantization, anatomy.parameter_count) == ("Q8_0", 5835520)
    assert (len(anatomy.layers), anatomy.width, anatomy.feed_forward) == (5, 256, 768)
    assert anatomy.positions == Positions(trained_context=1024, rope_base=10000.0)
    assert (anatomy.vocabulary.kind, anatomy.vocabulary.size) == ("SentencePiece", 3072)
    assert anatomy.vocabulary.begin == SpecialToken(number=1, text="<s>")
    assert anatomy.vocabulary.end == SpecialToken(number=2, text="</s>")
    assert [each.kind for each in anatomy.types] == ["Q8_0", "F32"]
    assert sum(each.size_bytes for each in anatomy.types) == anatomy.weight_bytes
    assert anatomy.caveats == ()


def test_a_ggml_file_of_the_same_model_is_the_same(tmp_path: Path):
    file = tmp_path / "model.bin"
    write_ggml(read_demo_model(), file, Quantization.Q8_0)
    ggml, gguf = read_anatomy(file), read_anatomy(DEMO_MODEL)
    assert ggml.kind is ModelFileKind.GGML
    assert ggml.positions == Positions(trained_context=0)
    assert ggml.caveats == ("ctransformers' buffers",)
    same = ("architecture", "quantization", "types", "parameter_count", "width", "feed_forward")
    same += ("attention", "layers", "embedding_bytes", "output_bytes", "vocabulary")
    assert {name: getattr(ggml, name) for name in same} == {
        name: getattr(gguf, name) for name in same
    }


def test_a_ggml_file_with_grouped_heads_is_read(tmp_path: Path):
    file = tmp_path / "model.bin"
    vocabulary = read_gguf_vocabulary(DEMO_MODEL)
    model = make_random_model(vocabulary, width=256, heads=8, kv_heads=1, layers=2)
    write_ggml(model, file, Quantization.Q4_0)
    anatomy = read_anatomy(file)
    assert (anatomy.attention.heads, anatomy.attention.kv_heads) == (8, 1)
    assert [(each.key_width, each.value_width) for each in anatomy.layers] == [(32, 32)] * 2
    assert anatomy.quantization == "Q4_0"


def test_bytes_are_shared_out_among_the_parts(path: Path):
    write_model(path, Sizes(layers=3))
    anatomy = read_anatomy(path)
    matrices = 256 * (256 + 128 + 128 + 256 + 3 * 512) // 32 * 34
    assert [layer.weight_bytes for layer in anatomy.layers] == [matrices + 2 * 256 * 4] * 3
    assert anatomy.layers[0].largest_tensor_bytes == 256 * 512 // 32 * 34
    assert anatomy.embedding_bytes == 256 * 512 // 32 * 34
    assert anatomy.output_bytes == 256 * 512 // 32 * 34 + 256 * 4
    assert anatomy.shared_output_bytes == 0
    assert anatomy.gpu_output_bytes == anatomy.output_bytes


def test_an_output_without_a_table_shares_the_embeddings(path: Path):
    anatomy = read_anatomy(write_model(path, Sizes(is_output_shared=True)))
    assert anatomy.output_bytes == 256 * 4
    assert anatomy.shared_output_bytes == anatomy.embedding_bytes
    assert anatomy.gpu_output_bytes == anatomy.embedding_bytes + 256 * 4


@pytest.mark.parametrize(
    ("file_type", "name"),
    [(15, "Q4_K_M"), (1024 + 17, "Q5_K_M"), (7, "Q8_0"), (99, "Q8_0"), (-1, "Q8_0"), ("x", "Q8_0")],
)
def test_a_quantization_is_the_files_own_word_or_the_largest_type(
    path: Path, file_type: Any, name: str
):
    assert read(path, general__file_type=file_type).quantization == name


def test_the_largest_type_goes_by_bytes(path: Path):
    places = [*list_places(Sizes(kind="Q4_0")), ("extra.weight", (512, 9999), "F16")]
    anatomy = read_anatomy(write_gguf(path, list_values(Sizes()), places))
    assert [each.kind for each in anatomy.types] == ["F16", "Q4_0", "F32"]
    assert anatomy.quantization == "F16"
    assert sum(each.share for each in anatomy.types) == pytest.approx(1)


def test_experts_are_read(path: Path):
    sizes = Sizes(
        experts=(8, 2),
        values={"expert_feed_forward_length": 64, "expert_shared_feed_forward_length": 32},
    )
    experts = read_anatomy(write_model(path, sizes)).experts
    assert experts == Experts(count=8, used=2, width=64, shared_width=32)
    plain = read_anatomy(write_model(path, Sizes(experts=(4, 1)))).experts
    assert plain == Experts(count=4, used=1, width=512)


@pytest.mark.parametrize(
    ("values", "positions"),
    [
        ({}, Positions(trained_context=8192)),
        (
            {
                "llama__rope__freq_base": 500000.0,
                "llama__rope__scaling__type": "yarn",
                "llama__rope__scaling__factor": 4.0,
                "llama__rope__scaling__original_context_length": 2048,
            },
            Positions(
                trained_context=8192,
                rope_base=500000.0,
                rope_scaling="yarn",
                rope_factor=4.0,
                original_context=2048,
            ),
        ),
        ({"llama__rope__scale_linear": 2.0}, Positions(trained_context=8192, rope_factor=2.0)),
        ({"llama__rope__freq_base": float("nan")}, Positions(trained_context=8192)),
        ({"llama__context_length": "long"}, Positions(trained_context=0)),
    ],
)
def test_positions_are_as_they_are_stored(path: Path, values: Any, positions: Positions):
    assert read(path, **values).positions == positions


TOKENS = ["<unk>", "<s>", "</s>", "<|im_end|>", "<|eot_id|>", "hello"]


@pytest.mark.parametrize(
    ("values", "begin", "end", "turn"),
    [
        ({}, (1, "<s>"), (2, "</s>"), (4, "<|eot_id|>")),
        ({"tokenizer__ggml__eot_token_id": 3}, (1, "<s>"), (2, "</s>"), (3, "<|im_end|>")),
        ({"tokenizer__ggml__eos_token_id": 6}, (1, "<s>"), None, (4, "<|eot_id|>")),
        ({"tokenizer__ggml__bos_token_id": -1}, None, (2, "</s>"), (4, "<|eot_id|>")),
    ],
)
def test_special_tokens_are_named(path: Path, values: Any, begin: Any, end: Any, turn: Any):
    tokens = {
        "tokenizer__ggml__tokens": TOKENS,
        "tokenizer__ggml__token_type": [2, 3, 3, 3, 3, 1],
        "tokenizer__ggml__model": "gpt2",
    }
    found = read(path, **(tokens | values)).vocabulary
    assert (found.kind, found.size, found.control_count) == ("BPE", 6, 4)
    assert [each and (each.number, each.text) for each in (found.begin, found.end)] == [begin, end]
    assert found.end_of_turn == SpecialToken(number=turn[0], text=turn[1])


def test_a_file_without_a_vocabulary_is_read(path: Path):
    found = read(path, without="tokenizer.ggml.tokens", tokenizer__ggml__model="plamo2").vocabulary
    assert (found.kind, found.size, found.begin, found.end_of_turn) == ("plamo2", 0, None, None)


def test_a_template_is_kept(path: Path):
    assert read(path, tokenizer__chat_template="{{ x }}").chat_template == "{{ x }}"


# What is no model


def refuse(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_anatomy(path)
    assert caught.value.path == path
    return f"{caught.value.found}; {caught.value.remedy}"


def test_a_lora_is_told_with_its_base(path: Path):
    said = refuse(write_lora(path, architecture="qwen2"))
    assert "LoRA adapter for a model of architecture qwen2" in said
    assert "TROUPE_ENGINE__LORAS" in said


@pytest.mark.parametrize("kind", ["mmproj", "imatrix"])
def test_companions_of_models_are_told(path: Path, kind: str):
    values = list_values(Sizes()) | {"general.type": kind}
    assert f"no model but {kind}" in refuse(write_gguf(path, values, list_places(Sizes())))


def test_a_folder_of_weights_is_told(tmp_path: Path):
    (tmp_path / "output-00001-of-00002.safetensors").touch()
    said = refuse(tmp_path)
    assert "EXL2 or safetensors" in said
    assert "TabbyAPI or vLLM" in said


def test_a_vocabulary_alone_is_no_model(path: Path):
    assert "a vocabulary without a model" in refuse(write_gguf(path, list_values(Sizes()), []))


def test_a_file_that_names_no_architecture_is_refused(path: Path):
    assert "does not say what it is" in refuse(write_gguf(path, {}, list_places(Sizes())))


@pytest.mark.parametrize("count", [0, -1, 1025, 2**31, "x", None])
def test_an_absurd_number_of_layers_is_refused(path: Path, count: Any):
    values = list_values(Sizes()) | {"llama.block_count": count}
    if count is None:
        del values["llama.block_count"]
    assert "layers)" in refuse(write_gguf(path, values, list_places(Sizes())))


@pytest.mark.parametrize(
    "key",
    [
        "embedding_length",
        "feed_forward_length",
        "attention.head_count",
        "attention.head_count_kv",
        "attention.key_length",
        "expert_count",
        "context_length",
    ],
)
@pytest.mark.parametrize("value", [0, -1, 2**32 - 1, "x", 0.5, True, [1], [-1, 3]])
def test_values_that_cannot_be_never_raise_anything_else(path: Path, key: str, value: Any):
    values = list_values(Sizes()) | {f"llama.{key}": value}
    anatomy = read_anatomy(write_gguf(path, values, list_places(Sizes())))
    assert len(anatomy.layers) == 2
    assert all(layer.key_width >= 0 for layer in anatomy.layers)


def test_a_cut_file_is_named_as_damaged(path: Path):
    write_model(path, Sizes())
    path.write_bytes(path.read_bytes()[:-40])
    assert "it is damaged (it ends in blk.1.ffn_down.weight" in refuse(path)
