import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import AnyHttpUrl, SecretStr

from bot.generation.config import DEMO_MODEL, LlamaCppConfig, LlamaServerConfig
from bot.generation.errors import EngineUnavailableError
from bot.generation.factory import _choose_settings, inspect_model, open_engine
from bot.generation.types import EngineState
from bot.generation.workers.model_files import ModelHeader
from tests.fake_model import FakeModel
from tests.generation.lora_file import write_lora


def make_header(context_length: int) -> ModelHeader:
    return ModelHeader(
        architecture="llama",
        name="",
        context_length=context_length,
        chat_template="",
        special_strings=(),
    )


async def test_a_server_elsewhere_is_asked_where_it_is(model: FakeModel):
    model.api_key = "sesame"
    engine = open_engine(
        LlamaServerConfig(
            kind="llama_server", url=AnyHttpUrl(model.url + "/"), api_key=SecretStr("sesame")
        )
    )
    assert engine.state is EngineState.READY
    assert engine.name == "llama_server"
    assert (await engine.wait_ready()).name == "fake-model"
    assert engine.name == "llama_server fake-model"
    await engine.aclose()


async def test_a_password_in_an_address_is_not_in_the_name():
    url = AnyHttpUrl("http://sam:hunter2@127.0.0.1:8080/base/?key=hunter2")
    engine = open_engine(LlamaServerConfig(kind="llama_server", url=url))
    assert "hunter2" not in engine.name
    await engine.aclose()


async def test_a_file_of_ones_own_is_run():
    engine = open_engine(LlamaCppConfig(slots=2, threads=1, context_length=512))
    assert engine.state is EngineState.LOADING
    info = await engine.wait_ready()
    assert (info.context_length, info.slots) == (512, 2)  # each slot has a window of its own
    assert engine.state is EngineState.READY
    assert engine.name == f"llamacpp {DEMO_MODEL.name}"
    await engine.aclose()
    assert engine.state is EngineState.FAILED


def make_missing(folder: Path) -> Path:
    return folder / "missing.gguf"


def make_ggml(folder: Path) -> Path:
    path = folder / "nous-hermes-llama2-70b.ggmlv3.q4_0.bin"
    path.write_bytes(b"tjgg" + struct.pack("<I", 3))
    return path


def make_folder(folder: Path) -> Path:
    (folder / "output.safetensors").touch()
    return folder


def make_damaged(folder: Path) -> Path:
    path = folder / "cut.gguf"
    path.write_bytes(DEMO_MODEL.read_bytes()[:1000])
    return path


def make_other(folder: Path) -> Path:
    path = folder / "page.gguf"
    path.write_bytes(b"<!DOCTYPE html>")
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_missing, ["no such file", "TROUPE_ENGINE__MODEL"]),
        (make_ggml, ["GGML file of 2023", "TROUPE_ENGINE__KIND=auto"]),
        (make_folder, ["EXL2 or safetensors", "TabbyAPI or vLLM", "TROUPE_ENGINE__URL"]),
        (make_damaged, ["damaged", "download it again", "TROUPE_ENGINE__MODEL"]),
        (make_other, ["<!DO", "TROUPE_ENGINE__MODEL"]),
    ],
)
def test_a_file_that_will_not_do_is_refused_with_what_would(tmp_path: Path, make, words: list[str]):
    path = make(tmp_path)
    config = LlamaCppConfig(model=path)
    for refuse in (inspect_model, open_engine):  # no event loop runs: no worker was begun
        with pytest.raises(EngineUnavailableError) as caught:
            refuse(config)
        assert str(path) in caught.value.fix
        assert all(word in caught.value.fix for word in words), caught.value.fix


def make_foreign_lora(folder: Path) -> Path:
    return write_lora(folder / "lora.gguf", architecture="gemma")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_missing, "no such file"),
        (make_other, "it begins with"),
        (make_damaged, "damaged"),
        (make_ggml, "no LoRA adapter in GGUF"),
        (make_folder, "no LoRA adapter in GGUF"),
        (lambda _: DEMO_MODEL, "no LoRA adapter in GGUF"),
        (make_foreign_lora, "architecture gemma, and troupe-demo"),
    ],
)
def test_an_adapter_that_will_not_do_is_refused(tmp_path: Path, make, words: str):
    path = make(tmp_path)
    good = write_lora(tmp_path / "good.gguf")
    config = LlamaCppConfig.model_validate({"loras": [{"path": good}, {"path": path}]})
    with pytest.raises(EngineUnavailableError) as caught:
        open_engine(config)  # no event loop runs: no worker was begun
    assert str(path) in caught.value.fix
    assert words in caught.value.fix
    assert "TROUPE_ENGINE__LORAS" in caught.value.fix


def test_an_adapter_is_no_model(tmp_path: Path):
    with pytest.raises(EngineUnavailableError, match="TROUPE_ENGINE__LORAS"):
        inspect_model(LlamaCppConfig(model=write_lora(tmp_path / "lora.gguf")))


@pytest.mark.parametrize(
    ("asked", "trained", "chosen"),
    [
        pytest.param(None, 4096, 4096, id="the model's own"),
        pytest.param(None, 131072, 8192, id="not all that a long one has"),
        pytest.param(None, 0, 2048, id="the file does not say"),
        pytest.param(16384, 131072, 16384, id="asked for"),
        pytest.param(512, 0, 512, id="asked for, and the file does not say"),
    ],
)
def test_the_window(asked: int | None, trained: int, chosen: int):
    config = LlamaCppConfig(context_length=asked)
    assert _choose_settings(config, make_header(trained)).context_length == chosen


@pytest.mark.parametrize(
    ("asked", "tuning", "chosen"),
    [
        pytest.param(None, {"rope_freq_scale": 0.5}, 8192, id="stretched"),
        pytest.param(None, {"rope_freq_scale": 0.25}, 8192, id="not all that is reached"),
        pytest.param(16384, {"rope_freq_scale": 0.25}, 16384, id="asked for"),
        pytest.param(
            4096, {"rope_scaling": "yarn", "rope_freq_scale": 0.5, "yarn_orig_ctx": 2048}, 4096
        ),
    ],
)
def test_positions_can_be_stretched(
    asked: int | None, tuning: dict[str, object], chosen: int, caplog: pytest.LogCaptureFixture
):
    config = LlamaCppConfig.model_validate({"context_length": asked, **tuning})
    settings = _choose_settings(config, make_header(4096))
    assert settings.context_length == chosen
    assert settings.tuning.rope_freq_scale == config.rope_freq_scale
    assert not caplog.records


def test_a_window_beyond_the_trained_one_is_named(caplog: pytest.LogCaptureFixture):
    config = LlamaCppConfig(context_length=8192)
    assert _choose_settings(config, make_header(4096)).context_length == 4096
    assert "TROUPE_ENGINE__ROPE_FREQ_SCALE" in caplog.text


@pytest.mark.parametrize(("asked", "layers"), [("auto", -1), ("all", 9999), (0, 0), (7, 7)])
def test_the_layers(asked, layers: int):
    settings = _choose_settings(LlamaCppConfig(gpu_layers=asked), make_header(0))
    assert settings.gpu_layers == layers


def test_only_what_is_asked_for_is_imported():
    code = (
        "import json, sys; import bot.generation.factory, bot.generation.scheduler; "
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], check=True, capture_output=True, timeout=30
    )
    assert not {"aiohttp", "discord", "xllamacpp", "bot.settings"} & set(json.loads(done.stdout))
