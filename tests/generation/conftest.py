import asyncio
import functools
import inspect
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fake_model import FakeModel

LIMIT_SECONDS = 20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bound every test of this folder: an engine that never answers fails instead of hanging."""
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
async def model() -> AsyncIterator[FakeModel]:
    async with FakeModel() as model:
        yield model
