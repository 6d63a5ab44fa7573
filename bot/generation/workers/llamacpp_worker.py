"""The process that holds a GGUF model: llama.cpp's own server, from xllamacpp.

Started by the supervisor only. `xllamacpp.Server()` holds the GIL for the whole load and opens its
port only then, so nothing of ours runs meanwhile: the kernel ends us with the parent.
"""

from typing import TYPE_CHECKING

import xllamacpp

from bot.generation.workers.child import (
    WorkerSettings,
    announce,
    begin_worker,
    stay_until_closed,
)

if TYPE_CHECKING:
    from bot.generation.config import LlamaCppTuning

_CPU_BATCH = 256
"""A cancelled request frees its slot only between batches: on a CPU those must be short."""
_FLASH_ATTENTION = {"auto": "AUTO", "on": "ENABLED", "off": "DISABLED"}
_LOAD_MODES = {"mmap+mlock": "MMAP_MLOCK", "dio": "DIRECT_IO"}
"""Where llama.cpp's enumeration has another word than its option."""


def main() -> None:
    """Load, say where, and stay until standard input closes."""
    settings, answers = begin_worker()
    # The name keeps the server alive: it ends when the object is collected.
    server = xllamacpp.Server(build_params(settings))
    announce(answers, server.listening_address)
    stay_until_closed()


def build_params(settings: WorkerSettings) -> xllamacpp.CommonParams:
    """The settings as llama.cpp has them; what is not set keeps llama.cpp's own value."""
    params = xllamacpp.CommonParams()
    params.model.path = settings.model
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [settings.api_key]
    params.ui = False
    params.n_parallel = settings.slots
    params.n_gpu_layers = settings.gpu_layers
    params.cpuparams.n_threads = settings.threads
    _set_cache(params, settings)
    _set_batches(params, settings.tuning)
    _set_rope(params, settings.tuning)
    _set_devices(params, settings.tuning)
    _set_loras(params, settings.tuning)
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


def _set_batches(params: xllamacpp.CommonParams, tuning: "LlamaCppTuning") -> None:
    if tuning.batch_size is not None:
        params.n_batch = tuning.batch_size
    elif not _has_gpu():
        params.n_batch = _CPU_BATCH
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


def _has_gpu() -> bool:
    cpu = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return any(device["type"] != cpu for device in xllamacpp.get_device_info())


if __name__ == "__main__":
    main()
