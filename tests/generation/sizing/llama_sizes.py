"""Loads models with the worker's own parameters and tells what llama.cpp says of their memory.

Usage: python -m tests.generation.sizing.llama_sizes < JSON list of worker settings; a process of
its own, because llama.cpp writes to standard error. Prints a list of sizes in MiB as JSON.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import xllamacpp
from pydantic import TypeAdapter

from bot.generation.workers.child import WorkerSettings
from bot.generation.workers.llamacpp_worker import build_params

_SETTINGS = TypeAdapter(list[WorkerSettings])
_TALKATIVE = 4
_SIZE = re.compile(r"(model|KV|RS|compute) buffer size = +([\d.]+) MiB")
LIMIT_SECONDS = 60


def ask_llama(settings: Sequence[WorkerSettings]) -> list[dict[str, float]]:
    """Sizes in MiB by llama.cpp's own words, one model after another."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.generation.sizing.llama_sizes"],
        input=_SETTINGS.dump_json(list(settings)),
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=True,
    )
    return json.loads(done.stdout)


def load(settings: WorkerSettings, servers: list[xllamacpp.Server]) -> dict[str, float]:
    """Load one model; its server is kept, because ending one may take for ever."""
    params = build_params(settings)
    params.verbosity = _TALKATIVE
    params.no_extra_bufts = True  # else weights repacked for the processor are counted twice
    with tempfile.TemporaryFile() as log:
        kept = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            servers.append(xllamacpp.Server(params))
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            log.seek(0)
            said = log.read().decode()
    sizes: dict[str, float] = dict.fromkeys(("model", "KV", "RS", "compute"), 0.0)
    for kind, size in _SIZE.findall(said):
        sizes[kind] += float(size)
    return sizes


def main() -> None:
    servers: list[xllamacpp.Server] = []
    answers: list[dict[str, float]] = []
    for settings in _SETTINGS.validate_json(sys.stdin.read()):
        try:
            answers.append(load(settings, servers))
        except RuntimeError as error:
            sys.stderr.write(f"{settings.model}: {error}\n")
            os._exit(1)
    sys.stdout.write(json.dumps(answers))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
