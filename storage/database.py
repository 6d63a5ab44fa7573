"""The SQLite file: one connection that writes, one that reads."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import aiosqlite

from storage.errors import StorageClosedError, StorageError
from storage.folder import make_private_folder
from storage.migrations import list_migrations, migrate

BUSY_TIMEOUT_MS: Final = 5_000

# FULL and not NORMAL: in WAL mode NORMAL may lose the last commits when the power fails, and a
# person's turn must be on disk before a reply to it is generated.
_WRITER_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
)
_READER_PRAGMAS: Final = ("PRAGMA query_only = ON",)


class Database:
    """One SQLite file, opened by `Database.open` and closed by `aclose`.

    An aiosqlite connection is one transaction for everybody, so writing goes through
    `transaction`, one at a time, and reading through a second connection that sees what is
    committed and never waits for a writer.
    """

    def __init__(
        self, path: Path, *, writer: aiosqlite.Connection, reader: aiosqlite.Connection
    ) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._writer_lock = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the file, created if missing, and bring its schema up to date.

        Raises:
            MigrationError: If the schema cannot be brought up to date.
            StorageError: If the file cannot be opened or is no database.
        """
        make_private_folder(path.parent)
        async with AsyncExitStack() as stack:
            with _mapped_errors():
                _make_private_file(path)
                writer = await stack.enter_async_context(_connect(path))
                await _configure(writer, _WRITER_PRAGMAS)
                await migrate(writer, list_migrations())
                await _configure(writer, ("PRAGMA foreign_keys = ON",))
                reader = await stack.enter_async_context(_connect(path))
                await _configure(reader, _READER_PRAGMAS)
            stack.pop_all()
        return cls(path, writer=writer, reader=reader)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[aiosqlite.Connection, None]:
        """Write in one transaction: whole if the block ends, nothing of it if the block raises.

        Do not open one inside another: the inner waits for the outer for ever. A task that is
        cancelled while the transaction commits may find it stored.

        Raises:
            StorageClosedError: If the database is closed.
            StorageError: If SQLite refuses a statement or the commit.
        """
        self._raise_if_closed()
        async with self._writer_lock:
            with _mapped_errors():
                # BEGIN stands inside the try: a task cancelled while it waits for BEGIN has
                # started a transaction all the same, because the connection's thread goes on.
                try:
                    await self._writer.execute("BEGIN IMMEDIATE")
                    yield self._writer
                    await self._writer.commit()
                except BaseException:
                    await _roll_back(self._writer)
                    raise

    async def read(self, sql: str, parameters: Iterable[object] = ()) -> list[sqlite3.Row]:
        """Run one query on what is committed.

        Raises:
            StorageClosedError: If the database is closed.
            StorageError: If SQLite refuses the query.
        """
        self._raise_if_closed()
        with _mapped_errors():
            return list(await self._reader.execute_fetchall(sql, parameters))

    async def aclose(self) -> None:
        """Close both connections after the transactions that run or already wait for their turn.

        A second call waits for the first. A cancelled one does not stop the closing: a connection
        left open keeps its thread alive, and the thread the process.

        Raises:
            StorageError: If SQLite fails to close.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="close database")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            async with self._writer_lock:  # It is fair: everybody who came before has been served.
                pass
        finally:
            with _mapped_errors():
                try:
                    await self._reader.close()
                finally:
                    await self._writer.close()  # Last, because the last one tidies up the WAL.

    def _raise_if_closed(self) -> None:
        if self._closing is not None:
            raise StorageClosedError(self._path)


def _connect(path: Path) -> aiosqlite.Connection:
    """Prepare a connection whose transactions begin and end only where the code says so."""
    return aiosqlite.connect(path, isolation_level=None)


async def _configure(connection: aiosqlite.Connection, pragmas: Iterable[str]) -> None:
    connection.row_factory = sqlite3.Row
    for pragma in (f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}", *pragmas):
        await connection.execute_fetchall(pragma)


async def _roll_back(connection: aiosqlite.Connection) -> None:
    """Undo what is open, and let a cancellation through only when that is done.

    A cancelled rollback is carried out all the same, for it stands in the connection's queue. A
    second one, waited for however often the task is cancelled, tells when. Asking anew at each
    cancellation instead would never end for a task that is cancelled at each step.
    """
    try:
        await connection.rollback()
    except asyncio.CancelledError:
        second = asyncio.gather(connection.rollback(), return_exceptions=True)
        while not second.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({second})
        raise


def _make_private_file(path: Path) -> None:
    """Create the file for its owner only; SQLite gives its companions the same mode.

    Then see whether it opens at all. aiosqlite does not wait for the thread of a connection that
    failed to open, and that thread complains when the event loop ends before it does.

    Raises:
        StorageError: If it cannot be created.
    """
    try:
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        message = f"The database {path} cannot be created: {error.strerror}."
        raise StorageError(message) from error
    sqlite3.connect(path).close()


@contextmanager
def _mapped_errors() -> Generator[None, None, None]:
    """Turn what SQLite's binding raises into our own error.

    Overflow and encoding errors are the binding's words for a number or a text that SQLite cannot
    hold. The text itself is in none of these messages.

    Raises:
        StorageError: From any of these.
    """
    try:
        yield
    except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
        message = f"{type(error).__name__}: {error}"
        raise StorageError(message) from error
