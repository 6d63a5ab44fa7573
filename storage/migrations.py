"""Brings the schema of a database up to date.

Scripts are numbered files in `storage/schema/`. Each brings its own transaction and, inside it,
sets `user_version` to its number: `executescript` commits whatever is open before it runs, so a
transaction around it would protect nothing.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import aiosqlite

from storage.errors import MigrationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema."""

    version: int
    """The schema version after this step; steps count from 1."""
    name: str
    """The file it was read from."""
    script: str
    """SQL with a transaction of its own."""


def list_migrations() -> list[Migration]:
    """Read the scripts that come with the code, in order."""
    schema = resources.files("storage.schema")
    return sorted(
        (
            Migration(
                version=int(file.name.partition("_")[0]),
                name=file.name,
                script=file.read_text(encoding="utf-8"),
            )
            for file in schema.iterdir()
            if file.name.endswith(".sql")
        ),
        key=lambda migration: migration.version,
    )


async def migrate(connection: aiosqlite.Connection, migrations: Sequence[Migration]) -> None:
    """Run every migration that the database has not seen.

    Each is a transaction of its own, so a failure leaves the version before it, and starting
    again goes on from there. Foreign keys must still be off: a migration may rebuild tables.

    Raises:
        MigrationError: If the database is newer than the code, the numbers have a gap, or a
            script fails.
    """
    code_version = migrations[-1].version if migrations else 0
    version = await _read_version(connection)
    if [migration.version for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise MigrationError(
            "The migration scripts are not numbered 1, 2, 3 without a gap",
            database_version=version,
            code_version=code_version,
            fix="This installation is damaged: install Troupe again.",
        )
    if version > code_version:
        raise MigrationError(
            "The database was written by a newer Troupe",
            database_version=version,
            code_version=code_version,
            fix="Start that version, or restore a backup made before the update.",
        )
    for migration in migrations[version:]:
        await _run(connection, migration, version=version, code_version=code_version)
        version = migration.version


async def _run(
    connection: aiosqlite.Connection, migration: Migration, *, version: int, code_version: int
) -> None:
    """Run one script whole or not at all."""
    failure: sqlite3.Error | None = None
    try:
        await connection.executescript(migration.script)
    except sqlite3.Error as error:
        failure = error
    # A failed script, or one without COMMIT, leaves its transaction open.
    await connection.rollback()
    if failure is not None or await _read_version(connection) != migration.version:
        reason = failure or "it does not commit its own version"
        raise MigrationError(
            f"The migration {migration.name} failed: {reason}",
            database_version=version,
            code_version=code_version,
            fix="Nothing was changed by it. Start the version before, and report this.",
        ) from failure


async def _read_version(connection: aiosqlite.Connection) -> int:
    (row,) = await connection.execute_fetchall("PRAGMA user_version")
    return int(row[0])
