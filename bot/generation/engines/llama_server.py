"""The client for llama.cpp's server protocol: our own workers and any `llama-server` elsewhere.

Routes used: `/props`, `/tokenize`, `/completion` as server-sent events.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, cast

import aiohttp

from bot.generation.errors import (
    EngineDiedError,
    EngineRequestError,
    EngineUnavailableError,
    GenerationTimeoutError,
)
from bot.generation.llama_protocol import read_error, read_info, read_last, write_request
from bot.generation.streaming import StopScanner, read_events
from bot.generation.types import FinishReason, GenerationChunk, ModelInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.generation.engine import Endpoint, EndpointSource
    from bot.generation.types import EngineState, GenerationRequest

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.1
_COMPLETION = "/completion"
_AWAY = {502, 503, 504}
"""What a server says while it loads, and a proxy while its server is gone."""
_SILENCE_SECONDS = 120.0
"""How long no event may come. The server tells of every batch of a prompt that it has evaluated,
and the largest models need about a minute for one on a CPU."""
_ANSWER_SECONDS = 60.0
"""How long a short answer may take. While a prompt is evaluated it takes milliseconds; only a
machine that swaps needs more than a moment."""
_CONNECT_SECONDS = 10.0
_KNOWN_SECONDS = 1.0
"""How long what a server said of its model is believed: one reply asks several times in a row."""


class LlamaServerEngine:
    """Speaks to the llama.cpp server that an `EndpointSource` points at."""

    def __init__(
        self,
        source: "EndpointSource",
        *,
        name: str,
        silence_seconds: float = _SILENCE_SECONDS,
        answer_seconds: float = _ANSWER_SECONDS,
    ) -> None:
        """Keep the limits; nothing is asked yet.

        Args:
            source: Says where the server is, and replaces it if it is ours and hangs.
            name: For logs.
            silence_seconds: How long a generation may go without any event.
            answer_seconds: How long `/props` and `/tokenize` may take.
        """
        self._source = source
        self._name = name
        self._silence_seconds = silence_seconds
        self._answer_seconds = answer_seconds
        self._heard: tuple[Endpoint, float] | None = None
        self._known: tuple[Endpoint, float, ModelInfo] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """The kind and what it serves."""
        return self._name

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
                self._known = (endpoint, asyncio.get_running_loop().time(), info)
                return info
            await asyncio.sleep(_POLL_SECONDS)

    def _recall(self, endpoint: "Endpoint") -> ModelInfo | None:
        """What this server said a moment ago, if nothing has gone wrong since."""
        if self._known is None or self._known[0] != endpoint:
            return None
        is_fresh = asyncio.get_running_loop().time() - self._known[1] < _KNOWN_SECONDS
        return self._known[2] if is_fresh else None

    async def count_tokens(self, text: str, *, whole: bool = False) -> int:
        """Count with the server's `/tokenize`, special tokens parsed as in a prompt."""
        body = {"content": text, "add_special": whole, "parse_special": True}
        endpoint = await self._source.get_endpoint()
        async with self._open(endpoint, "POST", "/tokenize", body) as response:
            answer = await _read_object(response)
        tokens = answer.get("tokens")
        if not isinstance(tokens, list):
            raise EngineRequestError(status=200, reason="/tokenize answered without tokens")
        return len(cast("list[object]", tokens))

    async def generate(self, request: "GenerationRequest") -> AsyncGenerator[GenerationChunk, None]:
        """Stream a continuation; leaving the generator hangs up, and that ends the work there."""
        scanner = StopScanner(request.stop_sequences)
        body = write_request(request)
        endpoint = await self._source.get_endpoint()
        async with (
            self._open(endpoint, "POST", _COMPLETION, body, request.affinity) as response,
            aclosing(_iterate_bounded(response, self._silence_seconds)) as events,
        ):
            async for event in events:
                self._heard = (endpoint, asyncio.get_running_loop().time())
                if "error" in event:
                    raise read_error(500, event["error"])
                text = scanner.feed(str(event.get("content") or ""))
                if scanner.stopped:
                    yield GenerationChunk(text=text, finish_reason=FinishReason.STOP)
                    return
                if event.get("stop"):
                    yield read_last(event, text + scanner.flush())
                    return
                if text:
                    yield GenerationChunk(text=text)
        self._known = None
        raise EngineDiedError(self._name)

    async def aclose(self) -> None:
        """Close the connections, then the server if it is ours."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None
        await self._source.aclose()

    async def _get_props(self, endpoint: "Endpoint") -> "Mapping[str, object] | None":
        """Return `/props`, or None while the model loads (503)."""
        try:
            async with self._open(endpoint, "GET", "/props") as response:
                return await _read_object(response)
        except EngineRequestError as error:
            if error.status in _AWAY:
                return None
            fix = "the server refuses the key" if error.status in {401, 403} else str(error)
            raise EngineUnavailableError(self._name, fix) from error

    @asynccontextmanager
    async def _open(
        self,
        endpoint: "Endpoint",
        method: str,
        path: str,
        body: "Mapping[str, object] | None" = None,
        affinity: str = "",
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send a request and map what can go wrong, also while the answer is read."""
        headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        if affinity:
            headers["X-Session-ID"] = affinity
        timeout = self._choose_timeout(path)
        try:
            async with self._get_session().request(
                method, endpoint.url + path, json=body, headers=headers, timeout=timeout
            ) as response:
                await _raise_for_status(response)
                yield response
        except TimeoutError as error:
            self._known = None
            raise self._judge_silence(endpoint, path) from error
        except EngineRequestError as error:
            self._known = None
            if error.status in _AWAY and path == _COMPLETION:
                raise EngineDiedError(self._name) from error
            raise
        except aiohttp.ClientError as error:
            self._known = None
            if _was_refused(error):
                self._source.report_hang(endpoint, "it accepts no connection")
            raise EngineDiedError(self._name) from error
        except ValueError as error:
            raise EngineRequestError(status=200, reason=str(error)[:200]) from error

    def _get_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise EngineUnavailableError(self._name, "it is being closed")
        if self._session is None:
            # No connection is used twice: a server may close an idle one at the moment a request
            # goes out, and a POST that fails like that looks like a dead engine.
            connector = aiohttp.TCPConnector(limit=0, force_close=True)
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session

    def _choose_timeout(self, path: str) -> aiohttp.ClientTimeout:
        """A generation may last as long as it says something, anything else must be short."""
        if path == _COMPLETION:
            return aiohttp.ClientTimeout(
                total=None, sock_connect=_CONNECT_SECONDS, sock_read=self._silence_seconds
            )
        return aiohttp.ClientTimeout(total=self._answer_seconds, sock_connect=_CONNECT_SECONDS)

    def _judge_silence(self, endpoint: "Endpoint", path: str) -> Exception:
        """Have a worker of ours replaced that hangs, and say what that means for who asked."""
        generating = path == _COMPLETION
        seconds = self._silence_seconds if generating else self._answer_seconds
        # Half of it, because its own last event was just so long ago.
        if generating and self._was_heard_within(seconds / 2, endpoint):
            # It works for others, and they must not lose their replies: only this one waits.
            return GenerationTimeoutError(seconds)
        reason = f"{path} said nothing for {seconds:g} s"
        if self._source.report_hang(endpoint, reason):
            return EngineDiedError(self._name)
        return GenerationTimeoutError(seconds)

    def _was_heard_within(self, seconds: float, endpoint: "Endpoint") -> bool:
        """Whether any generation had an event from there lately."""
        if self._heard is None or self._heard[0] != endpoint:
            return False
        return asyncio.get_running_loop().time() - self._heard[1] < seconds


def _was_refused(error: aiohttp.ClientError) -> bool:
    """Whether nothing listens there; what else keeps a connection away may lie with us."""
    return isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.os_error, ConnectionRefusedError
    )


async def _iterate_bounded(
    response: aiohttp.ClientResponse, seconds: float
) -> AsyncGenerator[dict[str, object], None]:
    """Events of a response, with a bound on silence that keep-alive comments do not reset."""
    async with aclosing(read_events(response.content.iter_any())) as events:
        while True:
            async with asyncio.timeout(seconds):
                event = await anext(events, None)
            if event is None:
                return
            yield event


async def _read_object(response: aiohttp.ClientResponse) -> dict[str, object]:
    """Read an answer that has to be a JSON object, whatever its content type says."""
    answer: object = json.loads(await response.read())
    if not isinstance(answer, dict):
        message = "the answer is no JSON object"
        raise ValueError(message)
    return cast("dict[str, object]", answer)


async def _raise_for_status(response: aiohttp.ClientResponse) -> None:
    if response.ok:
        return
    try:
        answer = await _read_object(response)
    except ValueError:
        answer = {}
    raise read_error(response.status, answer.get("error") or await response.text(errors="replace"))
