"""Which GPUs llama.cpp uses, and asking for them in a process of its own."""

import subprocess
import sys
from typing import Any

import pytest
import xllamacpp

from bot.generation.sizing.fitting import Gpu
from bot.generation.workers import device_probe, devices
from bot.generation.workers.device_probe import DeviceProbeError, ask_gpus
from bot.generation.workers.devices import list_gpus

TYPE = xllamacpp.ggml_backend_dev_type
CPU, GPU, GRAPHICS = (
    TYPE.GGML_BACKEND_DEVICE_TYPE_CPU,
    TYPE.GGML_BACKEND_DEVICE_TYPE_GPU,
    TYPE.GGML_BACKEND_DEVICE_TYPE_IGPU,
)
OTHER = 3


def device(kind: int, free: int, device_id: str = "") -> dict[str, Any]:
    return {
        "name": "X0",
        "description": f"a device with {free}",
        "memory_free": free,
        "memory_total": 100,
        "type": kind,
        "device_id": device_id,
    }


@pytest.mark.parametrize(
    ("found", "used"),
    [
        pytest.param([], [], id="none"),
        pytest.param([device(CPU, 1), device(OTHER, 2)], [], id="no-gpu"),
        pytest.param([device(GPU, 1), device(CPU, 2), device(GPU, 3)], [1, 3], id="gpus"),
        pytest.param([device(GRAPHICS, 1), device(CPU, 2)], [1], id="graphics"),
        pytest.param([device(GRAPHICS, 1), device(GPU, 2)], [2], id="better-than-graphics"),
        pytest.param(
            [device(GPU, 1, "0:1"), device(GPU, 2, "0:2"), device(GPU, 3, "0:1")],
            [1, 2],
            id="one-of-two-names",
        ),
    ],
)
def test_gpus_are_those_that_llama_cpp_uses(
    monkeypatch: pytest.MonkeyPatch, found: list[dict[str, Any]], used: list[int]
):
    monkeypatch.setattr(devices.xllamacpp, "get_device_info", lambda: found)
    assert list_gpus() == tuple(Gpu(name=f"a device with {free}", free_bytes=free) for free in used)


def test_this_machine_is_asked_without_opening_its_gpus_here():
    script = (
        "import sys; from bot.generation.workers.device_probe import ask_gpus; print(ask_gpus());"
        "assert 'xllamacpp' not in sys.modules"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script], capture_output=True, timeout=60, check=True
    )
    assert done.stdout.startswith(b"(")
    names = [gpu.name for gpu in ask_gpus()]
    assert names == [gpu.name for gpu in list_gpus()]


@pytest.mark.parametrize(
    ("module", "said"), [("tests.nowhere", "No module named"), ("this", "no list of GPUs")]
)
def test_no_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, module: str, said: str):
    monkeypatch.setattr(device_probe, "_MODULE", module)
    with pytest.raises(DeviceProbeError) as caught:
        ask_gpus()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_driver_that_hangs_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device_probe, "_PATIENCE_SECONDS", 0.01)
    with pytest.raises(DeviceProbeError, match=r"no answer within 0\.01 s"):
        ask_gpus()


def test_python_that_cannot_be_started_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(DeviceProbeError, match="No such file"):
        ask_gpus()
