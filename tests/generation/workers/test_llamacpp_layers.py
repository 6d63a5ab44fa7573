"""How many layers the llama.cpp worker asks for, with GPUs that are only told of."""

from pathlib import Path
from typing import Any

import pytest

from bot.generation.config import LlamaCppTuning
from bot.generation.sizing.demand import choose_demand
from bot.generation.sizing.fitting import MARGIN_BYTES, Gpu, place
from bot.generation.sizing.inspection import read_anatomy
from bot.generation.workers.child import WorkerSettings
from bot.generation.workers.llamacpp_worker import build_params
from tests.generation.lora_file import write_lora
from tests.gguf_files import Sizes, write_model

GIB = 1024**3
MIB = 1024**2
AUTO, ALL = -1, 9
DENSE = Sizes(layers=8, width=2048, feed_forward=8192, vocabulary=512)
EXPERTS = Sizes(layers=8, width=512, feed_forward=2048, experts=(16, 2), vocabulary=512)
NEWER = Sizes(layers=8, width=2048, feed_forward=8192, vocabulary=512, architecture="newer")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    sizes = {"dense": DENSE, "experts": EXPERTS, "newer": NEWER}
    return {name: write_model(folder / f"{name}.gguf", each) for name, each in sizes.items()}


def make_settings(model: Path, gpu_layers: int = AUTO, **tuning: Any) -> WorkerSettings:
    return WorkerSettings(
        model=str(model),
        api_key="",
        parent_pid=0,
        context_length=4096,
        slots=2,
        gpu_layers=gpu_layers,
        threads=1,
        tuning=LlamaCppTuning.model_validate(tuning),
    )


def make_gpus(*room_mib: float) -> tuple[Gpu, ...]:
    """GPUs with so much room beyond the margin."""
    return tuple(Gpu(name="tested", free_bytes=MARGIN_BYTES + int(room * MIB)) for room in room_mib)


def measure(model: Path, layers: int) -> float:
    """MiB that so many layers take on one GPU."""
    demand = choose_demand(LlamaCppTuning(), context_length=4096, slots=2, has_gpu=True)
    return place(read_anatomy(model), demand, layers).gpus[0].total / MIB + 0.01


def count(settings: WorkerSettings, *room_mib: float) -> int:
    return build_params(settings, make_gpus(*room_mib)).n_gpu_layers


@pytest.mark.parametrize("layers", [ALL, ALL - 1, 3])
def test_as_many_layers_as_fit(files: dict[str, Path], layers: int):
    room = measure(files["dense"], layers)
    assert count(make_settings(files["dense"]), room) == layers


def test_slots_and_windows_count(files: dict[str, Path]):
    room = measure(files["dense"], ALL)
    assert count(make_settings(files["dense"], cache_type_k="f32"), room) < ALL
    assert count(make_settings(files["dense"], flash_attention="off"), room) < ALL


def test_adapters_count(files: dict[str, Path], tmp_path: Path):
    lora = write_lora(tmp_path / "lora.gguf")
    lora.write_bytes(lora.read_bytes().ljust(MIB, b"\0"))
    settings = make_settings(files["dense"], loras=[{"path": lora}, {"path": "/nowhere.gguf"}])
    room = measure(files["dense"], ALL)
    assert count(settings, room) == ALL - 1
    assert count(settings, room + 1) == ALL
    target = build_params(settings, make_gpus(room)).fit_params_target
    assert set(target) == {MARGIN_BYTES + MIB}


@pytest.mark.parametrize("asked", [0, 5, 9999])
def test_a_number_is_kept(files: dict[str, Path], asked: int):
    assert count(make_settings(files["dense"], asked), 100_000) == asked


def test_without_a_gpu_nothing_is_chosen(files: dict[str, Path]):
    params = build_params(make_settings(files["dense"]))
    assert params.n_gpu_layers == AUTO
    assert params.verbosity == 3


def test_with_a_gpu_llama_cpp_is_asked_to_tell_the_layers(files: dict[str, Path]):
    assert build_params(make_settings(files["dense"], 0), make_gpus(1)).verbosity == 4


# Several GPUs


def test_several_gpus_get_the_shares_that_were_reckoned_with(files: dict[str, Path]):
    room = measure(files["dense"], ALL)
    params = build_params(make_settings(files["dense"]), make_gpus(room, 0.0, room))
    first, second, third, *others = params.tensor_split
    assert params.n_gpu_layers == ALL
    assert first == pytest.approx(third, rel=1e-6)
    assert first > second == sum(others) == 0


@pytest.mark.parametrize(
    ("tuning", "layers"),
    [
        ({"split_mode": "none", "main_gpu": 0}, 0),
        ({"split_mode": "none", "main_gpu": 1}, ALL),
        ({"split_mode": "none", "main_gpu": 7}, AUTO),
        ({"tensor_split": "0,1"}, ALL),
        ({"tensor_split": "1,0"}, 0),
        ({"split_mode": "row"}, ALL),
    ],
)
def test_settings_of_several_gpus_are_heeded(
    files: dict[str, Path], tuning: dict[str, Any], layers: int
):
    room = measure(files["dense"], ALL) + 100  # several GPUs have several batches under way
    params = build_params(make_settings(files["dense"], **tuning), make_gpus(0, room))
    assert params.n_gpu_layers == layers
    if "tensor_split" in tuning and layers:
        assert params.tensor_split[:2] == [float(each) for each in tuning["tensor_split"][::2]]


# Where llama.cpp knows better


@pytest.mark.parametrize("model", ["experts", "newer"])
def test_what_is_estimated_and_does_not_fit_is_left_to_llama_cpp(
    files: dict[str, Path], model: str
):
    room = measure(files[model], ALL)
    assert count(make_settings(files[model]), room) == ALL
    params = build_params(make_settings(files[model]), make_gpus(room - 1))
    assert params.n_gpu_layers == AUTO
    assert sum(params.tensor_split) == 0


@pytest.mark.parametrize(
    "tuning",
    [{"tensor_split": "1,1"}, {"split_mode": "row"}, {"split_mode": "tensor"}],
    ids=["shares", "rows", "tensors"],
)
def test_where_llama_cpp_would_not_try_the_estimate_counts(
    files: dict[str, Path], tuning: dict[str, Any]
):
    settings = make_settings(files["experts"], **tuning)
    room = measure(files["experts"], 6)
    assert 0 < count(settings, room / 2, room / 2) < ALL


def test_a_gpu_that_does_not_tell_its_memory_is_left_to_llama_cpp(files: dict[str, Path]):
    gpus = (*make_gpus(100_000), Gpu(name="silent", free_bytes=0))
    assert build_params(make_settings(files["dense"]), gpus).n_gpu_layers == AUTO


def test_a_damaged_file_is_left_to_llama_cpp(tmp_path: Path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    assert count(make_settings(path), 100_000) == AUTO
