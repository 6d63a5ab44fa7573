"""The process that holds a GGUF model: llama.cpp's own server, from xllamacpp.

Started by the supervisor only. `xllamacpp.Server()` holds the GIL for the whole load and opens its
port only then, so nothing of ours runs meanwhile: the kernel ends us with the parent.
"""

import xllamacpp

from bot.generation.workers.child import (
    WorkerSettings,
    announce,
    begin_worker,
    stay_until_closed,
)

_CPU_BATCH = 256
"""A cancelled request frees its slot only between batches: on a CPU those must be short."""
_PROMPT_CACHE_MIB = 1024
"""Host memory for the prefixes of scenes that have no slot at the moment."""
_CACHE_REUSE_TOKENS = 32
"""Smallest chunk that is moved instead of evaluated again after a block was trimmed."""


def main() -> None:
    """Load, say where, and stay until standard input closes."""
    settings, answers = begin_worker()
    # The name keeps the server alive: it ends when the object is collected.
    server = xllamacpp.Server(_build_params(settings))
    announce(answers, server.listening_address)
    stay_until_closed()


def _build_params(settings: WorkerSettings) -> xllamacpp.CommonParams:
    params = xllamacpp.CommonParams()
    params.model.path = settings.model
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [settings.api_key]
    params.ui = False
    params.n_ctx = settings.context_length * settings.slots  # llama.cpp divides it by the slots
    params.n_parallel = settings.slots
    params.n_gpu_layers = settings.gpu_layers
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.n_cache_reuse = _CACHE_REUSE_TOKENS
    params.cpuparams.n_threads = settings.threads
    if not _has_gpu():
        params.n_batch = params.n_ubatch = _CPU_BATCH
    return params


def _has_gpu() -> bool:
    cpu = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return any(device["type"] != cpu for device in xllamacpp.get_device_info())


if __name__ == "__main__":
    main()
