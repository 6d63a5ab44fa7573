"""Gets files of the hub onto the disk: what is interrupted goes on, what comes wrong is not kept.

A file grows under a name of its own, NAME.IDENTITY.part, and gets its real name once all of it is
there and hashes to what the hub announced, read back from the disk. So whatever ends the process,
a model's name never stands for half a model, and the next pull asks for the missing bytes only.
"""

import glob
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from filelock import FileLock, Timeout

from bot.generation.hub.errors import (
    DamagedDownloadError,
    FolderError,
    HubBusyError,
    HubUnreachableError,
    NotEnoughRoomError,
    say_bytes,
)
from bot.generation.hub.hub import Hub, RemoteFile

_RANGE_BYTES: Final = 16 * 1024**3
"""Asked for at once: the hub's servers send no answer of more than 50 GB."""
_SPARE_BYTES: Final = 16 * 1024**2
"""Left free on the disk."""
_READ_BYTES: Final = 1024**2
_PATIENCE_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses between tries that bring nothing."""
_LONGEST_PAUSE_SECONDS: Final = 120.0
_IDENTITY_LENGTH: Final = 12


class Progress(Protocol):
    """Tells a person how far things are."""

    def show(
        self, doing: str, *, done_bytes: int, total_bytes: int
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Show a long piece of work; what it gives is told of each further piece of it."""
        ...

    def say(self, sentence: str) -> None:
        """Say something that happened."""
        ...


def measure_free_bytes(folder: Path) -> int:
    """Room where a folder is, or will be."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(there).free


class Downloader:
    """Downloads from one hub."""

    def __init__(
        self,
        hub: Hub,
        progress: Progress,
        *,
        find_free_bytes: Callable[[Path], int] = measure_free_bytes,
        pause: Callable[[float], None] = time.sleep,  # noqa: TID251 - there is no event loop here
        range_bytes: int = _RANGE_BYTES,
    ) -> None:
        """Choose how room is found, how waits pass and how much is asked for at once, for tests."""
        self._hub = hub
        self._progress = progress
        self._find_free_bytes = find_free_bytes
        self._pause = pause
        self._range_bytes = range_bytes

    def ask(self, repository: str, path: str) -> RemoteFile:
        """Ask the hub what a file is; a busy one is asked again.

        Raises:
            PullError: If it does not tell.
        """
        for seconds in _PATIENCE_SECONDS:
            try:
                return self._hub.ask(repository, path)
            except HubBusyError as error:
                self._wait(error, seconds)
        return self._hub.ask(repository, path)

    def check_room(self, files: Sequence[RemoteFile], folder: Path) -> tuple[int, int]:
        """Look whether all fits; gives the bytes that are missing yet, and those that are free.

        Raises:
            NotEnoughRoomError: If it does not.
        """
        targets = [(file, folder / Path(file.path).name) for file in files]
        needed = sum(
            max(0, file.size_bytes - _measure(_name_part(file, target)))
            for file, target in targets
            if _measure(target) != file.size_bytes
        )
        free = self._find_free_bytes(folder)
        if needed and needed + _SPARE_BYTES > free:
            raise NotEnoughRoomError(folder, needed_bytes=needed, free_bytes=free)
        return needed, free

    def download(self, file: RemoteFile, folder: Path) -> Path:
        """Bring a file into a folder; gives its path.

        Raises:
            PullError: If it does not come, or not as announced. What came is kept for next time,
                but not what is wrong.
        """
        target = folder / Path(file.path).name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._alone(target):
                if not self._is_there(file, target):
                    self._bring(file, target)
        except (HubUnreachableError, HubBusyError, KeyboardInterrupt):
            self._say_kept(file, target)
            raise
        except OSError as error:
            self._say_kept(file, target)
            raise FolderError(target, error.strerror or str(error)) from error
        return target

    def _is_there(self, file: RemoteFile, target: Path) -> bool:
        if not target.exists():
            return False
        if _measure(target) == file.size_bytes and self._find_wrong_hash(file, target) is None:
            self._progress.say(f"{target.name} is here already, and right")
            return True
        self._progress.say(f"{target} is another file; it is replaced when the new one is complete")
        return False

    def _bring(self, file: RemoteFile, target: Path) -> None:
        part = _name_part(file, target)
        self._delete_useless(file, target, part)
        kept = _measure(part)
        self.check_room([file], target.parent)
        self._fetch(file, part)
        wrong = self._find_wrong_hash(file, part)
        if wrong and kept:
            self._progress.say(f"what was here of {target.name} is damaged: from the beginning")
            part.unlink()
            self._fetch(file, part)
            wrong = self._find_wrong_hash(file, part)
        if wrong:
            part.unlink()
            raise DamagedDownloadError(target.name, expected=file.sha256 or "", found=wrong)
        part.replace(target)

    def _delete_useless(self, file: RemoteFile, target: Path, part: Path) -> None:
        """Parts of other versions, and one that is longer than the whole."""
        for old in target.parent.glob(f"{glob.escape(target.name)}.*.part"):
            if old != part or _measure(old) > file.size_bytes:
                self._progress.say(f"{old.name} is of no use, and deleted")
                old.unlink()

    def _fetch(self, file: RemoteFile, part: Path) -> None:
        """Bring what is missing.

        Bytes go where they belong, not to the end of what is there: so even two processes on a disk
        whose locks do nothing write the same file.
        """
        part.touch()
        with part.open("r+b") as out:
            at = out.seek(0, os.SEEK_END)
            doing = f"downloading {Path(file.path).name}"
            with self._progress.show(doing, done_bytes=at, total_bytes=file.size_bytes) as advance:
                pauses = iter(_PATIENCE_SECONDS)
                while (at := out.tell()) < file.size_bytes:
                    try:
                        self._append(file, out, advance)
                    except (HubUnreachableError, HubBusyError) as error:
                        if out.tell() > at:
                            pauses = iter(_PATIENCE_SECONDS)
                        if (seconds := next(pauses, None)) is None:
                            raise
                        self._wait(error, seconds)
            out.flush()
            os.fsync(out.fileno())

    def _append(self, file: RemoteFile, out: BinaryIO, advance: Callable[[int], None]) -> None:
        at = out.tell()
        stop = min(at + self._range_bytes, file.size_bytes)
        with self._hub.open_range(file, at, stop) as (begins, pieces):
            if begins < at:  # a server that knows no ranges
                out.seek(begins)
                advance(begins - at)
            for piece in pieces:
                wanted = piece[: file.size_bytes - out.tell()]
                out.write(wanted)
                advance(len(wanted))
        if out.tell() == at:
            raise HubUnreachableError(self._hub.endpoint, "it sends nothing")

    def _find_wrong_hash(self, file: RemoteFile, path: Path) -> str | None:
        """The sha256 of what is on the disk, if it is not the announced one."""
        if file.sha256 is None:
            return None
        found = hashlib.sha256()
        doing = f"checking {Path(file.path).name}"
        with (
            path.open("rb") as content,
            self._progress.show(doing, done_bytes=0, total_bytes=_measure(path)) as advance,
        ):
            while piece := content.read(_READ_BYTES):
                found.update(piece)
                advance(len(piece))
        return None if found.hexdigest() == file.sha256 else found.hexdigest()

    @contextmanager
    def _alone(self, target: Path) -> Generator[None]:
        """One pull of a file at a time; the kernel ends the lock with the process."""
        lock_file = target.with_name(f".{target.name}.lock")
        lock = FileLock(lock_file, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self._progress.say(f"another pull of {target.name} is running: waiting for it")
            lock.acquire()
        try:
            yield
            # Who waits for it, or takes a new one now, finds the file complete
            with suppress(OSError):
                lock_file.unlink()
        finally:
            lock.release()

    def _wait(self, error: HubUnreachableError | HubBusyError, seconds: float) -> None:
        asked = error.retry_after_seconds if isinstance(error, HubBusyError) else None
        wait = min(max(seconds, asked or 0.0), _LONGEST_PAUSE_SECONDS)
        self._progress.say(f"{error}; again in {wait:g} s")
        self._pause(wait)

    def _say_kept(self, file: RemoteFile, target: Path) -> None:
        if kept := _measure(_name_part(file, target)):
            self._progress.say(
                f"{say_bytes(kept)} of {say_bytes(file.size_bytes)} are here and kept; "
                "the same command goes on from there"
            )


def _name_part(file: RemoteFile, target: Path) -> Path:
    return target.with_name(f"{target.name}.{file.identity[:_IDENTITY_LENGTH]}.part")


def _measure(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
