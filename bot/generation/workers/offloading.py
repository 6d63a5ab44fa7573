"""Where a model runs, from what its worker says while it loads, for the operator's log.

The words are llama.cpp's, which may change them: nothing is logged then.
"""

import re

NO_GPU = "no GPU: the model runs on the processor"
"""What the worker itself says, because llama.cpp does not."""
_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")


def find_offloading(line: str) -> str | None:
    """Find where the model runs in one line of a worker's standard error."""
    if line == NO_GPU:
        return NO_GPU
    found = _OFFLOADED.search(line)
    return f"{found[1]} of {found[2]} layers on the GPU" if found else None
