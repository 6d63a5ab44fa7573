"""A worker without a model, for the supervisor's tests: what it does is named as its model."""

import json
import os
import signal
import sys

from bot.generation.workers import child


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    match settings["model"]:
        case "noisy":
            print("ggml: found 0 devices\n{}\n[1]\n3", flush=True)  # noqa: T201
        case "talkative":
            os.write(2, b"x" * 3_000_000 + b"\nthe end of it\n")
        case "failing":
            os.write(2, b"0.00.1 I loading\n0.00.2 E no such tensor\n0.00.3 E gave up\nbye\n")
            sys.exit(3)
        case "silent":
            sys.exit(4)
        case "stuck":
            signal.pause()
        case "loading":  # as llama.cpp does: nothing of ours runs, standard input is not read
            child._die_with_parent(settings["parent_pid"])
            os.write(2, b"loading\n")
            signal.pause()
    print(json.dumps({"url": "http://127.0.0.1:9"}), flush=True)  # noqa: T201
    if settings["model"] == "dying":
        os.write(2, b"first\nsecond\nGGML_ASSERT(x) failed\n")
        os.abort()
    if settings["model"] == "deaf":
        signal.pause()
    sys.stdin.read()


if __name__ == "__main__":
    main()
