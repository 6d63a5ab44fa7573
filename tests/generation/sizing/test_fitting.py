"""Where a model's parts go, and how many layers fit."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.generation.config import LlamaCppTuning
from bot.generation.sizing.demand import Demand, estimate_buffers, measure_inputs
from bot.generation.sizing.fitting import (
    MARGIN_BYTES,
    Division,
    Gpu,
    Memory,
    divide,
    fit_layers,
    place,
)
from tests.generation.sizing.making_anatomy import MIB, build_anatomy, make_anatomy

GIB = 1024**3
MODEL = make_anatomy(layers=10)
"""Ten layers of 100 MiB, an embedding of 70 MiB, an output of 80 MiB."""
DEMAND = Demand(context_length=8192)
"""A layer keeps 32 MiB."""
ALL = 11
BUFFERS = estimate_buffers(MODEL, DEMAND)
INPUTS = measure_inputs(MODEL, DEMAND)


def make_gpus(*free_gib: float) -> tuple[Gpu, ...]:
    return tuple(Gpu(name="tested", free_bytes=int(free * GIB)) for free in free_gib)


def fit(*free_gib: float, tuning: LlamaCppTuning | None = None, anatomy=MODEL, demand=DEMAND):
    return fit_layers(anatomy, demand, divide(make_gpus(*free_gib), tuning))


# What is where


def test_without_layers_on_gpus_everything_is_in_the_machine():
    placement = place(MODEL, DEMAND, 0)
    assert placement.machine == Memory(weights=MODEL.weight_bytes, cache=320 * MIB, buffers=BUFFERS)
    assert placement.gpus == (Memory(),)
    assert (placement.gpu_layers, placement.all_layers, placement.is_whole) == (0, ALL, False)


def test_the_first_layer_that_is_taken_is_the_output():
    placement = place(MODEL, DEMAND, 1)
    assert placement.gpus == (Memory(weights=80 * MIB, buffers=BUFFERS + 25 * MIB),)
    assert placement.machine.weights == MODEL.weight_bytes - 80 * MIB
    assert placement.machine.cache == 320 * MIB


def test_layers_are_taken_from_the_last_one_on():
    layers = [replace(MODEL.layers[0], weight_bytes=size * MIB) for size in range(1, 5)]
    placement = place(build_anatomy(layers), DEMAND, 3)
    assert placement.gpus[0].weights == (3 + 4 + 80) * MIB
    assert placement.machine.weights == (70 + 1 + 2) * MIB


@pytest.mark.parametrize("asked", [ALL, 9999])
def test_with_all_layers_the_embedding_stays(asked: int):
    placement = place(MODEL, DEMAND, asked)
    assert placement.gpus == (Memory(weights=1080 * MIB, cache=320 * MIB, buffers=BUFFERS),)
    assert placement.machine == Memory(weights=70 * MIB, buffers=INPUTS)
    assert placement.is_whole


def test_a_shared_output_is_copied_to_a_gpu_only():
    shared = replace(MODEL, output_bytes=MIB, shared_output_bytes=70 * MIB)
    assert place(shared, DEMAND, 0).machine.weights == shared.weight_bytes == 1071 * MIB
    one = place(shared, DEMAND, 1)
    assert (one.gpus[0].weights, one.machine.weights) == (71 * MIB, 1070 * MIB)


def test_long_prompts_need_room_for_a_tensor_of_the_layers_that_are_left():
    layers = [replace(MODEL.layers[0], largest_tensor_bytes=size * MIB) for size in (9, 40, 3, 99)]
    model = build_anatomy(layers)
    assert place(model, DEMAND, 3).gpus[0].buffers == BUFFERS + 40 * MIB
    assert place(model, DEMAND, 5).gpus[0].buffers == BUFFERS


@pytest.mark.parametrize(
    ("shares", "layers"),
    [
        ((1.0, 1.0), (6, 5)),
        ((3.0, 1.0), (9, 2)),
        ((0.0, 1.0), (0, 11)),
        ((1.0, 0.0), (11, 0)),
        ((1.0, 1.0, 1.0), (4, 4, 3)),
        ((24.0, 12.0), (8, 3)),
    ],
)
def test_several_gpus_get_consecutive_layers_by_their_shares(
    shares: Sequence[float], layers: Sequence[int]
):
    placement = place(MODEL, DEMAND, ALL, shares)
    caches = [gpu.cache // (32 * MIB) for gpu in placement.gpus]
    last = max(number for number, count in enumerate(layers) if count)
    assert caches == [count - (number == last) for number, count in enumerate(layers)]
    for gpu, count in zip(placement.gpus, layers, strict=True):
        assert gpu == Memory() if count == 0 else gpu.buffers == BUFFERS + 3 * INPUTS


def test_adapters_go_with_the_layers():
    demand = replace(DEMAND, adapter_bytes=50 * MIB)
    assert place(MODEL, demand, 0).machine.weights == MODEL.weight_bytes + 50 * MIB
    whole = place(MODEL, demand, ALL)
    assert whole.gpus[0].weights == 1130 * MIB
    assert whole.machine.weights == 70 * MIB


# What fits


def test_everything_fits_to_the_byte():
    needed = place(MODEL, DEMAND, ALL).gpus[0].total + MARGIN_BYTES
    for free, layers in ((needed, ALL), (needed - 1, ALL - 1)):
        division = divide([Gpu(name="tested", free_bytes=free)])
        assert fit_layers(MODEL, DEMAND, division).gpu_layers == layers


@pytest.mark.parametrize("free", [0.0, 0.5, 1.1])
def test_nothing_fits_into_too_little(free: float):
    placement = fit(free)
    assert placement.gpu_layers == 0
    assert placement.machine == place(MODEL, DEMAND, 0).machine


def test_no_gpu_is_no_layer():
    assert fit().gpu_layers == 0


def test_more_free_memory_is_never_fewer_layers():
    counts = [fit(1 + step / 16).gpu_layers for step in range(32)]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, ALL)


@pytest.mark.parametrize(
    "demand",
    [
        Demand(context_length=32768),
        Demand(context_length=8192, slots=4),
        Demand(context_length=8192, cache_type_k="f32", cache_type_v="f32"),
        Demand(context_length=8192, has_flash_attention=False),
        Demand(context_length=8192, adapter_bytes=512 * MIB),
    ],
)
def test_whatever_needs_more_leaves_fewer_layers(demand: Demand):
    assert fit(2.2, demand=demand).gpu_layers < fit(2.2).gpu_layers


def test_two_gpus_hold_more_than_one():
    assert fit(1.8).gpu_layers < fit(1.8, 1.8).gpu_layers


@pytest.mark.parametrize("free", [(4.0,), (0.5, 4.0), (4.0, 1.0), (0.5, 4.0, 0.0)])
def test_a_gpu_without_room_takes_none(free: Sequence[float]):
    placement = fit(*free)
    assert placement.is_whole
    assert [bool(gpu.total) for gpu in placement.gpus] == [each > 1 for each in free]
    assert [share > 0 for share in placement.shares] == [each > 1 for each in free]


def test_shares_that_are_given_are_kept():
    tuning = LlamaCppTuning(tensor_split=(1, 3))
    placement = fit(4.0, 2.0, tuning=tuning)
    assert placement.shares == (1, 3)
    assert [gpu.cache // (32 * MIB) for gpu in placement.gpus] == [3, 5]
    assert placement.gpu_layers == 9


def test_the_margin_is_left_on_each_gpu():
    for free in ((1.9, 1.5), (3.0, 1.3), (1.2, 4.0)):
        placement = fit(*free)
        assert placement.gpu_layers
        for used, gpu in zip(placement.gpus, make_gpus(*free), strict=True):
            assert not used.total or used.total <= gpu.free_bytes - MARGIN_BYTES


# Which GPUs


@pytest.mark.parametrize(
    ("tuning", "free", "division"),
    [
        pytest.param({}, (3, 1), ((3, 1), ()), id="nothing-set"),
        pytest.param({"tensor_split": "1,2"}, (3, 1), ((3, 1), (1, 2)), id="shares"),
        pytest.param({"tensor_split": "1"}, (3, 1), ((3, 1), (1, 0)), id="too-few-shares"),
        pytest.param({"tensor_split": "1,2,3"}, (3, 1), ((3, 1), (1, 2)), id="too-many-shares"),
        pytest.param({"tensor_split": "0,0"}, (3, 1), ((3, 1), ()), id="no-share"),
        pytest.param({"tensor_split": "0,0,3"}, (3, 1), ((3, 1), ()), id="elsewhere"),
        pytest.param(
            {"split_mode": "none", "main_gpu": 1, "tensor_split": "1,2"},
            (3, 1),
            ((1,), ()),
            id="one-of-them",
        ),
        pytest.param({"split_mode": "none", "main_gpu": 7}, (3, 1), ((), ()), id="none-of-them"),
        pytest.param({"split_mode": "row"}, (3, 1), ((3, 1), ()), id="rows"),
        pytest.param({}, (0, 0), ((0, 0), ()), id="unknown-memory"),
        pytest.param({}, (), ((), ()), id="no-gpu"),
    ],
)
def test_gpus_are_used_as_llama_cpp_uses_them(tuning, free, division):
    expected = Division(gpus=make_gpus(*division[0]), shares=division[1])
    assert divide(make_gpus(*free), LlamaCppTuning.model_validate(tuning)) == expected
