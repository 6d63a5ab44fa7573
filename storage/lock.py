"""One process a data folder."""

from pathlib import Path
from types import TracebackType
from typing import Final, Self

from filelock import FileLock, Timeout

from storage.errors import DataFolderInUseError, StorageError
from storage.folder import make_private_folder

LOCK_NAME: Final = "troupe.lock"


class DataFolderLock:
    """Keeps a second process out of the data folder, as a context manager.

    Two bots on one folder would both answer every message. The lock is the kernel's and ends with
    the process, however it dies; the empty lock file stays behind and means nothing by itself.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Not thread-local: whoever closes the application may do so from another thread.
        self._lock = FileLock(folder / LOCK_NAME, blocking=False, thread_local=False)

    def __enter__(self) -> Self:
        """Take the lock, without waiting for it.

        Raises:
            DataFolderInUseError: If somebody else holds it.
            StorageError: If the lock file cannot be written.
        """
        make_private_folder(self._folder)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise DataFolderInUseError(self._folder) from error
        except OSError as error:
            message = f"The data folder {self._folder} cannot be locked: {error.strerror}."
            raise StorageError(message) from error
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the lock back."""
        self._lock.release()
