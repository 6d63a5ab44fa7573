"""The GPUs that llama.cpp uses on this machine, and how much of their memory is free.

Importing this opens them, which takes some of that memory: worker processes only. Others run it as
a process of its own (`device_probe.py`), and it prints what it found as JSON.
"""

import os

import xllamacpp
from pydantic import TypeAdapter

from bot.generation.sizing.fitting import Gpu

_TYPE = xllamacpp.ggml_backend_dev_type


def list_gpus() -> tuple[Gpu, ...]:
    """In the order that settings count them in.

    llama.cpp uses a processor's own graphics only where there is nothing better, and one GPU that
    several of its parts know (CUDA and Vulkan, say) only once.
    """
    gpus: dict[str, Gpu] = {}
    graphics: list[Gpu] = []
    for number, device in enumerate(xllamacpp.get_device_info()):
        gpu = Gpu(name=device["description"], free_bytes=device["memory_free"])
        if device["type"] == _TYPE.GGML_BACKEND_DEVICE_TYPE_GPU:
            gpus.setdefault(device["device_id"] or str(number), gpu)
        elif device["type"] == _TYPE.GGML_BACKEND_DEVICE_TYPE_IGPU:
            graphics.append(gpu)
    return tuple(gpus.values()) or tuple(graphics)


def main() -> None:
    """Print them; what libraries print meanwhile goes to standard error."""
    answers = os.dup(1)
    os.dup2(2, 1)
    os.write(answers, TypeAdapter(tuple[Gpu, ...]).dump_json(list_gpus()))
    os._exit(0)  # a driver's own threads may hang on a plain end


if __name__ == "__main__":
    main()
