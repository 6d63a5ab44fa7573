from collections.abc import AsyncIterator

import pytest
from pydantic import AnyHttpUrl, SecretStr

from bot.generation.config import LlamaServerConfig
from bot.generation.engine import Engine
from bot.generation.factory import open_engine
from tests.fake_model import FakeModel


@pytest.fixture
async def engine(model: FakeModel) -> AsyncIterator[Engine]:
    """The client, and the server it speaks to holds no model."""
    model.api_key = "sesame"
    engine = open_engine(
        LlamaServerConfig(
            kind="llama_server", url=AnyHttpUrl(model.url), api_key=SecretStr("sesame")
        )
    )
    yield engine
    await engine.aclose()
