"""Why workers end. The texts are real: from the installed package, and of GPUs from bug reports."""

import signal

import pytest

from bot.generation.workers.reasons import explain_end

EFFECTS = """\
0.00.008.020 E llama_model_load_from_file_impl: failed to load model
0.00.009.287 E cmn  common_init_: failed to load model 'model.gguf'
0.00.012.406 Traceback (most recent call last):
E srv          init: exiting due to model loading error
  File "src/xllamacpp/xllamacpp.pyx", line 3270, in xllamacpp.xllamacpp.Server.__cinit__
RuntimeError: Failed to init server, please check the input params.
"""
"""What follows whatever the cause was; two threads write at once."""
CUT = """\
0.00.007.992 E llama_model_load: error loading model: tensor 'blk.1.ffn_down.weight' data is not \
within the file bounds, model is corrupted or incomplete
"""
CUT_IN_ITS_HEADER = """\
0.00.017.859 E gguf_init_from_reader: failed to read key-value pairs
0.00.017.993 E llama_model_load: error loading model: llama_model_loader: failed to load model \
from model.gguf
"""
NEWER = """\
0.00.007.526 E gguf_init_from_reader: this GGUF file is version 9 but this software only supports \
up to version 3
0.00.007.619 E gguf_init_from_reader: failed to read header
"""
NO_GGUF = """\
0.00.007.654 E gguf_init_from_reader: invalid magic characters: '??h?', expected 'GGUF'
"""
AWAY = """\
0.00.006.642 E gguf_init_from_file: failed to open GGUF file 'model.gguf' (No such file or \
directory)
"""
UNKNOWN = """\
0.00.009.019 E llama_model_load: error loading model: unknown model architecture: 'lxama'
"""
NO_KEY = """\
0.00.007.992 E llama_model_load: error loading model: error loading model hyperparameters: key not \
found in model: gemma.context_length
"""
NO_TENSOR = """\
0.00.020.603 E llama_model_load: error loading model: check_tensor_dims: tensor \
'blk.1.attn_q.weight' not found
"""
OTHER_LORA = """\
0.00.035.066 E llama_adapter_lora_init_from_file_ptr: failed to apply lora adapter: tensor \
'blk.0.attn_q.weight' has incorrect shape (hint: maybe wrong base model?)
0.00.035.250 E cmn  common_init_: failed to load lora adapter 'limarp.gguf'
0.00.035.333 E cmn  common_init_: failed to create context with model 'model.gguf'
"""
NO_LORA = """\
0.00.025.994 E llama_adapter_lora_init: failed to open 'limarp.gguf': No such file or directory
0.00.026.243 E cmn  common_init_: failed to load lora adapter 'limarp.gguf'
"""
TOO_LONG = """\
0.02.965.576 W llama_context: n_ctx_seq (20000000) > n_ctx_train (1024) -- possible training \
context overflow
0.05.823.895 E ggml_aligned_malloc: insufficient memory (attempted to allocate 117187.50 MB)
0.05.824.439 E ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size \
122880000000
0.05.978.226 E llama_init_from_model: failed to initialize the context: failed to allocate buffer \
for kv cache
"""
CUDA_LOADING = """\
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 144817.04 MiB on device 0: cudaMalloc \
failed: out of memory
alloc_tensor_range: failed to allocate CUDA0 buffer of size 151851674624
llama_model_load: error loading model: unable to allocate CUDA0 buffer
"""
CUDA_CONTEXT = """\
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 144.00 MiB on device 4: cudaMalloc failed: \
out of memory
ggml_gallocr_reserve_n: failed to allocate CUDA4 buffer of size 150995968
llama_new_context_with_model: failed to allocate compute buffers
"""
CUDA_WORKING = """\
CUDA error: out of memory
  current device: 0, in function ggml_cuda_pool_malloc_vmm at ggml-cuda.cu:8583
  cuMemCreate(&handle, reserve_size, &prop, 0)
GGML_ASSERT: ggml-cuda.cu:256: !"CUDA error"
"""
CUDA_BROKEN = """\
CUDA error: an illegal memory access was encountered
  current device: 0, in function ggml_backend_cuda_synchronize at ggml-cuda.cu:2447
"""
NO_PACKAGE = """\
Traceback (most recent call last):
  File "<frozen runpy>", line 198, in _run_module_as_main
ModuleNotFoundError: No module named 'xllamacpp'
"""
NO_DRIVER = """\
Traceback (most recent call last):
  File "<frozen runpy>", line 198, in _run_module_as_main
ImportError: libcuda.so.1: cannot open shared object file: No such file or directory
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (CUT, "the model file is truncated"),
        (CUT_IN_ITS_HEADER, "the model file is truncated"),
        (NEWER, "the model file is of GGUF version 9, which this llama.cpp does not know"),
        (NO_GGUF, "the model file is no GGUF file"),
        (AWAY, "the model file cannot be opened: No such file or directory"),
        (UNKNOWN, "unknown model architecture 'lxama'"),
        (NO_KEY, "the model file lacks gemma.context_length, which its architecture needs"),
        (NO_TENSOR, "the model file lacks blk.1.attn_q.weight, which its architecture needs"),
        (
            OTHER_LORA,
            "the LoRA does not fit the model: tensor 'blk.0.attn_q.weight' has incorrect shape",
        ),
        (NO_LORA, "the LoRA file limarp.gguf cannot be opened: No such file or directory"),
        (TOO_LONG, "not enough memory for the context window"),
        (CUDA_LOADING, "CUDA out of memory: 144817.04 MiB more did not fit on device 0"),
        (CUDA_CONTEXT, "CUDA out of memory: 144.00 MiB more did not fit on device 4"),
        (NO_PACKAGE, "the Python package xllamacpp is not installed"),
        (
            NO_DRIVER,
            "the llama.cpp package cannot be loaded: libcuda.so.1: cannot open shared object file",
        ),
    ],
)
def test_why_a_model_was_not_loaded(text: str, reason: str):
    assert explain_end(1, (text + EFFECTS).splitlines(), loading=True) == reason


@pytest.mark.parametrize("loading", [True, False])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (CUDA_WORKING, "CUDA out of memory: device 0 is full"),
        (CUDA_BROKEN, "CUDA error: an illegal memory access was encountered"),
    ],
)
def test_a_gpu_may_fail_at_any_moment(text: str, reason: str, *, loading: bool):
    assert explain_end(-signal.SIGABRT, text.splitlines(), loading=loading) == reason


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGILL, "illegal instruction: this processor lacks what the wheel was built for"),
        (
            signal.SIGKILL,
            "it was killed from outside, probably by the kernel because memory ran out",
        ),
        (signal.SIGBUS, "the model file changed or could not be read while it was in use"),
    ],
)
def test_some_signals_say_enough(number: signal.Signals, reason: str):
    assert explain_end(-number, CUT.splitlines(), loading=True) == reason


def test_what_was_wrong_while_it_loaded_is_not_why_it_ended_later():
    lines = [*NO_LORA.splitlines(), "first", "second", "GGML_ASSERT(x) failed"]
    expected = "first / second / GGML_ASSERT(x) failed"
    assert explain_end(-signal.SIGABRT, lines, loading=False) == expected


def test_an_unknown_text_is_passed_on():
    lines = ["0.00.1 I loading", "0.00.2 E no such thing", "0.00.3 E gave up", "bye"]
    assert explain_end(3, lines, loading=True) == "no such thing"
    assert explain_end(3, ["one", "two"], loading=True) == "one / two"
    assert explain_end(3, [], loading=True) == "it said nothing"
