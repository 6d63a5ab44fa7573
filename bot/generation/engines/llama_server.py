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
    ContextOverflowError,
    EngineDiedError,
    EngineRequestError,
    EngineUnavailableError,
    GenerationError,
    GenerationTimeoutError,
)
from bot.generation.streaming import StopScanner, read_events
from bot.generation.types import FinishReason, GenerationChunk, ModelInfo, Timings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.generation.engine import Endpoint, EndpointSource
    from bot.generation.types import EngineState, GenerationRequest, SamplerSettings

_log = logging.getLogger(__name__)

TAIL_FREE_STAND_IN = 0.05
"""Min-p used where tail-free sampling was asked for: what its own users moved to (0.05 to 0.1)."""

_STAND_IN_TEMPLATE = (
    "{%- for message in messages -%}\n  {{- '<|im_start|>' + message.role + '\n' + message.content"
)
"""How the template begins that llama.cpp names for a file without one: not the model's own.

The line feed inside the quotes is a real one."""

_POLL_SECONDS = 0.1
_COMPLETION = "/completion"
_AWAY = {502, 503, 504}
"""What a server says while it loads, and a proxy while its server is gone."""
_SILENCE_SECONDS = 300.0
"""A long prompt on a slow CPU is evaluated for minutes before the first token."""


class LlamaServerEngine:
    """Speaks to the llama.cpp server that an `EndpointSource` points at."""

    def __init__(
        self, source: "EndpointSource", *, name: str, silence_seconds: float = _SILENCE_SECONDS
    ) -> None:
        self._source = source
        self._name = name
        self._silence_seconds = silence_seconds
        self._session: aiohttp.ClientSession | None = None
        self._stand_in_named = False
        self._closed = False

    @property
    def name(self) -> str:
        """The kind and what it serves."""
        return self._name

    @property
    def state(self) -> "EngineState":
        """As the owner of the server sees it."""
        return self._source.state

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
                info = _read_info(props, self._name)
                if not info.context_length:
                    raise EngineUnavailableError(self._name, "what answers is no llama.cpp server")
                return info
            await asyncio.sleep(_POLL_SECONDS)

    async def count_tokens(self, text: str, *, whole: bool = False) -> int:
        """Count with the server's `/tokenize`, special tokens parsed as in a prompt."""
        body = {"content": text, "add_special": whole, "parse_special": True}
        async with self._request("POST", "/tokenize", body) as response:
            answer = await _read_object(response)
        tokens = answer.get("tokens")
        if not isinstance(tokens, list):
            raise EngineRequestError(status=200, reason="/tokenize answered without tokens")
        return len(cast("list[object]", tokens))

    async def generate(self, request: "GenerationRequest") -> AsyncGenerator[GenerationChunk, None]:
        """Stream a continuation; leaving the generator hangs up, and that ends the work there."""
        self._name_stand_in_once(request.sampler)
        scanner = StopScanner(request.stop_sequences)
        body = _write_request(request)
        async with (
            self._request("POST", _COMPLETION, body, request.affinity) as response,
            aclosing(_iterate_bounded(response, self._silence_seconds)) as events,
        ):
            async for event in events:
                if "error" in event:
                    raise _read_error(500, event["error"])
                text = scanner.feed(str(event.get("content") or ""))
                if scanner.stopped:
                    yield GenerationChunk(text=text, finish_reason=FinishReason.STOP)
                    return
                if event.get("stop"):
                    yield _read_last(event, text + scanner.flush())
                    return
                if text:
                    yield GenerationChunk(text=text)
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
    async def _request(
        self, method: str, path: str, body: "Mapping[str, object]", affinity: str = ""
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        endpoint = await self._source.get_endpoint()
        async with self._open(endpoint, method, path, body, affinity) as response:
            yield response

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
        if self._closed:
            raise EngineUnavailableError(self._name, "it is being closed")
        if self._session is None:
            # No connection is used twice: a server may close an idle one at the moment a request
            # goes out, and a POST that fails like that looks like a dead engine.
            connector = aiohttp.TCPConnector(limit=0, force_close=True)
            self._session = aiohttp.ClientSession(connector=connector)
        headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        if affinity:
            headers["X-Session-ID"] = affinity
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=10, sock_read=self._silence_seconds
        )
        try:
            async with self._session.request(
                method, endpoint.url + path, json=body, headers=headers, timeout=timeout
            ) as response:
                await _raise_for_status(response)
                yield response
        except TimeoutError as error:
            raise GenerationTimeoutError(self._silence_seconds) from error
        except EngineRequestError as error:
            if error.status in _AWAY and path == _COMPLETION:
                raise EngineDiedError(self._name) from error
            raise
        except aiohttp.ClientError as error:
            raise EngineDiedError(self._name) from error
        except ValueError as error:
            raise EngineRequestError(status=200, reason=str(error)[:200]) from error

    def _name_stand_in_once(self, sampler: "SamplerSettings") -> None:
        if sampler.tail_free < 1 and not sampler.min_p and not self._stand_in_named:
            self._stand_in_named = True
            _log.warning(
                "llama.cpp has no tail-free sampling any more: min-p %g stands in for it",
                TAIL_FREE_STAND_IN,
                extra={"action": "sampler-stand-in"},
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
    raise _read_error(response.status, answer.get("error") or await response.text(errors="replace"))


def _read_error(status: int, error: object) -> GenerationError:
    """From what a server says under `error`, in an answer or in a stream."""
    facts = cast("dict[str, object]", error) if isinstance(error, dict) else {}
    if facts.get("type") == "exceed_context_size_error":
        return ContextOverflowError(
            prompt_tokens=_read_int(facts.get("n_prompt_tokens")),
            context_length=_read_int(facts.get("n_ctx")),
        )
    reason = str(facts.get("message") or cast("object", error))
    return EngineRequestError(status=status, reason=reason[:200])


def _write_request(request: "GenerationRequest") -> dict[str, object]:
    sampler = request.sampler
    min_p = sampler.min_p or (TAIL_FREE_STAND_IN if sampler.tail_free < 1 else 0.0)
    return {
        "prompt": request.prompt,
        "stream": True,
        "cache_prompt": True,
        "n_predict": request.max_tokens,
        "stop": list(request.stop_sequences),
        "seed": -1 if request.seed is None else request.seed,
        "temperature": sampler.temperature,
        "top_k": sampler.top_k,
        "top_p": sampler.top_p,
        "min_p": min_p,
        "typical_p": sampler.typical_p,
        "repeat_penalty": sampler.repetition_penalty,
        "repeat_last_n": sampler.repetition_window,
    }


def _read_last(event: "Mapping[str, object]", text: str) -> GenerationChunk:
    limit = event.get("stop_type") == "limit"
    return GenerationChunk(
        text=text,
        finish_reason=FinishReason.LENGTH if limit else FinishReason.STOP,
        timings=_read_timings(event.get("timings")),
    )


def _read_timings(value: object) -> Timings | None:
    if not isinstance(value, dict):
        return None
    timings = cast("dict[str, object]", value)
    milliseconds = _read_float(timings.get("prompt_ms")) + _read_float(timings.get("predicted_ms"))
    return Timings(
        prompt_tokens=_read_int(timings.get("prompt_n")),
        cached_tokens=_read_int(timings.get("cache_n")),
        reply_tokens=_read_int(timings.get("predicted_n")),
        seconds=milliseconds / 1000,
    )


def _read_info(props: "Mapping[str, object]", fallback_name: str) -> ModelInfo:
    defaults = props.get("default_generation_settings")
    settings = cast("dict[str, object]", defaults) if isinstance(defaults, dict) else {}
    template = str(props.get("chat_template") or "")
    return ModelInfo(
        name=str(props.get("model_alias") or fallback_name),
        context_length=_read_int(settings.get("n_ctx")),
        slots=max(1, _read_int(props.get("total_slots"))),
        chat_template="" if template.startswith(_STAND_IN_TEMPLATE) else template,
    )


def _read_int(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) else 0


def _read_float(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
