"""What a model takes besides its weights: figures that are known, and what changes them."""

from dataclasses import replace

import pytest

from bot.generation.config import LlamaCppTuning
from bot.generation.sizing.anatomy import Attention, Experts, Layer, ModelAnatomy
from bot.generation.sizing.demand import (
    CPU_BATCH_TOKENS,
    Demand,
    choose_demand,
    estimate_buffers,
    measure_cache,
    measure_inputs,
    measure_token,
)
from tests.generation.sizing.making_anatomy import build_anatomy, make_anatomy

KIB, MIB, GIB = 1024, 1024**2, 1024**3
MISTRAL = make_anatomy()
LLAMA_2_7B = make_anatomy(heads=(32, 32), feed_forward=11008)
LLAMA_2_70B = make_anatomy(layers=80, heads=(64, 8), width=8192, feed_forward=28672)


@pytest.mark.parametrize(
    ("anatomy", "context", "size"),
    [
        pytest.param(LLAMA_2_7B, 4096, 2 * GIB, id="llama-2-7b"),
        pytest.param(LLAMA_2_70B, 4096, 5 * GIB // 4, id="llama-2-70b"),
        pytest.param(MISTRAL, 8192, GIB, id="mistral-7b"),
        pytest.param(MISTRAL, 32768, 4 * GIB, id="mistral-7b-whole"),
    ],
)
def test_known_caches(anatomy, context: int, size: int):
    assert sum(measure_cache(anatomy, Demand(context_length=context))) == size


@pytest.mark.parametrize(
    ("types", "size"),
    [
        (("f16", "f16"), 128 * KIB),
        (("f32", "f32"), 256 * KIB),
        (("bf16", "f16"), 128 * KIB),
        (("q8_0", "q8_0"), 68 * KIB),
        (("q8_0", "f16"), 98 * KIB),
        (("f16", "q4_0"), 82 * KIB),
        (("q4_1", "iq4_nl"), 38 * KIB),
        (("q5_0", "q5_1"), 46 * KIB),
    ],
)
def test_a_token_takes_by_the_caches_types(types, size: int):
    demand = Demand(context_length=256, cache_type_k=types[0], cache_type_v=types[1])
    assert measure_token(MISTRAL, demand) == size


@pytest.mark.parametrize(
    ("demand", "cells", "caches"),
    [
        (Demand(context_length=4096), 4096, 1),
        (Demand(context_length=4096, slots=3), 4096, 3),
        (Demand(context_length=4000), 4096, 1),
        (Demand(context_length=1, slots=64), 256, 64),
        (Demand(context_length=300, slots=3), 512, 3),
        (Demand(context_length=4000, slots=3, kv_unified=True), 12032, 1),
    ],
)
def test_windows_are_rounded_up_as_llama_cpp_does(demand: Demand, cells: int, caches: int):
    assert (demand.cells, demand.caches) == (cells, caches)
    token = measure_token(MISTRAL, demand)
    assert sum(measure_cache(MISTRAL, demand)) == cells * caches * token


@pytest.mark.parametrize(
    ("demand", "cells"),
    [
        (Demand(context_length=8192), 1536),
        (Demand(context_length=8192, batch_tokens=256), 1280),
        (Demand(context_length=8192, slots=4, kv_unified=True), 4608),
        (Demand(context_length=1024), 1024),
    ],
)
def test_a_layer_that_looks_back_a_while_keeps_that_and_a_batch(demand: Demand, cells: int):
    assert demand.count_cells(1024) == cells
    assert demand.count_cells(None) == demand.cells
    layers = [
        Layer(weight_bytes=1, largest_tensor_bytes=1, key_width=64, value_width=32, window=window)
        for window in (None, 1024)
    ]
    assert measure_cache(build_anatomy(layers), demand) == (
        demand.cells * demand.caches * 192,
        cells * demand.caches * 192,
    )


def test_a_recurrent_layer_keeps_the_same_whatever_the_window():
    layer = Layer(
        weight_bytes=1, largest_tensor_bytes=1, key_width=0, value_width=0, state_values=1000
    )
    for context in (512, 65536):
        demand = Demand(context_length=context, slots=3)
        assert measure_cache(build_anatomy([layer]), demand) == (12_000,)


# Buffers


def buffers(
    anatomy: ModelAnatomy = MISTRAL, context_length: int = 256, *, has_flash_attention: bool = True
) -> float:
    """In numbers of four bytes for each token of a batch, without the fixed part."""
    demand = Demand(
        context_length=context_length, batch_tokens=512, has_flash_attention=has_flash_attention
    )
    return (estimate_buffers(anatomy, demand) - MIB) / demand.batch_tokens / 4


def test_a_batch_needs_room_for_the_widest_step():
    mask = 128  # half a number for each of 256 tokens
    assert buffers() == pytest.approx((5 * 4096 + 3 * 14336) * 1.02 + mask)
    narrow = replace(MISTRAL, feed_forward=256)
    assert buffers(narrow) == pytest.approx((3 * 4096 + 3 * 4096) * 1.02 + mask)
    experts = Experts(count=8, used=2, width=14336, shared_width=100)
    assert buffers(replace(MISTRAL, experts=experts)) == pytest.approx(
        (5 * 4096 + 2 * (4096 + 3 * 14336) + 300) * 1.02 + mask
    )


def test_without_flash_attention_every_head_sees_every_token():
    at_once = buffers(context_length=8192, has_flash_attention=False)
    assert at_once > 32 * 8192
    assert at_once > 4 * buffers(context_length=8192)


def test_masks_grow_with_the_window():
    longer = buffers(context_length=8192) - buffers(context_length=256)
    assert longer == pytest.approx((8192 - 256) / 2)
    window = Attention(heads=32, kv_heads=8, key_size=128, value_size=128, window=1024)
    both = buffers(replace(MISTRAL, attention=window), context_length=8192)
    assert both - buffers(context_length=8192) == pytest.approx(1536 / 2)


def test_inputs_are_less_than_all_buffers():
    demand = Demand(context_length=8192)
    inputs = 2 * 4096 * 512 * 4 + 8192 * 512 * 2 + MIB
    assert measure_inputs(MISTRAL, demand) == inputs < estimate_buffers(MISTRAL, demand)


# From settings


@pytest.mark.parametrize(
    ("has_gpu", "tuning", "tokens"),
    [
        (True, {}, 512),
        (False, {}, CPU_BATCH_TOKENS),
        (True, {"batch_size": 128}, 128),
        (True, {"batch_size": 4096, "ubatch_size": 2048}, 2048),
        (False, {"ubatch_size": 512}, CPU_BATCH_TOKENS),
        (False, {"batch_size": 1024}, 512),
    ],
)
def test_a_batch_is_what_the_worker_makes_of_the_settings(
    tuning: dict[str, int], tokens: int, *, has_gpu: bool
):
    demand = choose_demand(
        LlamaCppTuning.model_validate(tuning), context_length=1, slots=1, has_gpu=has_gpu
    )
    assert demand.batch_tokens == tokens


def test_settings_of_the_cache_are_taken_over():
    tuning = LlamaCppTuning(
        cache_type_k="q8_0", cache_type_v="bf16", kv_unified=True, flash_attention="off"
    )
    made = choose_demand(tuning, context_length=512, slots=3, has_gpu=True, adapter_bytes=7)
    assert made == Demand(
        context_length=512,
        slots=3,
        cache_type_k="q8_0",
        cache_type_v="bf16",
        kv_unified=True,
        has_flash_attention=False,
        batch_tokens=512,
        adapter_bytes=7,
    )
