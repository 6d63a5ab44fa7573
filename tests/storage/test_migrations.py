import sqlite3

import aiosqlite
import pytest

from storage.database import Database
from storage.errors import MigrationError, StorageError
from storage.migrations import Migration, list_migrations, migrate

FIRST = Migration(
    version=1,
    name="0001_first.sql",
    script="BEGIN IMMEDIATE; CREATE TABLE one (a); PRAGMA user_version = 1; COMMIT;",
)
SECOND = Migration(
    version=2,
    name="0002_second.sql",
    script="BEGIN IMMEDIATE; CREATE TABLE two (a); PRAGMA user_version = 2; COMMIT;",
)


@pytest.fixture
async def connection(tmp_path):
    async with aiosqlite.connect(tmp_path / "a.db", isolation_level=None) as connection:
        yield connection


async def read_schema(connection):
    ((version,),) = await connection.execute_fetchall("PRAGMA user_version")
    tables = await connection.execute_fetchall("SELECT name FROM sqlite_master ORDER BY name")
    return version, [name for (name,) in tables]


async def test_only_what_is_new_is_run(connection):
    await migrate(connection, [FIRST])
    assert await read_schema(connection) == (1, ["one"])
    await migrate(connection, [FIRST, SECOND])
    await migrate(connection, [FIRST, SECOND])
    assert await read_schema(connection) == (2, ["one", "two"])


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            "BEGIN IMMEDIATE; CREATE TABLE two (a); CREATE TABLE two (a);"
            " PRAGMA user_version = 2; COMMIT;",
            id="a statement fails",
        ),
        pytest.param(
            "BEGIN IMMEDIATE; CREATE TABLE two (a); PRAGMA user_version = 2;", id="no commit"
        ),
    ],
)
async def test_a_failed_script_leaves_the_old_version(connection, script):
    broken = Migration(version=2, name="0002_broken.sql", script=script)
    with pytest.raises(MigrationError, match=r"0002_broken\.sql") as caught:
        await migrate(connection, [FIRST, broken])
    assert (caught.value.database_version, caught.value.code_version) == (1, 2)
    assert await read_schema(connection) == (1, ["one"])
    assert not connection.in_transaction
    await migrate(connection, [FIRST, SECOND])
    assert await read_schema(connection) == (2, ["one", "two"])


async def test_a_script_that_forgets_its_version_is_refused(connection):
    forgetful = Migration(version=1, name="0001_a.sql", script="BEGIN; CREATE TABLE a (a); COMMIT;")
    with pytest.raises(MigrationError, match="does not commit its own version"):
        await migrate(connection, [forgetful])


async def test_a_gap_is_refused_before_anything_runs(connection):
    third = Migration(version=3, name="0003_third.sql", script="")
    with pytest.raises(MigrationError, match="gap") as caught:
        await migrate(connection, [FIRST, third])
    assert (caught.value.database_version, caught.value.code_version) == (0, 3)
    assert caught.value.fix
    assert await read_schema(connection) == (0, [])


async def test_a_database_newer_than_the_code_is_refused(path):
    await (await Database.open(path)).aclose()
    newest = list_migrations()[-1].version
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(MigrationError, match="newer Troupe") as caught:
        await Database.open(path)
    assert (caught.value.database_version, caught.value.code_version) == (999, newest)
    assert "backup" in caught.value.fix


def test_the_scripts_that_ship_are_numbered_and_say_why():
    migrations = list_migrations()
    assert [migration.version for migration in migrations] == list(range(1, len(migrations) + 1))
    for migration in migrations:
        assert migration.script.startswith("-- What:"), migration.name
        for word in ("-- When:", "-- Why:", "BEGIN IMMEDIATE;", "COMMIT;"):
            assert word in migration.script, (migration.name, word)


async def test_the_tables_are_strict(database):
    rows = await database.read("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
    tables = {row["name"]: row["strict"] for row in rows if not row["name"].startswith("sqlite_")}
    assert tables == dict.fromkeys(
        ("scenes", "turns", "alternatives", "turn_messages", "open_replies"), 1
    )


async def test_a_file_that_is_no_database_is_a_storage_error(path):
    path.parent.mkdir()
    path.write_bytes(b"This is not a database at all. " * 100)
    with pytest.raises(StorageError) as caught:
        await Database.open(path)
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
