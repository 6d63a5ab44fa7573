"""The process that holds a GGUF model: llama.cpp's own server, from xllamacpp.

Started by the supervisor only. `xllamacpp.Server()` holds the GIL for the whole load and opens its
port only then, so nothing of ours runs meanwhile: the kernel ends us with the parent.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import xllamacpp

from bot.generation.sizing.demand import CPU_BATCH_TOKENS, choose_demand
from bot.generation.sizing.fitting import MARGIN_BYTES, Gpu, Placement, divide, fit_layers
from bot.generation.sizing.inspection import measure_adapters, read_anatomy
from bot.generation.workers.child import (
    WorkerSettings,
    announce,
    begin_worker,
    stay_until_closed,
)
from bot.generation.workers.devices import list_gpus
from bot.generation.workers.model_files import ModelFileError
from bot.generation.workers.offloading import NO_GPU

if TYPE_CHECKING:
    from bot.generation.config import LlamaCppTuning

_ITS_OWN_CHOICE = -1
"""llama.cpp tries out what fits, where nothing but the number of layers is to be chosen."""
_TALKATIVE = 4
"""From this level on it says how many layers it has put on a GPU; 3 is its own."""
_FLASH_ATTENTION = {"auto": "AUTO", "on": "ENABLED", "off": "DISABLED"}
_LOAD_MODES = {"mmap+mlock": "MMAP_MLOCK", "dio": "DIRECT_IO"}
"""Where llama.cpp's enumeration has another word than its option."""


def main() -> None:
    """Load, say where, and stay until standard input closes."""
    settings, answers = begin_worker()
    gpus = list_gpus()
    if not gpus:
        sys.stderr.write(f"{NO_GPU}\n")
    # The name keeps the server alive: it ends when the object is collected.
    server = xllamacpp.Server(build_params(settings, gpus))
    announce(answers, server.listening_address)
    stay_until_closed()


def build_params(settings: WorkerSettings, gpus: Sequence[Gpu] = ()) -> xllamacpp.CommonParams:
    """The settings as llama.cpp has them; what is not set keeps llama.cpp's own value."""
    params = xllamacpp.CommonParams()
    params.model.path = settings.model
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [settings.api_key]
    params.ui = False
    params.n_parallel = settings.slots
    params.cpuparams.n_threads = settings.threads
    _set_cache(params, settings)
    _set_batches(params, settings.tuning, has_gpu=bool(gpus))
    _set_rope(params, settings.tuning)
    _set_devices(params, settings.tuning)
    _set_loras(params, settings.tuning)
    _set_layers(params, settings, gpus)
    return params


def _set_cache(params: xllamacpp.CommonParams, settings: WorkerSettings) -> None:
    tuning = settings.tuning
    params.n_ctx = settings.context_length * settings.slots  # llama.cpp divides it by the slots
    params.kv_unified = tuning.kv_unified
    if tuning.kv_unified:
        # Without it each slot would be told that the whole cache is its window.
        params.kv_unified_per_slot = settings.context_length
    params.cache_type_k = xllamacpp.ggml_type[f"GGML_TYPE_{tuning.cache_type_k.upper()}"]
    params.cache_type_v = xllamacpp.ggml_type[f"GGML_TYPE_{tuning.cache_type_v.upper()}"]
    attention = _FLASH_ATTENTION[tuning.flash_attention]
    params.flash_attn_type = xllamacpp.llama_flash_attn_type[f"LLAMA_FLASH_ATTN_TYPE_{attention}"]
    params.cache_ram_mib = tuning.cache_ram_mib
    params.n_cache_reuse = tuning.cache_reuse


def _set_batches(
    params: xllamacpp.CommonParams, tuning: "LlamaCppTuning", *, has_gpu: bool
) -> None:
    if tuning.batch_size is not None:
        params.n_batch = tuning.batch_size
    elif not has_gpu:
        params.n_batch = CPU_BATCH_TOKENS
    params.n_ubatch = min(tuning.ubatch_size or params.n_ubatch, params.n_batch)


def _set_rope(params: xllamacpp.CommonParams, tuning: "LlamaCppTuning") -> None:
    scaling, ext_factor = tuning.rope_scaling, tuning.yarn_ext_factor
    if tuning.rope_freq_scale is not None and scaling != "yarn":
        # The server never gives a slot more than the trained window, unless YaRN stretches it.
        # YaRN without extrapolation is linear scaling: the logarithms of probabilities were the
        # same in all six digits over 32 tokens after a prompt of 461.
        scaling, ext_factor = "yarn", 0.0
    if scaling is not None:
        name = f"LLAMA_ROPE_SCALING_TYPE_{scaling.upper()}"
        params.rope_scaling_type = xllamacpp.llama_rope_scaling_type[name]
    if ext_factor is not None:
        params.yarn_ext_factor = ext_factor
    if tuning.rope_freq_base is not None:
        params.rope_freq_base = tuning.rope_freq_base
    if tuning.rope_freq_scale is not None:
        params.rope_freq_scale = tuning.rope_freq_scale
    if tuning.yarn_orig_ctx is not None:
        params.yarn_orig_ctx = tuning.yarn_orig_ctx
    if tuning.yarn_attn_factor is not None:
        params.yarn_attn_factor = tuning.yarn_attn_factor
    if tuning.yarn_beta_fast is not None:
        params.yarn_beta_fast = tuning.yarn_beta_fast
    if tuning.yarn_beta_slow is not None:
        params.yarn_beta_slow = tuning.yarn_beta_slow


def _set_devices(params: xllamacpp.CommonParams, tuning: "LlamaCppTuning") -> None:
    params.split_mode = xllamacpp.llama_split_mode[f"LLAMA_SPLIT_MODE_{tuning.split_mode.upper()}"]
    # The list has one place for every device that there could be.
    unused = len(params.tensor_split) - len(tuning.tensor_split)
    params.tensor_split = [*tuning.tensor_split, *[0.0] * unused]
    params.main_gpu = tuning.main_gpu
    mode = _LOAD_MODES.get(tuning.load_mode, tuning.load_mode.upper())
    params.load_mode = xllamacpp.llama_load_mode[f"LLAMA_LOAD_MODE_{mode}"]


def _set_loras(params: xllamacpp.CommonParams, tuning: "LlamaCppTuning") -> None:
    params.lora_adapters = [
        xllamacpp.CommonAdapterLoraInfo(str(lora.path), lora.scale) for lora in tuning.loras
    ]


def _set_layers(
    params: xllamacpp.CommonParams, settings: WorkerSettings, gpus: Sequence[Gpu]
) -> None:
    params.n_gpu_layers = settings.gpu_layers
    if not gpus:
        return
    params.verbosity = _TALKATIVE
    adapters = measure_adapters(settings.tuning)
    targets = len(params.fit_params_target)  # a place for every device that there could be
    params.fit_params_target = [MARGIN_BYTES + adapters] * targets
    if settings.gpu_layers != _ITS_OWN_CHOICE:
        return
    placement = _find_placement(settings, gpus, adapters)
    if placement is None:
        return
    params.n_gpu_layers = placement.gpu_layers
    if len(placement.shares) > 1:
        unused = len(params.tensor_split) - len(placement.shares)
        params.tensor_split = [*placement.shares, *[0.0] * unused]


def _find_placement(
    settings: WorkerSettings, gpus: Sequence[Gpu], adapter_bytes: int
) -> Placement | None:
    """What fits, by the file's header; None leaves it to llama.cpp.

    Not everything fits, and the model has experts or is only estimated: then llama.cpp tries it
    out, and leaves experts alone in the machine's memory, which is faster than whole layers there.
    """
    division = divide(gpus, settings.tuning)
    try:
        anatomy = read_anatomy(Path(settings.model))
    except ModelFileError:  # it says better itself what it does not like
        return None
    if not division.gpus or not all(gpu.free_bytes for gpu in division.gpus):
        return None
    demand = choose_demand(
        settings.tuning,
        context_length=settings.context_length,
        slots=settings.slots,
        has_gpu=True,
        adapter_bytes=adapter_bytes,
    )
    placement = fit_layers(anatomy, demand, division)
    is_estimated = bool(anatomy.caveats or anatomy.experts)
    if is_estimated and not placement.is_whole and _can_try(settings.tuning, len(division.gpus)):
        return None
    return placement


def _can_try(tuning: "LlamaCppTuning", gpu_count: int) -> bool:
    """Whether llama.cpp tries out what fits; it does not where the GPUs' shares are given."""
    if gpu_count == 1:
        return tuning.split_mode != "tensor"
    return tuning.split_mode == "layer" and not any(tuning.tensor_split)


if __name__ == "__main__":
    main()
