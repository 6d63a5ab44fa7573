"""The client for every server with OpenAI's API: vLLM, TabbyAPI, KoboldCpp, LM Studio and others.

Routes used: `/v1/models`, `/v1/completions` or `/v1/chat/completions` as server-sent events, and
what `openai_dialects.py` knows of the program behind them.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from bot.generation.engine_client import GONE, EngineClient
from bot.generation.errors import ContextOverflowError, EngineRequestError
from bot.generation.openai_api.protocol import (
    Target,
    Watch,
    estimate_tokens,
    read_error,
    read_piece,
    write_body,
)
from bot.generation.openai_api.server import BUSY, FAULTS, OpenaiServer
from bot.generation.streaming import StopScanner
from bot.generation.types import FinishReason, GenerationChunk

if TYPE_CHECKING:
    from bot.generation.engine import EndpointSource
    from bot.generation.openai_api.server import KnownServer
    from bot.generation.remote_config import OpenaiConfig
    from bot.generation.types import EngineState, GenerationRequest, ModelInfo

_log = logging.getLogger(__name__)

_TRIES = 3
_LONGEST_PAUSE_SECONDS = 30.0
"""A server that wants to be left alone for longer has said no."""


class OpenaiEngine:
    """Speaks to a server that somebody else keeps alive."""

    def __init__(
        self,
        config: "OpenaiConfig",
        source: "EndpointSource",
        *,
        silence_seconds: float | None = None,
        pause_seconds: float = 1.0,
    ) -> None:
        """Keep what is set; nothing is asked yet.

        Args:
            config: What the operator says of the server.
            source: Its address, without the API's own `/v1`.
            silence_seconds: How long any answer may take, and a generation be silent; None is the
                usual.
            pause_seconds: Before something is asked again that the server failed at.
        """
        self._config = config
        self._source = source
        self._name = config.kind
        self._pause_seconds = pause_seconds
        self._client = EngineClient(
            source,
            name=self._name,
            read_error=read_error,
            gone=GONE - BUSY,
            silence_seconds=silence_seconds,
            answer_seconds=silence_seconds,
        )
        self._server = OpenaiServer(config, source, self._client, self._name)

    @property
    def name(self) -> str:
        """The kind and what it serves; players read it, so an address is no part of it."""
        return f"{self._name} {self._server.model_name}".rstrip()

    @property
    def state(self) -> "EngineState":
        """Nothing tells that it is loading: whoever asks finds out."""
        return self._source.state

    @property
    def progress(self) -> float | None:
        """Nobody tells."""
        return self._source.progress

    async def wait_ready(self) -> "ModelInfo":
        """Wait for the server.

        Raises:
            EngineUnavailableError: If it refuses the key, has no such API, does not serve the
                model that is set, or does not tell its window and none is set.
        """
        return (await self._server.get_known()).info

    async def count_tokens(self, text: str, *, whole: bool = False) -> int:
        """Count by the server's own route, or estimate where it has none.

        Raises:
            EngineError: If the server does not answer.
        """
        return await self._server.count_tokens(text, whole=whole)

    async def generate(self, request: "GenerationRequest") -> AsyncGenerator[GenerationChunk, None]:
        """Stream a continuation; leaving the generator hangs up, which ends the work there.

        What the server fails at before the first word is asked again, after the time that it
        names where it is busy.
        """
        known = await self._server.get_known()
        for attempt in range(_TRIES):
            has_begun = False
            try:
                async with aclosing(self._generate_once(request, known)) as chunks:
                    async for chunk in chunks:
                        has_begun = True
                        yield chunk
            except EngineRequestError as error:
                pause = self._choose_pause(error)
                if has_begun or pause is None or attempt == _TRIES - 1:
                    raise self._server.judge(error, self._path) from error
                _log.info("%s: %s; asking again", self._name, error, extra={"action": "retry"})
                await asyncio.sleep(pause)
            except ContextOverflowError as error:
                raise ContextOverflowError(
                    prompt_tokens=error.prompt_tokens or estimate_tokens(request.prompt),
                    context_length=error.context_length or known.info.context_length,
                ) from error
            else:
                return

    async def _generate_once(
        self, request: "GenerationRequest", known: "KnownServer"
    ) -> AsyncGenerator[GenerationChunk, None]:
        endpoint = await self._source.get_endpoint()
        body = write_body(request, self._aim(known))
        scanner = StopScanner(request.stop_sequences, goes_on=request.goes_on)
        watch = Watch(asyncio.get_running_loop().time())
        last: GenerationChunk | None = None
        events = self._client.stream(endpoint, self._path, body, request.affinity)
        async with aclosing(events):
            async for event in events:
                piece = read_piece(event)
                watch.note(piece, asyncio.get_running_loop().time())
                text = scanner.feed(piece.text)
                if scanner.stopped:
                    yield watch.end(text, FinishReason.STOP)
                    return
                if piece.finish_reason is not None and last is None:
                    last = GenerationChunk(
                        text=text + scanner.flush(), finish_reason=piece.finish_reason
                    )
                elif text:
                    yield GenerationChunk(text=text)
                if last and (watch.has_usage or not known.dialect.has_usage_option):
                    break
        if last is None:
            raise self._client.note_cut()
        yield watch.end(last.text, last.finish_reason)

    @property
    def _path(self) -> str:
        return "/v1/chat/completions" if self._config.api == "chat" else "/v1/completions"

    def _aim(self, known: "KnownServer") -> Target:
        return Target(
            model=known.info.name,
            dialect=known.dialect,
            is_chat=known.info.takes_messages,
            extra_body=self._config.extra_body,
            session_field=self._config.session_field,
        )

    def _choose_pause(self, error: EngineRequestError) -> float | None:
        """How long to wait before the same is asked again; None if it would be refused again."""
        if error.status in BUSY:
            pause = error.retry_after_seconds
            pause = self._pause_seconds if pause is None else pause
            return pause if pause <= _LONGEST_PAUSE_SECONDS else None
        return self._pause_seconds if error.status in FAULTS else None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._source.aclose()
