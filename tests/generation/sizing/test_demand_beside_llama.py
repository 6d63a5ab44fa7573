"""The arithmetic beside what llama.cpp itself says when it loads models of many kinds."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.generation.config import DEMO_MODEL, LlamaCppTuning
from bot.generation.sizing.demand import choose_demand
from bot.generation.sizing.fitting import place
from bot.generation.sizing.inspection import read_anatomy
from bot.generation.workers.child import WorkerSettings
from tests.generation.sizing.llama_sizes import ask_llama
from tests.gguf_files import (
    Place,
    Sizes,
    list_places,
    list_values,
    write_gguf,
    write_model,
)

MIB = 1024 * 1024
MAMBA_VALUES = {
    "ssm.conv_kernel": 4,
    "ssm.inner_size": 512,
    "ssm.state_size": 16,
    "ssm.time_step_rank": 16,
}


def list_norms(*names: str, size: int):
    return lambda start: [(f"{start}.{name}.weight", (size,), "F32") for name in names]


def list_mamba(start: str) -> list[Place]:
    return [
        (f"{start}.ssm_in.weight", (256, 1024), "F32"),
        (f"{start}.ssm_conv1d.weight", (4, 512), "F32"),
        (f"{start}.ssm_conv1d.bias", (512,), "F32"),
        (f"{start}.ssm_x.weight", (512, 48), "F32"),
        (f"{start}.ssm_dt.weight", (16, 512), "F32"),
        (f"{start}.ssm_dt.bias", (512,), "F32"),
        (f"{start}.ssm_a", (16, 512), "F32"),
        (f"{start}.ssm_d", (512,), "F32"),
        (f"{start}.ssm_out.weight", (512, 256), "F32"),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    sizes: Sizes | None = field(default_factory=Sizes)
    """None is the model that ships."""
    context: int = 4096
    slots: int = 2
    tuning: dict[str, Any] = field(default_factory=dict)


GEMMA_2 = Sizes(
    architecture="gemma2",
    layers=5,
    head_size=128,
    is_output_shared=True,
    values={"attention.sliding_window": 1024},
    add=list_norms("post_attention_norm", "post_ffw_norm", size=256),
)
GEMMA_3 = Sizes(
    architecture="gemma3",
    layers=7,
    is_output_shared=True,
    values={"attention.sliding_window": 512},
    add=lambda start: [
        *list_norms("post_attention_norm", "post_ffw_norm", size=256)(start),
        *list_norms("attn_q_norm", "attn_k_norm", size=64)(start),
    ],
)
QWEN = list_norms("attn_q_norm", "attn_k_norm", size=64)
CASES = {
    "the-demo-model": Case(sizes=None, context=512),
    "llama": Case(),
    "a-window-that-is-rounded-up": Case(context=1000, slots=3),
    "many-slots": Case(context=512, slots=8),
    "wide": Case(sizes=Sizes(head_size=128, kv_heads=1, feed_forward=4096)),
    "types-of-caches": Case(
        sizes=Sizes(is_output_shared=True),
        tuning={"cache_type_k": "q8_0", "cache_type_v": "iq4_nl"},
    ),
    "more-types-of-caches": Case(tuning={"cache_type_k": "q5_1", "cache_type_v": "q4_0"}),
    "one-cache-for-all": Case(tuning={"kv_unified": True}),
    "without-flash-attention": Case(tuning={"flash_attention": "off"}),
    "large-batches": Case(tuning={"batch_size": 1024, "ubatch_size": 1024}),
    "experts": Case(sizes=Sizes(experts=(8, 2))),
    "many-experts": Case(
        sizes=Sizes(
            architecture="qwen3moe",
            feed_forward=64,
            experts=(32, 8),
            values={"expert_feed_forward_length": 64},
            add=QWEN,
        )
    ),
    "qwen3": Case(sizes=Sizes(architecture="qwen3", add=QWEN)),
    "layers-that-differ": Case(
        sizes=Sizes(architecture="deci", layers=4, kv_heads=(4, 2, 1, 4)),
    ),
    "a-window-that-nobody-heeds": Case(sizes=Sizes(values={"attention.sliding_window": 512})),
    "gemma-2": Case(sizes=GEMMA_2),
    "gemma-3": Case(sizes=GEMMA_3),
    "gemma-3-with-one-cache": Case(sizes=GEMMA_3, tuning={"kv_unified": True}),
}


def write_mamba(path: Path) -> Path:
    """A model without attention."""
    sizes = Sizes(architecture="mamba", heads=1, values=MAMBA_VALUES)
    places = [place for place in list_places(sizes) if not place[0].startswith("blk.")]
    for start in ("blk.0", "blk.1"):
        places += [(f"{start}.attn_norm.weight", (256,), "F32"), *list_mamba(start)]
    values = list_values(sizes) | {
        "mamba.attention.head_count": 0,
        "mamba.attention.head_count_kv": 0,
        "mamba.feed_forward_length": 0,
    }
    return write_gguf(path, values, places)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    written = {
        name: DEMO_MODEL if case.sizes is None else write_model(folder / f"{name}.gguf", case.sizes)
        for name, case in CASES.items()
    }
    return written | {"mamba": write_mamba(folder / "mamba.gguf")}


@pytest.fixture(scope="module")
def said(files: dict[str, Path]) -> dict[str, dict[str, float]]:
    """What llama.cpp says of each, in MiB; all in one process, which is the slow part."""
    settings = [
        WorkerSettings(
            model=str(file),
            api_key="",
            parent_pid=0,
            context_length=CASES.get(name, Case()).context,
            slots=CASES.get(name, Case()).slots,
            gpu_layers=0,
            threads=1,
            tuning=LlamaCppTuning.model_validate(CASES.get(name, Case()).tuning),
        )
        for name, file in files.items()
    ]
    return dict(zip(files, ask_llama(settings), strict=True))


@pytest.mark.parametrize("name", [*CASES, "mamba"])
def test_the_arithmetic_agrees(
    name: str, files: dict[str, Path], said: dict[str, dict[str, float]]
):
    case = CASES.get(name, Case())
    anatomy = read_anatomy(files[name])
    demand = choose_demand(
        LlamaCppTuning.model_validate(case.tuning),
        context_length=case.context,
        slots=case.slots,
        has_gpu=False,
    )
    machine, theirs = place(anatomy, demand, 0).machine, said[name]
    assert machine.cache / MIB == pytest.approx(theirs["KV"] + theirs["RS"], abs=0.011)
    assert machine.weights / MIB == pytest.approx(theirs["model"], abs=0.011)
    bound = 1.4 * theirs["compute"] + 2 if name != "mamba" else 3 * theirs["compute"]
    assert theirs["compute"] <= machine.buffers / MIB < bound
    assert bool(anatomy.caveats) == (name == "mamba")
