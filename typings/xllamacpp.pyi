"""Only what we call."""

from enum import IntEnum
from typing import TypedDict

class ggml_backend_dev_type(IntEnum):  # noqa: N801
    GGML_BACKEND_DEVICE_TYPE_CPU = 0
    GGML_BACKEND_DEVICE_TYPE_GPU = 1
    GGML_BACKEND_DEVICE_TYPE_IGPU = 2

# Members of these are found by name.
class ggml_type(IntEnum): ...  # noqa: N801
class llama_flash_attn_type(IntEnum): ...  # noqa: N801
class llama_load_mode(IntEnum): ...  # noqa: N801
class llama_rope_scaling_type(IntEnum): ...  # noqa: N801
class llama_split_mode(IntEnum): ...  # noqa: N801

class _Device(TypedDict):
    name: str
    description: str
    memory_free: int
    type: ggml_backend_dev_type
    device_id: str

def get_device_info() -> list[_Device]: ...

class _Model:
    path: str

class _Cpu:
    n_threads: int

class CommonAdapterLoraInfo:
    path: str
    scale: float
    def __init__(self, path: str, scale: float) -> None: ...

class CommonParams:
    model: _Model
    cpuparams: _Cpu
    hostnames: list[str]
    port: int
    api_keys: list[str]
    ui: bool
    n_ctx: int
    n_parallel: int
    n_gpu_layers: int
    n_batch: int
    n_ubatch: int
    n_cache_reuse: int
    no_extra_bufts: bool
    cache_ram_mib: int
    cache_type_k: ggml_type
    cache_type_v: ggml_type
    fit_params_target: list[int]
    flash_attn_type: llama_flash_attn_type
    kv_unified: bool
    kv_unified_per_slot: int
    load_mode: llama_load_mode
    lora_adapters: list[CommonAdapterLoraInfo]
    main_gpu: int
    rope_freq_base: float
    rope_freq_scale: float
    rope_scaling_type: llama_rope_scaling_type
    split_mode: llama_split_mode
    tensor_split: list[float]
    verbosity: int
    yarn_attn_factor: float
    yarn_beta_fast: float
    yarn_beta_slow: float
    yarn_ext_factor: float
    yarn_orig_ctx: int

class Server:
    listening_address: str
    def __init__(self, params: CommonParams) -> None: ...
