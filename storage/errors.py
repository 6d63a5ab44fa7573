"""Errors of storage.

StorageError
├── MigrationError         the database's schema and this code do not go together
├── StorageClosedError     used after it was closed
├── DataFolderInUseError   another process works in the data folder
├── SceneNotFoundError     no such scene
└── TurnNotFoundError      no such turn, or it is hidden

Facts are attributes; errors of SQLite and of the file system are the `__cause__`.
"""

from pathlib import Path


class StorageError(Exception):
    """Something could not be stored or read."""


class MigrationError(StorageError):
    """The schema of the database cannot be brought to the version that the code needs."""

    def __init__(self, what: str, *, database_version: int, code_version: int, fix: str) -> None:
        super().__init__(
            f"{what} (database version {database_version}, code version {code_version}). {fix}"
        )
        self.database_version = database_version
        """The version that the database has, unchanged by the failure."""
        self.code_version = code_version
        """The newest version that the code knows."""
        self.fix = fix
        """What an operator can do about it."""


class StorageClosedError(StorageError):
    """The database was used after it was closed."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"The database {path} is closed.")
        self.path = path


class DataFolderInUseError(StorageError):
    """Another process holds the lock of the data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"Another process works in the data folder {folder}.")
        self.folder = folder


class SceneNotFoundError(StorageError):
    """There is no scene of this id, or none in a state that allows what was asked."""

    def __init__(self, scene_id: int) -> None:
        super().__init__(f"There is no such scene: {scene_id}.")
        self.scene_id = scene_id


class TurnNotFoundError(StorageError):
    """There is no turn of this id, or it is hidden."""

    def __init__(self, turn_id: int) -> None:
        super().__init__(f"There is no such turn: {turn_id}.")
        self.turn_id = turn_id
