"""Only what we call."""

from enum import IntEnum
from typing import TypedDict

class ggml_backend_dev_type(IntEnum):  # noqa: N801
    GGML_BACKEND_DEVICE_TYPE_CPU = 0

class _Device(TypedDict):
    name: str
    type: ggml_backend_dev_type

def get_device_info() -> list[_Device]: ...

class _Model:
    path: str

class _Cpu:
    n_threads: int

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
    cache_ram_mib: int

class Server:
    listening_address: str
    def __init__(self, params: CommonParams) -> None: ...
