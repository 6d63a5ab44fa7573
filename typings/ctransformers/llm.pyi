"""What Troupe uses of ctransformers 0.2.27, which has no types of its own for the C calls."""

from _ctypes import _Pointer
from ctypes import Array, c_float, c_int

class Config:
    def __init__(
        self, *, context_length: int = ..., gpu_layers: int = ..., mmap: bool = ...
    ) -> None: ...

class LLM:
    def __init__(
        self,
        model_path: str,
        model_type: str | None = None,
        *,
        config: Config | None = None,
        lib: str | None = None,
    ) -> None: ...
    @property
    def context_length(self) -> int: ...
    def ctransformers_llm_tokenize(
        self, text: bytes, add_bos_token: bool, output: Array[c_int], /
    ) -> int: ...
    def ctransformers_llm_batch_eval(
        self, tokens: Array[c_int], n_tokens: int, n_past: int, batch_size: int, threads: int, /
    ) -> bool: ...
    def ctransformers_llm_logits_data(self) -> _Pointer[c_float]: ...
    def ctransformers_llm_logits_size(self) -> int: ...
