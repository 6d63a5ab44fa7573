"""The client for llama.cpp's server protocol: our own workers and any `llama-server` elsewhere.

Routes used: `/props`, `/tokenize`, `/completion` as server-sent events.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bot.generation.engine_client import GONE, EngineClient
from bot.generation.errors import (
    EngineDiedError,
    EngineRequestError,
    EngineUnavailableError,
    GenerationError,
    GenerationTimeoutError,
)
from bot.generation.llama_protocol import (
    Recalled,
    read_cached_share,
    read_error,
    read_info,
    read_last,
    read_recalled,
    write_recall,
    write_request,
)
from bot.generation.scene_texts import SceneTexts
from bot.generation.streaming import StopScanner
from bot.generation.types import FinishReason, GenerationChunk, ModelInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.generation.engine import Endpoint, EndpointSource
    from bot.generation.types import EngineState, GenerationRequest

_log = logging.getLogger(__name__)

_COMPLETION = "/completion"
_POLL_SECONDS = 0.1
_WORTH_RECALLING = 0.5
"""Which part of a former text must still be cached; otherwise the shorter prompt costs less."""
_KNOWN_SECONDS = 1.0
"""How long what a server said of its model is believed: one reply asks several times in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What a server said of its model, and when."""

    endpoint: "Endpoint"
    failures: int
    """How many the client had seen by then."""
    time: float
    info: ModelInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What one kind of server has that others have not."""

    recalls: bool = False
    """It keeps what left its slots and reuses chunks of it, so that a scene is worth taking back
    before its shortened prompt is asked."""
    has_tail_free: bool = False
    """It knows tail-free sampling: our ctransformers worker."""
    tells_model: bool = False
    """The engine's name goes on with what the server calls its model. Players read it, so an
    address is no part of it."""


USUAL = Traits()


class LlamaServerEngine:
    """Speaks to the llama.cpp server that an `EndpointSource` points at."""

    def __init__(
        self,
        source: "EndpointSource",
        *,
        name: str,
        silence_seconds: float | None = None,
        answer_seconds: float | None = None,
        traits: Traits = USUAL,
    ) -> None:
        """Keep the limits; nothing is asked yet.

        Args:
            source: Says where the server is, and replaces it if it is ours and hangs.
            name: For logs.
            silence_seconds: How long a generation may go without any event; None is the usual.
            answer_seconds: How long `/props` and `/tokenize` may take; None is the usual.
            traits: What kind of server it is.
        """
        self._source = source
        self._name = name
        self._client = EngineClient(
            source,
            name=name,
            read_error=read_error,
            silence_seconds=silence_seconds,
            answer_seconds=answer_seconds,
        )
        self._known: _Known | None = None
        self._traits = traits
        self._scene_texts = SceneTexts()
        self._choosing_slot = asyncio.Lock()

    @property
    def name(self) -> str:
        """The kind and what it serves."""
        known = self._known
        if not self._traits.tells_model or known is None or known.info.name == self._name:
            return self._name
        return f"{self._name} {known.info.short_name}"

    @property
    def state(self) -> "EngineState":
        """As the owner of the server sees it."""
        return self._source.state

    @property
    def progress(self) -> float | None:
        """How much of the model has been loaded, from 0 to 1; None if unknown or not loading."""
        return self._source.progress

    async def wait_ready(self) -> ModelInfo:
        """Wait for the server, then for its model.

        Raises:
            EngineUnavailableError: If the server has been given up, refuses the key or is none of
                llama.cpp's.
        """
        named = False
        while True:
            # Asked every time: after a crash the old address is still known for a moment.
            endpoint = await self._source.get_endpoint()
            if (known := self._recall(endpoint)) is not None:
                return known
            try:
                props = await self._get_props(endpoint)
            except (EngineDiedError, GenerationTimeoutError) as error:
                props = None
                if not named:
                    named = True
                    _log.warning(
                        "%s does not answer yet: %s",
                        self._name,
                        error.__cause__,
                        extra={"action": "engine-silent"},
                    )
            if props is not None:
                info = read_info(props, self._name)
                if not info.context_length:
                    raise EngineUnavailableError(self._name, "what answers is no llama.cpp server")
                self._known = _Known(
                    endpoint=endpoint,
                    failures=self._client.failures,
                    time=asyncio.get_running_loop().time(),
                    info=info,
                )
                return info
            await asyncio.sleep(_POLL_SECONDS)

    def _recall(self, endpoint: "Endpoint") -> ModelInfo | None:
        """What this server said a moment ago, if nothing has gone wrong since."""
        known = self._known
        if known is None or known.endpoint != endpoint or known.failures != self._client.failures:
            return None
        is_fresh = asyncio.get_running_loop().time() - known.time < _KNOWN_SECONDS
        return known.info if is_fresh else None

    async def count_tokens(self, text: str, *, whole: bool = False) -> int:
        """Count with the server's `/tokenize`, special tokens parsed as in a prompt."""
        body = {"content": text, "add_special": whole, "parse_special": True}
        endpoint = await self._source.get_endpoint()
        answer = await self._client.fetch(endpoint, "POST", "/tokenize", body)
        tokens = answer.get("tokens")
        if not isinstance(tokens, list):
            raise EngineRequestError(status=200, reason="/tokenize answered without tokens")
        return len(cast("list[object]", tokens))

    async def generate(self, request: "GenerationRequest") -> AsyncGenerator[GenerationChunk, None]:
        """Stream a continuation; leaving the generator hangs up, and that ends the work there."""
        scanner = StopScanner(request.stop_sequences, goes_on=request.goes_on)
        endpoint = await self._source.get_endpoint()
        said = ""
        async with AsyncExitStack() as choosing:
            await choosing.enter_async_context(self._choosing_slot)
            recalled = await self._recall_scene(endpoint, request)
            if recalled is None:
                await choosing.aclose()
            body = write_request(request, has_tail_free=self._traits.has_tail_free)
            body |= recalled.fields if recalled else {}
            events = self._client.stream(endpoint, _COMPLETION, body, request.affinity)
            try:
                async with aclosing(events):
                    async for event in events:
                        await choosing.aclose()  # it has its slot
                        content = str(event.get("content") or "")
                        said += content
                        text = scanner.feed(content)
                        if scanner.stopped:
                            yield GenerationChunk(text=text, finish_reason=FinishReason.STOP)
                            return
                        if event.get("stop"):
                            last = read_last(event, text + scanner.flush())
                            yield recalled.charge(last) if recalled else last
                            return
                        if text:
                            yield GenerationChunk(text=text)
                    raise self._client.note_cut()
            finally:
                self._scene_texts.keep(endpoint, request.affinity, request.prompt + said)

    async def _recall_scene(
        self, endpoint: "Endpoint", request: "GenerationRequest"
    ) -> "Recalled | None":
        """Have what a prompt was cut from taken out of the server's cache and into a slot."""
        if not self._traits.recalls:
            return None
        text = self._scene_texts.find_uncut(endpoint, request.affinity, request.prompt)
        if text is None:
            return None
        try:
            body = write_recall(text)
            async with aclosing(
                self._client.stream(endpoint, _COMPLETION, body, request.affinity)
            ) as events:
                async for event in events:
                    share = read_cached_share(event)
                    if share is not None and share < _WORTH_RECALLING:
                        return None
                    if event.get("stop"):
                        return read_recalled(event)
        except GenerationError as error:
            _log.debug("%s: nothing recalled: %s", self._name, error)
        return None

    async def aclose(self) -> None:
        """Close the connections, then the server if it is ours."""
        await self._client.aclose()
        await self._source.aclose()

    async def _get_props(self, endpoint: "Endpoint") -> "Mapping[str, object] | None":
        """Return `/props`, or None while the model loads (503)."""
        try:
            return await self._client.fetch(endpoint, "GET", "/props")
        except EngineRequestError as error:
            if error.status in GONE:
                return None
            fix = "the server refuses the key" if error.status in {401, 403} else str(error)
            raise EngineUnavailableError(self._name, fix) from error
