"""`troupe models inspect`: what it says of files, settings and GPUs, and how it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.generation.config import DEMO_MODEL
from bot.generation.sizing.fitting import Gpu
from bot.generation.workers.device_probe import DeviceProbeError
from tests.cli.models.inspecting import ASK_GPUS, find, forget_settings, read
from tests.generation.lora_file import write_lora
from tests.gguf_files import Sizes, write_model

ROOT = Path(__file__).parents[3]
LIMIT_SECONDS = 60
GIB = 1024**3


@pytest.fixture(autouse=True)
def without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    forget_settings(monkeypatch, tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    sizes = Sizes(layers=32, width=1024, feed_forward=4096, context=32768)
    return write_model(tmp_path / "tiny-openhermes.Q8_0.gguf", sizes)


# The model that ships, in a process as an operator runs it


def test_the_command_tells_everything_of_the_model_that_ships(tmp_path: Path):
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("TROUPE_")}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "bot", "models", "inspect", str(DEMO_MODEL)],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=LIMIT_SECONDS,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout
    assert said.startswith("troupe-demo-limarp.Q8_0.gguf\n")
    assert find(said, "architecture") == "llama: 5 layers, width 256, feed-forward 768"
    assert find(said, "quantization").startswith("Q8_0 (Q8_0 99.8%")
    assert find(said, "special") == "begin 1 <s>, end 2 </s>"
    assert find(said, "template") == "none"
    assert find(said, "engine") == "llamacpp: it is a GGUF file"
    assert find(said, "format") == "limarp: the model's name says 'limarp'"
    assert find(said, "window") == "1,024 tokens: what the model was trained for"
    assert "5.9 MiB   10 MiB" in find(said, "no layer on a GPU")
    assert list(tmp_path.iterdir()) == []


def test_a_ggml_file_goes_to_ctransformers(ggml_model: Path):
    said = read(ggml_model, "--slots", 4)
    assert find(said, "file").startswith("GGML, ")
    assert find(said, "engine") == "ctransformers: it is a GGML file of 2023"
    assert find(said, "slots").startswith("1: ")
    assert find(said, "window").startswith("2,048 tokens: the file does not say")
    assert find(said, "GPU layers").startswith("none: ctransformers")
    assert "Estimated, rather too large: ctransformers' buffers." in said


# GPUs


def test_without_a_gpu_it_says_so(model: Path):
    said = read(model)
    assert find(said, "GPU").startswith("none was found")
    assert find(said, "GPU layers") == "none: no GPU"
    assert "of 33 layers" not in said
    assert "all 33 layers" in said


def test_the_gpus_of_this_machine_are_asked(model: Path, monkeypatch: pytest.MonkeyPatch):
    gpus = (Gpu(name="Tested 4090", free_bytes=20 * GIB),)
    monkeypatch.setattr(ASK_GPUS, lambda: gpus)
    said = read(model)
    assert find(said, "GPU") == "Tested 4090, 20.0 GiB free"
    assert find(said, "GPU layers").startswith("33 of 33: all fit, with 1.00 GiB left free")


def test_gpus_that_cannot_be_asked_are_named(model: Path, monkeypatch: pytest.MonkeyPatch):
    def fail():
        message = "libcuda.so.1 is not there"
        raise DeviceProbeError(message)

    monkeypatch.setattr(ASK_GPUS, fail)
    assert find(read(model), "GPU").startswith("could not be asked (libcuda.so.1 is not there)")


def test_what_fits_into_some_memory_is_told(model: Path):
    said = read(model, "--gpu-memory", "1.5GiB")
    layers = int(find(said, "GPU layers").split()[0])
    assert 0 < layers < 33
    assert f"\n  {layers} of 33 layers" in said
    assert find(said, "GPU layers").endswith("so many fit, with 1.00 GiB left free on each GPU")


def test_several_gpus_each_have_a_line(model: Path):
    said = read(model, "--gpu-memory", "1.25GiB", "--gpu-memory", "1.5GiB")
    assert find(said, "GPU") == "1.25 GiB and 1.50 GiB free, by --gpu-memory"
    assert said.count("GPU 0 ") == said.count("GPU 1 ") == 2


def test_experts_that_do_not_fit_are_left_to_llama_cpp(tmp_path: Path):
    sizes = Sizes(layers=16, width=512, feed_forward=2048, experts=(16, 2))
    said = read(write_model(tmp_path / "moe.gguf", sizes), "--gpu-memory", "1.3GiB")
    assert find(said, "experts") == "16, of which 2 work on a token"
    assert find(said, "GPU layers").startswith("about ")
    assert "llama.cpp tries it out" in find(said, "GPU layers")


# Windows, slots, settings


def test_memory_is_for_the_window_and_slots_that_are_asked_for(model: Path):
    usual, other = read(model), read(model, "--context", 16384, "--slots", 3)
    assert "Memory: 2 slots of 8,192 tokens, 64 KiB a token (f16)" in usual
    assert "Memory: 3 slots of 16,384 tokens" in other
    assert "1.00 GiB" in find(usual, "no layer on a GPU")
    assert "3.00 GiB" in find(other, "no layer on a GPU")
    assert find(other, "window").startswith("16,384 tokens: TROUPE_ENGINE__CONTEXT_LENGTH")


def test_a_window_that_is_too_long_is_reckoned_and_named(model: Path):
    said = read(model, "--context", 65536, "--slots", 1)
    assert "Memory: 1 slot of 65,536 tokens" in said
    assert find(said, "window").startswith("32,768 tokens: ")
    assert "65,536 were asked for" in find(said, "window")


def test_the_settings_in_force_count(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TROUPE_ENGINE__CACHE_TYPE_K", "q8_0")
    monkeypatch.setenv("TROUPE_ENGINE__SLOTS", "1")
    monkeypatch.setenv("TROUPE_ENGINE__GPU_LAYERS", "7")
    monkeypatch.setenv("TROUPE_ENGINE__CACHE_RAM_MIB", "0")
    monkeypatch.setenv("TROUPE_PROMPT_FORMAT", "limarp")
    monkeypatch.setenv("TROUPE_SAMPLER__TOP_K", "30")
    said = read(model)
    assert "Memory: 1 slot of 8,192 tokens, 49 KiB a token (q8_0/f16)" in said
    assert find(said, "format") == "limarp: TROUPE_PROMPT_FORMAT"
    assert "top_k 30" in find(said, "samplers")
    assert "changed by TROUPE_SAMPLER__" in find(said, "samplers")
    assert find(said, "GPU layers") == "7 of 33: TROUPE_ENGINE__GPU_LAYERS"
    assert "wait in up to" not in said


def test_adapters_count(model: Path, monkeypatch: pytest.MonkeyPatch):
    lora = write_lora(model.with_name("lora.gguf"))
    lora.write_bytes(lora.read_bytes().ljust(1024**2, b"\0"))
    before = json.loads(read(model, "--json"))["memory"]
    monkeypatch.setenv("TROUPE_ENGINE__LORAS", json.dumps([{"path": str(lora)}]))
    after = json.loads(read(model, "--json"))["memory"]
    for name, place in (("none", "machine"), ("all", "gpus")):
        sizes = [memory[name][place] for memory in (before, after)]
        weights = [each[0]["weights"] if place == "gpus" else each["weights"] for each in sizes]
        assert weights[1] - weights[0] == lora.stat().st_size


def test_settings_for_a_server_elsewhere_do_not_count(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TROUPE_ENGINE__KIND", "llama_server")
    monkeypatch.setenv("TROUPE_ENGINE__URL", "http://127.0.0.1:1")
    assert find(read(model), "engine") == "llamacpp: it is a GGUF file"


def test_an_engine_that_cannot_play_the_file_is_named(
    ggml_model: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TROUPE_ENGINE__KIND", "llamacpp")
    said = find(read(ggml_model), "engine")
    assert said.startswith("none: ")
    assert "TROUPE_ENGINE__KIND=auto" in said


@pytest.mark.parametrize(
    ("name", "samplers"),
    [
        ("strange.gguf", "Troupe's own, for models that it does not know"),
        ("openhermes-2.5-mistral-7b.Q5_K_M.gguf", "OpenHermes"),
        ("limarp-of-mine.gguf", ""),
    ],
)
def test_samplers_have_a_source(model: Path, name: str, samplers: str):
    said = find(read(model.rename(model.with_name(name))), "samplers")
    assert said.startswith("temperature ")
    assert samplers in said


# For programs


def test_json_has_everything_in_bytes(model: Path):
    told = json.loads(read(model, "--json", "--gpu-memory", "1.5GiB"))
    assert told["file"] == str(model)
    assert told["model"]["architecture"] == "llama"
    assert len(told["model"]["layers"]) == 32
    assert told["cache_bytes_per_token"] == 32 * 2 * 512 * 2
    assert (told["context_length"], told["slots"]) == (8192, 2)
    assert told["gpus"] == [{"name": "--gpu-memory", "free_bytes": 3 * GIB // 2}]
    none, some, every = (told["memory"][name] for name in ("none", "fitting", "all"))
    assert none["gpu_layers"] == 0 < some["gpu_layers"] < every["gpu_layers"] == 33
    assert none["machine"]["cache"] == 1024 * 1024**2 == every["gpus"][0]["cache"]
    assert told["choice"]["engine"] == {"value": "llamacpp", "reason": "it is a GGUF file"}
    assert set(told["choice"]) == {
        *("engine", "format", "samplers", "window", "slots", "gpu_layers")
    }


def test_json_without_a_gpu_has_no_fitting(model: Path):
    told = json.loads(read(model, "--json"))
    assert (told["gpus"], set(told["memory"])) == ([], {"none", "all"})
