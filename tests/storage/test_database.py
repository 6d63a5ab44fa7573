import asyncio
import random
import sqlite3
import threading
from pathlib import Path

import pytest

from storage.database import Database
from storage.errors import StorageClosedError, StorageError

SLOW = (
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 500000)"
    " SELECT max(n) FROM numbers"
)
INSERT_PAIR = "INSERT INTO pairs (task, half) VALUES (?, ?)"


@pytest.fixture
async def pairs(database):
    """A table in which every transaction of these tests leaves two rows or none."""
    async with database.transaction() as connection:
        await connection.execute("CREATE TABLE pairs (task INTEGER, half INTEGER)")
    return database


async def insert_pair(database, task, *, pause=0.0):
    async with database.transaction() as connection:
        await connection.execute(INSERT_PAIR, (task, 0))
        await asyncio.sleep(pause)
        await connection.execute(INSERT_PAIR, (task, 1))


async def count_pairs(database):
    rows = await database.read("SELECT task, count(*) AS halves FROM pairs GROUP BY task")
    return {row["task"]: row["halves"] for row in rows}


async def test_folder_and_files_are_private(path, database):
    async with database.transaction() as connection:
        await connection.execute("CREATE TABLE a (a)")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    files = sorted(file.name for file in path.parent.iterdir())
    assert files == ["troupe.db", "troupe.db-shm", "troupe.db-wal"]
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


async def test_a_path_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="folder"):
        await Database.open(tmp_path / "file" / "troupe.db")
    with pytest.raises(StorageError, match="cannot be created"):
        await Database.open(Path("/proc/self/troupe.db"))


async def test_a_file_that_does_not_open_leaves_no_thread(tmp_path):
    threads = threading.enumerate()
    (tmp_path / "troupe.db").mkdir()
    with pytest.raises(StorageError):
        await Database.open(tmp_path / "troupe.db")
    assert threading.enumerate() == threads


async def test_commits_reach_the_disk_and_references_are_checked(database):
    async with database.transaction() as connection:
        for pragma, value in (
            ("journal_mode", "wal"),
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("busy_timeout", 5000),
        ):
            ((found,),) = await connection.execute_fetchall(f"PRAGMA {pragma}")
            assert found == value, pragma


async def test_the_reading_connection_cannot_write(database):
    with pytest.raises(StorageError):
        await database.read("DELETE FROM scenes")


async def test_a_transaction_is_seen_when_it_is_whole(pairs):
    async with pairs.transaction() as connection:
        await connection.execute(INSERT_PAIR, (1, 0))
        assert await count_pairs(pairs) == {}
        await connection.execute(INSERT_PAIR, (1, 1))
    assert await count_pairs(pairs) == {1: 2}


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError, KeyboardInterrupt])
async def test_a_block_that_raises_leaves_nothing(pairs, error):
    async def fail():
        async with pairs.transaction() as connection:
            await connection.execute(INSERT_PAIR, (1, 0))
            raise error

    with pytest.raises(error):
        await fail()
    assert await count_pairs(pairs) == {}
    await insert_pair(pairs, 2)
    assert await count_pairs(pairs) == {2: 2}


@pytest.mark.parametrize(
    ("parameters", "cause"),
    [
        pytest.param(("not a number",), sqlite3.Error, id="wrong type"),
        pytest.param((2**63,), OverflowError, id="number too large"),
        pytest.param(("\ud800",), UnicodeEncodeError, id="half a surrogate pair"),
    ],
)
async def test_foreign_errors_become_storage_errors(database, parameters, cause):
    async with database.transaction() as connection:
        await connection.execute("CREATE TABLE strict_table (a INTEGER) STRICT")

    async def write():
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO strict_table VALUES (?)", parameters)

    with pytest.raises(StorageError) as caught:
        await write()
    assert isinstance(caught.value.__cause__, cause)
    assert await database.read("SELECT * FROM strict_table") == []


async def test_a_failed_query_is_a_storage_error(database):
    with pytest.raises(StorageError) as caught:
        await database.read("SELECT * FROM nowhere")
    assert isinstance(caught.value.__cause__, sqlite3.Error)
    assert await database.read("SELECT 1 AS one")


async def test_a_commit_that_fails_leaves_nothing(database):
    async with database.transaction() as connection:
        await connection.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
        await connection.execute(
            "CREATE TABLE children"
            " (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)"
        )
    with pytest.raises(StorageError):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO children VALUES (7)")
    assert await database.read("SELECT * FROM children") == []
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO parents VALUES (7)")


async def test_transactions_wait_for_each_other(pairs):
    await asyncio.gather(*(insert_pair(pairs, task) for task in range(50)))
    assert await count_pairs(pairs) == dict.fromkeys(range(50), 2)


@pytest.mark.parametrize("seed", range(3))
async def test_cancelled_writers_leave_whole_transactions(pairs, seed):
    chance = random.Random(seed)  # noqa: S311  # must repeat
    tasks = [asyncio.create_task(insert_pair(pairs, number)) for number in range(200)]
    for task in chance.sample(tasks, len(tasks)):
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        await asyncio.sleep(chance.choice((0, 0, 0, 0.0005)))
        for _ in range(chance.choice((1, 1, 2, 3))):
            task.cancel()
            await asyncio.sleep(0)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    unexpected = [
        result for result in results if result and not isinstance(result, asyncio.CancelledError)
    ]
    assert unexpected == []
    assert any(results), "nothing was cancelled"

    assert not pairs._writer.in_transaction
    found = await count_pairs(pairs)
    assert set(found.values()) <= {2}
    finished = {number for number, result in enumerate(results) if result is None}
    assert finished <= set(found)
    await insert_pair(pairs, 1000)
    assert (await count_pairs(pairs))[1000] == 2


@pytest.mark.parametrize("steps", range(30))
async def test_a_writer_cancelled_at_each_step_leaves_no_transaction_open(pairs, steps):
    task = asyncio.create_task(insert_pair(pairs, 1))
    for _ in range(steps):
        await asyncio.sleep(0.0001)
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
        if not pairs._writer_lock.locked():
            assert not pairs._writer.in_transaction
    assert not pairs._writer.in_transaction
    assert set((await count_pairs(pairs)).values()) <= {2}
    await insert_pair(pairs, 2)


async def test_a_rollback_is_waited_for_however_often_the_task_is_cancelled(pairs):
    started = asyncio.Event()

    async def write_slowly():
        async with pairs.transaction() as connection:
            await connection.execute(INSERT_PAIR, (1, 0))
            started.set()
            await connection.execute(SLOW)

    task = asyncio.create_task(write_slowly())
    await started.wait()
    next_writer = asyncio.create_task(insert_pair(pairs, 2))
    for _ in range(3):
        await asyncio.sleep(0.001)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not pairs._writer.in_transaction
    await next_writer
    assert await count_pairs(pairs) == {2: 2}


async def test_a_cancelled_reader_harms_nobody(pairs):
    await insert_pair(pairs, 1)
    tasks = [asyncio.create_task(count_pairs(pairs)) for _ in range(50)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await count_pairs(pairs) == {1: 2}


async def test_closing_waits_for_transactions_and_refuses_new_ones(pairs, path, reopen):
    running = asyncio.create_task(insert_pair(pairs, 1, pause=0.05))
    waiting = asyncio.create_task(insert_pair(pairs, 2))
    await asyncio.sleep(0.01)
    closing = [asyncio.create_task(pairs.aclose()) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StorageClosedError) as caught:
        await insert_pair(pairs, 3)
    assert caught.value.path == path
    with pytest.raises(StorageClosedError):
        await pairs.read("SELECT 1")
    await asyncio.gather(running, waiting, *closing)
    await pairs.aclose()
    assert await count_pairs(await reopen()) == {1: 2, 2: 2}


async def test_a_cancelled_closing_goes_on(pairs, path):
    running = asyncio.create_task(insert_pair(pairs, 1, pause=0.05))
    await asyncio.sleep(0.01)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await pairs.aclose()
    await running
    await pairs.aclose()
    assert not path.with_name("troupe.db-wal").exists()
