"""What Linux says of processes and of the sockets that they listen on."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_LISTENING, _LOOPBACK = "0A", "0100007F"
"""As /proc/net/tcp writes them."""


def list_processes() -> Iterator[int]:
    """All processes of this machine."""
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def read_process(pid: int, name: str) -> bytes:
    """One of the kernel's files on a process; nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def read_state(pid: int) -> str:
    """One letter, Z is a zombie; nothing if it is gone."""
    return read_process(pid, "stat").decode().rpartition(")")[2][1:2]


def list_children(pid: int) -> list[int]:
    """Processes that this one started and did not reap."""
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").glob("*")
        for child in read_process(pid, f"task/{task.name}/children").split()
    ]


def list_listening() -> Iterator[str]:
    """Sockets that listen on loopback, by the kernel's number, which is never given twice."""
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTENING and fields[1].startswith(_LOOPBACK):
            yield f"socket:[{fields[9]}]"


def list_sockets(pids: Iterable[int]) -> list[str]:
    """Those of the listening sockets that these processes hold."""
    held: set[str] = set()
    for pid in pids:
        with suppress(OSError):
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    held.add(str(entry.readlink()))
    return [name for name in list_listening() if name in held]
