"""A worker without a model, for the supervisor's tests: what it does is named as its model."""

import json
import os
import signal
import sys
import time
from pathlib import Path

from bot.generation.workers import child

MIB = 1024 * 1024
GREEDY = 300
"""MiB that the greedy ones hold."""
BUSY_SECONDS = 2
"""Of computing that the busy one does before it is ready."""


def read_half(path):
    with path.open("rb") as file:
        size = path.stat().st_size
        while file.tell() < size // 2:
            file.read(MIB)


def load(settings):  # noqa: C901 - one case for each
    """What happens before the address is told; what is returned is held."""
    match Path(settings["model"]).name:
        case "noisy":
            print("ggml: found 0 devices\n{}\n[1]\n3", flush=True)  # noqa: T201
        case "talkative":
            os.write(2, b"x" * 3_000_000 + b"\nthe end of it\n")
        case "offloading":
            os.write(2, b"0.02 I load_tensors: offloading output layer to GPU\n")
            os.write(2, b"0.02 I load_tensors: offloaded 24/33 layers to GPU\n")
        case "failing":
            os.write(2, b"0.00.1 I loading\n0.00.2 E no such tensor\n0.00.3 E gave up\nbye\n")
            sys.exit(3)
        case "silent":
            sys.exit(4)
        case "illegal":
            os.kill(os.getpid(), signal.SIGILL)
        case "stuck":
            signal.pause()
        case "greedy-load":
            return b"x" * (GREEDY * MIB)
        case "busy-load":
            while time.process_time() < BUSY_SECONDS:
                pass
        case "half-read":
            read_half(Path(settings["model"]))
            signal.pause()
        case "loading":  # as llama.cpp does: nothing of ours runs, standard input is not read
            child._die_with_parent(settings["parent_pid"])
            os.write(2, b"loading\n")
            signal.pause()
    return b""


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    held = load(settings)
    if settings["model"] == "greedy-load":
        signal.pause()
    print(json.dumps({"url": "http://127.0.0.1:9"}), flush=True)  # noqa: T201
    match settings["model"]:
        case "greedy":
            held = b"x" * (GREEDY * MIB)
        case "dying":
            os.write(2, b"first\nsecond\nGGML_ASSERT(x) failed\n")
            os.abort()
        case "deaf":
            signal.pause()
    sys.stdin.read()
    del held


if __name__ == "__main__":
    main()
