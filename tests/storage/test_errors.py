from pathlib import Path

from storage.errors import (
    DataFolderInUseError,
    MigrationError,
    SceneNotFoundError,
    StorageClosedError,
    StorageError,
)


def test_facts_are_attributes():
    migration = MigrationError("It failed", database_version=3, code_version=2, fix="Mend it.")
    assert (migration.database_version, migration.code_version, migration.fix) == (3, 2, "Mend it.")
    assert "3" in str(migration)
    assert "2" in str(migration)
    assert "Mend it." in str(migration)
    assert DataFolderInUseError(Path("data")).folder == Path("data")
    assert StorageClosedError(Path("a.db")).path == Path("a.db")
    assert SceneNotFoundError(7).scene_id == 7


def test_every_error_is_a_storage_error():
    for error in (DataFolderInUseError, MigrationError, SceneNotFoundError, StorageClosedError):
        assert issubclass(error, StorageError)
