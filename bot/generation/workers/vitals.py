"""What the kernel says of a worker: the memory it holds, and how much of its model it has read.

Only Linux says it; elsewhere the answer is None and whoever asks does without.
"""

import os
import re
import time
from pathlib import Path

_KIB = 1024
_SIZE = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)
_UTIME, _STIME = 11, 12
"""Fields of `/proc/PID/stat` after the name: ticks spent in the program and in the kernel."""
_IDLE_CPU_SECONDS = 1.0
"""So much may be used without a sign of life: a thread that only looks whether its parent lives."""
_PART = re.compile(r"-\d{5}-of-(\d{5})\.gguf$")
"""How llama.cpp names the files of a model that was split."""


def read_own_mib(pid: int) -> float | None:
    """Read the memory that a process holds for itself, in MiB.

    A mapped model file is not counted: its pages belong to the system, which takes them back
    when it needs them.
    """
    sizes = _read_status(pid)
    if "RssAnon" not in sizes:  # no Linux, or the process has just ended
        return None
    return (sizes["RssAnon"] + sizes.get("RssShmem", 0)) / _KIB


def read_loaded_bytes(pid: int) -> int | None:
    """Read how many bytes of files a process has taken in: mapped ones, or read ones.

    llama.cpp does one or the other with its model. Python and the libraries are in it too, some
    20 MB, and some 100 MB more with a GPU's.
    """
    sizes = _read_status(pid)
    if "RssFile" not in sizes:
        return None
    try:
        counters = Path(f"/proc/{pid}/io").read_text("ascii")
    except OSError:  # a kernel without these counters
        counters = ""
    found = re.search(r"^rchar: (\d+)$", counters, re.MULTILINE)
    return sizes["RssFile"] * _KIB + (int(found[1]) if found else 0)


def read_cpu_seconds(pid: int) -> float | None:
    """Read how long the processors have worked for a process."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = line.rpartition(")")[2].split()  # the name before it may hold blanks
    return (int(fields[_UTIME]) + int(fields[_STIME])) / os.sysconf("SC_CLK_TCK")


class LoadingWatch:
    """Tells whether a worker that loads still does something: it reads, or it computes.

    A disk on the network or a driver can keep a process waiting for ever, and it says nothing
    while it loads anyway.
    """

    def __init__(self, pid: int) -> None:
        """Begin to watch a process, which counts as a sign of life."""
        self._pid = pid
        self._bytes = 0
        self._cpu_seconds = 0.0
        self._lived_at = time.monotonic()

    def measure_silence(self) -> float:
        """Return for how many seconds nothing happened; 0 where nobody but Linux could tell."""
        loaded, worked = read_loaded_bytes(self._pid), read_cpu_seconds(self._pid)
        if loaded is None or worked is None:
            return 0.0
        if loaded > self._bytes or worked > self._cpu_seconds + _IDLE_CPU_SECONDS:
            self._bytes = max(self._bytes, loaded)
            self._cpu_seconds = worked
            self._lived_at = time.monotonic()
        return time.monotonic() - self._lived_at


def measure_model(file: Path) -> int:
    """Measure a model in bytes, over all its files where it was split.

    Raises:
        OSError: If a file cannot be looked at.
    """
    found = _PART.search(file.name)
    if found is None:
        return file.stat().st_size
    stem = file.name[: found.start()]
    parts = (f"{stem}-{n:05}-of-{found[1]}.gguf" for n in range(1, int(found[1]) + 1))
    return sum((file.parent / part).stat().st_size for part in parts)


def _read_status(pid: int) -> dict[str, int]:
    """Sizes in KiB by their names; none where there are none."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8", errors="replace")
    except OSError:
        return {}
    return {name: int(size) for name, size in _SIZE.findall(status)}
