"""The data folder on disk."""

from pathlib import Path

from storage.errors import StorageError


def make_private_folder(folder: Path) -> None:
    """Create a folder that only its owner may enter, since it will hold what people wrote.

    A folder that is already there keeps its mode: it is the operator's.

    Raises:
        StorageError: If the folder is missing and cannot be created.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"The data folder {folder} cannot be created: {error.strerror}."
        raise StorageError(message) from error
