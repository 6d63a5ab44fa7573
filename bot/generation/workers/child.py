"""What the supervisor and a worker agree on, and what every worker does first.

The supervisor writes one JSON line of settings to the worker's standard input and keeps it open;
the worker writes one JSON line with its address to standard output when its model is loaded.
Settings go through the pipe, because arguments can be read by every user of the machine.
"""

import ctypes
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import Self, TextIO

from pydantic import TypeAdapter

from bot.generation.config import LlamaCppTuning

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker is told before it loads."""

    model: str
    api_key: str = field(repr=False)
    parent_pid: int
    context_length: int
    """Tokens of one slot's window."""
    slots: int
    gpu_layers: int
    """-1 lets the worker choose by free memory."""
    threads: int
    batch_size: int = 8
    """Tokens of a prompt that ctransformers evaluates in one call."""
    tuning: LlamaCppTuning = field(default_factory=LlamaCppTuning)
    """What only llama.cpp understands."""

    def to_json(self) -> str:
        """One line, in ASCII: standard input may have any encoding."""
        return json.dumps(TypeAdapter(type(self)).dump_python(self, mode="json"))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """What `to_json` wrote."""
        return TypeAdapter(cls).validate_json(line)


def begin_worker() -> tuple[WorkerSettings, TextIO]:
    """Read the settings, tie this process's life to the bot's, and keep standard output for us.

    What native code prints goes to standard error from here on; the stream that is returned is
    for the one line with the address.
    """
    settings = WorkerSettings.from_json(sys.stdin.readline())
    _die_with_parent(settings.parent_pid)
    kept = os.dup(1)
    os.dup2(2, 1)
    return settings, os.fdopen(kept, "w", encoding="utf-8")


def announce(answers: TextIO, url: str) -> None:
    """Say where the loaded model is reached."""
    answers.write(json.dumps({"url": url}) + "\n")
    answers.flush()


def stay_until_closed() -> None:
    """Wait until the bot closes standard input or is gone, then end at once."""
    sys.stdin.read()
    os._exit(0)  # native destructors would wait for running generations


def _die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when the bot dies, however it dies.

    Only Linux can; elsewhere the closed standard input ends the worker once it has loaded.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it died before the line above
        os._exit(1)
