"""Why a worker ended, as one plain sentence for the operator's log.

The texts are llama.cpp's, which may change them: an unknown one is passed on as it is. Players
never see any of this.
"""

import re
import signal
from collections.abc import Sequence

_SIGNALS = {
    signal.SIGILL: "illegal instruction: this processor lacks what the wheel was built for",
    signal.SIGKILL: "it was killed from outside, probably by the kernel because memory ran out",
    signal.SIGBUS: "the model file changed or could not be read while it was in use",
}
_WHENEVER = (
    (
        r"allocating ([\d.]+) MiB on device (\d+): cudaMalloc failed: out of memory",
        r"CUDA out of memory: \1 MiB more did not fit on device \2",
    ),
    (
        r"(CUDA|ROCm|MUSA) error: out of memory\n(?:.*current device: (\d+))?.*",
        r"\1 out of memory: device \2 is full",
    ),
    (
        r"(CUDA|ROCm|MUSA) error: (.+)",
        r"\1 error: \2",
    ),
    (
        r"ggml_vulkan: Device memory allocation of size (\d+) failed",
        r"GPU out of memory: \1 bytes more did not fit",
    ),
)
"""What a GPU's part of llama.cpp says before it ends the process, at whatever moment."""
_LOADING = (
    (
        r"LoRA tensor '.*' data is not within the file bounds",
        "the LoRA file is truncated",
    ),
    (
        r"failed to apply lora adapter: (.+?)(?: \(hint: .*\))?$",
        r"the LoRA does not fit the model: \1",
    ),
    (
        r"llama_adapter_lora_init\w*: failed to open '(.*)': (.+)",
        r"the LoRA file \1 cannot be opened: \2",
    ),
    (
        r"failed to load lora adapter '(.*)'",
        r"the LoRA file \1 cannot be read",
    ),
    (
        r"unknown model architecture: '(.*)'",
        r"unknown model architecture '\1'",
    ),
    (
        r"GGUF file is version (\d+) but",
        r"the model file is of GGUF version \1, which this llama.cpp does not know",
    ),
    (
        r"invalid magic characters",
        "the model file is no GGUF file",
    ),
    (
        r"failed to open GGUF file '.*' \((.+)\)",
        r"the model file cannot be opened: \1",
    ),
    (
        r"data is not within the file bounds|failed to read (?:magic|header|key-value|tensor)",
        "the model file is truncated",
    ),
    (
        r"key not found in model: (\S+)|tensor '(.*)' not found",
        r"the model file lacks \1\2, which its architecture needs",
    ),
    (
        r"failed to initialize the context: failed to allocate|failed to allocate compute",
        "not enough memory for the context window",
    ),
    (
        r"insufficient memory \(attempted to allocate|unable to allocate \w+ buffer",
        "not enough memory for the model",
    ),
    (
        r"(?:std::bad_alloc|MemoryError|Cannot allocate memory)",
        "not enough memory",
    ),
    (
        r"ModuleNotFoundError: No module named '(.+)'",
        r"the Python package \1 is not installed",
    ),
    (
        r"ImportError: (.+?)(?:: No such file or directory)?$",
        r"the llama.cpp package cannot be loaded: \1",
    ),
)
"""What is said while a model loads; the first that is found counts, causes before effects."""
_LAST_LINES = 3


def explain_end(code: int, lines: Sequence[str], *, loading: bool) -> str:
    """Say why a worker ended.

    Args:
        code: Its exit code; negative is the signal that ended it.
        lines: The end of its standard error.
        loading: Whether its model had not been loaded yet.
    """
    if -code in _SIGNALS:
        return _SIGNALS[signal.Signals(-code)]
    text = "\n".join(lines)
    for pattern, sentence in (*_WHENEVER, *(_LOADING if loading else ())):
        if found := re.search(pattern, text, re.MULTILINE):
            return found.expand(sentence).strip()
    return (_find_first_error(lines) if loading else "") or _join_last(lines)


def _find_first_error(lines: Sequence[str]) -> str:
    """Find llama.cpp's first error line: while it loads, that one has the cause."""
    for line in lines:
        _, mark, text = line.partition(" E ")
        if mark:
            return text.strip()
    return ""


def _join_last(lines: Sequence[str]) -> str:
    return " / ".join(lines[-_LAST_LINES:]) or "it said nothing"
