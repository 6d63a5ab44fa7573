import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.database import Database
from storage.scenes import SceneStore
from storage.turns import TurnStore

LIMIT_SECONDS = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bound every test of this folder: a deadlock in storage fails instead of hanging."""
    here = Path(__file__).parent
    for item in items:
        if (
            isinstance(item, pytest.Function)
            and item.path.is_relative_to(here)
            and inspect.iscoroutinefunction(item.obj)
        ):
            item.obj = _bounded(item.obj)


def _bounded(test):
    @functools.wraps(test)
    async def bounded(*args, **kwargs):
        async with asyncio.timeout(LIMIT_SECONDS):
            await test(*args, **kwargs)

    return bounded


@pytest.fixture
def now() -> Callable[[], datetime]:
    """A clock that is one second later each time it is read."""
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    ticks = iter(range(1_000_000))
    return lambda: start + timedelta(seconds=next(ticks))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "troupe.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = await Database.open(path)
    yield database
    async with asyncio.timeout(LIMIT_SECONDS):
        await database.aclose()


@pytest.fixture
async def reopen(path: Path) -> AsyncIterator[Callable[[], Awaitable[Database]]]:
    """Open the same file again; closed in any case, or a failing test would hang the run."""
    opened: list[Database] = []

    async def reopen() -> Database:
        opened.append(await Database.open(path))
        return opened[-1]

    yield reopen
    async with asyncio.timeout(LIMIT_SECONDS):
        for database in opened:
            await database.aclose()


@pytest.fixture
def scenes(database: Database, now: Callable[[], datetime]) -> SceneStore:
    return SceneStore(database, now)


@pytest.fixture
def turns(database: Database, now: Callable[[], datetime]) -> TurnStore:
    return TurnStore(database, now)
