"""How these tests ask an engine, and servers that say what they are told."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing, suppress
from typing import Any

import pytest

from bot.generation.engine import Endpoint, Engine
from bot.generation.engines.llama_server import LlamaServerEngine
from bot.generation.engines.openai_compatible import OpenaiEngine
from bot.generation.factory import StaticEndpoint
from bot.generation.remote_config import OpenaiConfig
from bot.generation.types import (
    GenerationChunk,
    GenerationRequest,
)

SILENCE = 0.1


def ask(**fields: Any) -> GenerationRequest:
    return GenerationRequest(**{"prompt": "Hello there.", "max_tokens": 100, **fields})


async def read(engine: Engine, **fields: Any) -> list[GenerationChunk]:
    async with aclosing(engine.generate(ask(**fields))) as chunks:
        return [chunk async for chunk in chunks]


async def read_text(engine: Engine, **fields: Any) -> str:
    return "".join(chunk.text for chunk in await read(engine, **fields))


class OwnEndpoint(StaticEndpoint):
    """A server of ours that is never replaced, but remembers why it would have been."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self.progress: float | None = None
        self.hangs: list[str] = []

    def report_hang(self, endpoint: Endpoint, reason: str) -> bool:
        assert endpoint == self._endpoint
        self.hangs.append(reason)
        return True


@asynccontextmanager
async def engine_at(url: str, **options: Any) -> AsyncIterator[LlamaServerEngine]:
    """An engine without a key, on somebody else's server."""
    engine = LlamaServerEngine(StaticEndpoint(Endpoint(url=url)), name="elsewhere", **options)
    try:
        yield engine
    finally:
        await engine.aclose()


@asynccontextmanager
async def openai_at(url: str, *, pause: float = 0.01, **fields: Any) -> AsyncIterator[OpenaiEngine]:
    """An engine for OpenAI's API, on somebody else's server."""
    silence = fields.pop("silence_seconds", None)
    config = OpenaiConfig.model_validate({"kind": "openai", "url": url, **fields})
    source = StaticEndpoint(Endpoint(url=config.root, api_key=config.api_key.get_secret_value()))
    engine = OpenaiEngine(config, source, silence_seconds=silence, pause_seconds=pause)
    try:
        yield engine
    finally:
        await engine.aclose()


@asynccontextmanager
async def engine_of_ours(
    url: str, **options: Any
) -> AsyncIterator[tuple[LlamaServerEngine, OwnEndpoint]]:
    """An engine on a server that is ours to replace."""
    source = OwnEndpoint(Endpoint(url=url))
    engine = LlamaServerEngine(source, name="ours", **options)
    try:
        yield engine, source
    finally:
        await engine.aclose()


@asynccontextmanager
async def talker(*first: bytes, then: bytes = b"") -> AsyncIterator[str]:
    """A server that answers these bytes and then says the same again and again."""

    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, EOFError), closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            for piece in first:  # not `writelines`: with nothing to write it never closes on 3.13
                writer.write(piece)
            while then:
                writer.write(then)
                await writer.drain()
                await asyncio.sleep(SILENCE / 10)

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(talk(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.close()  # and no `wait_closed`: since 3.12 it waits for connections as well
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def wait_for_log(caplog: pytest.LogCaptureFixture) -> None:
    """Wait until something was logged."""
    logged = asyncio.Event()

    def note(_: logging.LogRecord) -> bool:
        logged.set()
        return True

    caplog.handler.addFilter(note)
    try:
        await logged.wait()
    finally:
        caplog.handler.removeFilter(note)
