"""GGML files choose their engine by themselves, and what is wrong with one is told at once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from bot.generation.config import (
    DEMO_MODEL,
    CtransformersConfig,
    EngineConfig,
    LlamaCppConfig,
    ModelFileConfig,
    change_file,
)
from bot.generation.errors import EngineUnavailableError
from bot.generation.factory import _choose_ctransformers_settings, inspect_model, open_engine
from tests.generation.workers.test_model_files import ENTRIES, TEXT, write_header, write_text
from tests.ggml_files import Quantization, make_random_model, read_demo_model, write_ggml

ENGINE: TypeAdapter[EngineConfig] = TypeAdapter(EngineConfig)


def test_a_ggml_file_chooses_ctransformers(ggml_model: Path):
    config = ENGINE.validate_python({"model": str(ggml_model), "threads": 3})
    assert config == CtransformersConfig(model=ggml_model, threads=3)
    assert isinstance(ENGINE.validate_python({"model": str(DEMO_MODEL)}), LlamaCppConfig)
    assert isinstance(ENGINE.validate_python({"model": "/no/such/file.bin"}), LlamaCppConfig)
    named = ENGINE.validate_python({"kind": "ctransformers", "model": str(DEMO_MODEL)})
    assert isinstance(named, CtransformersConfig)


@pytest.mark.parametrize("extra", [{"flash_attention": "on"}, {"slots": 2}, {"loras": "[]"}])
def test_what_only_llama_cpp_can_do_is_refused(ggml_model: Path, extra: dict[str, object]):
    with pytest.raises(ValidationError, match=next(iter(extra))):
        ENGINE.validate_python({"model": str(ggml_model), **extra})


def test_another_file_takes_the_engine_that_it_needs(ggml_model: Path):
    old = LlamaCppConfig(threads=1)
    new = change_file(old, ggml_model)
    assert new == CtransformersConfig(model=ggml_model, threads=1)
    assert isinstance(new, ModelFileConfig)
    assert change_file(new, DEMO_MODEL) == LlamaCppConfig(model=DEMO_MODEL, threads=1)


def test_a_setting_that_does_not_go_with_another_file_is_named(ggml_model: Path):
    with pytest.raises(ValueError, match=r"with which TROUPE_ENGINE__CACHE_REUSE does not go"):
        change_file(LlamaCppConfig(cache_reuse=9), ggml_model)


def test_what_the_worker_is_told(ggml_model: Path):
    settings = _choose_ctransformers_settings(CtransformersConfig(model=ggml_model, threads=2))
    assert (settings.context_length, settings.slots, settings.gpu_layers) == (2048, 1, 0)
    assert (settings.threads, settings.batch_size) == (2, 8)
    config = CtransformersConfig(
        model=ggml_model, context_length=4096, gpu_layers="all", batch_size=64
    )
    settings = _choose_ctransformers_settings(config)
    assert (settings.context_length, settings.batch_size) == (4096, 64)
    assert settings.gpu_layers > 1000


def test_control_tokens_are_told_for_what_people_write(ggml_model: Path):
    header = inspect_model(CtransformersConfig(model=ggml_model))
    assert {"<s>", "</s>", "<unk>"} <= set(header.special_strings)


def cut(source: Path, file: Path) -> None:
    file.write_bytes(source.read_bytes()[:-500])


def cut_vocabulary(source: Path, file: Path) -> None:
    file.write_bytes(source.read_bytes()[:2000])


def make_older(source: Path, file: Path) -> None:
    whole = bytearray(source.read_bytes())
    whole[4] = 2
    file.write_bytes(whole)


def share_by_four(source: Path, file: Path) -> None:
    model = make_random_model(read_demo_model().vocabulary, width=64, heads=8, kv_heads=2)
    write_ggml(model, file, Quantization.F16)


def turn_half(source: Path, file: Path) -> None:
    """A rotary embedding of half a head, as GPT-NeoX has it; native code would abort."""
    whole = bytearray(source.read_bytes())
    whole[28:32] = (32).to_bytes(4, "little")
    file.write_bytes(whole)


def leave_out_bytes(source: Path, file: Path) -> None:
    """Native code aborts where it needs one of them."""
    model = read_demo_model()
    vocabulary = [
        (b"xy" if n == 60 else text, score) for n, (text, score) in enumerate(model.vocabulary)
    ]
    write_ggml(replace(model, vocabulary=vocabulary), file, Quantization.F16)


def make_folder(source: Path, file: Path) -> None:
    file.mkdir()
    (file / "model.safetensors").touch()


def make_falcon(source: Path, file: Path) -> None:
    file.write_bytes(write_header(ENTRIES | {"general.architecture": (TEXT, write_text("falcon"))}))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(cut, ["it ends in", "download it again"], id="cut-off"),
        pytest.param(cut_vocabulary, ["too early", "download it again"], id="cut-off-early"),
        pytest.param(make_older, ["older version", "ggmlv3", "GGUF"], id="older"),
        pytest.param(share_by_four, ["8:1 only", "take the GGUF file"], id="heads-by-four"),
        pytest.param(turn_half, ["no Llama"], id="no-llama"),
        pytest.param(leave_out_bytes, ["no token for 1 of the 256 bytes"], id="bytes-left-out"),
        pytest.param(make_folder, ["it is a folder", ".bin"], id="folder"),
        pytest.param(make_falcon, ["falcon", "TROUPE_ENGINE__KIND=llamacpp"], id="another-kind"),
    ],
)
def test_a_file_that_will_not_do_is_refused_with_what_would(
    ggml_model: Path, tmp_path: Path, make: Callable[[Path, Path], None], words: list[str]
):
    file = tmp_path / "model.bin"
    make(ggml_model, file)
    config = CtransformersConfig(kind="ctransformers", model=file)
    for refuse in (inspect_model, open_engine):  # no event loop runs: no worker was begun
        with pytest.raises(EngineUnavailableError) as caught:
            refuse(config)
        assert all(word in caught.value.fix for word in (*words, str(file), "TROUPE_ENGINE__MODEL"))
