"""HTTP to a server that holds a model: what can go wrong on the way becomes one of our errors."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, cast

import aiohttp

from bot.generation.errors import (
    EngineDiedError,
    EngineRequestError,
    EngineUnavailableError,
    GenerationError,
    GenerationTimeoutError,
)
from bot.generation.streaming import read_events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.generation.engine import Endpoint, EndpointSource

ReadError = Callable[[int, object], GenerationError]
"""Makes an error of ours from a status and what the server said under `error`."""

GONE = {502, 503, 504}
"""What a server says while it loads, and a proxy while its server is gone."""
_SILENCE_SECONDS = 120.0
"""How long no event may come. The server tells of every batch of a prompt that it has evaluated,
and the largest models need about a minute for one on a CPU."""
_ANSWER_SECONDS = 60.0
"""How long a short answer may take. While a prompt is evaluated it takes milliseconds; only a
machine that swaps needs more than a moment."""
_CONNECT_SECONDS = 10.0


class EngineClient:
    """Asks whatever server it is told to; what it saw go wrong, its source may mend."""

    def __init__(
        self,
        source: "EndpointSource",
        *,
        name: str,
        read_error: ReadError,
        gone: Collection[int] = GONE,
        silence_seconds: float | None = None,
        answer_seconds: float | None = None,
    ) -> None:
        """Keep the limits; nothing is asked yet.

        Args:
            source: Replaces a server of ours that hangs.
            name: For errors.
            read_error: Knows what this kind of server says when it refuses.
            gone: Statuses of a generation that mean that nobody is there.
            silence_seconds: How long a generation may go without any event.
            answer_seconds: How long any other answer may take.
        """
        self._source = source
        self._name = name
        self._read_error = read_error
        self._gone = gone
        self._silence_seconds = silence_seconds or _SILENCE_SECONDS
        self._answer_seconds = answer_seconds or _ANSWER_SECONDS
        self._heard: tuple[Endpoint, float] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self.failures = 0
        """How often something went wrong so far: what was known before may no longer be so."""

    async def stream(
        self, endpoint: "Endpoint", path: str, body: "Mapping[str, object]", affinity: str
    ) -> AsyncGenerator[dict[str, object], None]:
        """The events of a generation, to the end of what the server sends.

        Raises:
            GenerationError: If the server refuses it, or is silent for too long.
            EngineDiedError: If nobody is there, or nobody any more.
        """
        asked = self._open(endpoint, "POST", path, body, affinity, generating=True)
        async with (
            asked as response,
            aclosing(_iterate_bounded(response, self._silence_seconds)) as events,
        ):
            async for event in events:
                self._heard = (endpoint, asyncio.get_running_loop().time())
                if error := event.get("error"):
                    raise self._read_error(500, error)
                yield event

    def note_cut(self) -> EngineDiedError:
        """Count a stream that ended before the generation did, and return what to raise."""
        self.failures += 1
        return EngineDiedError(self._name)

    async def fetch(
        self,
        endpoint: "Endpoint",
        method: str,
        path: str,
        body: "Mapping[str, object] | None" = None,
    ) -> dict[str, object]:
        """Return a short answer.

        Raises:
            EngineRequestError: If it is an error, or no JSON object.
            GenerationTimeoutError: If it takes too long.
            EngineDiedError: If nobody is there.
        """
        async with self._open(endpoint, method, path, body) as response:
            return await _read_object(response)

    async def aclose(self) -> None:
        """Close the connections; nothing can be asked afterwards."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def _open(
        self,
        endpoint: "Endpoint",
        method: str,
        path: str,
        body: "Mapping[str, object] | None" = None,
        affinity: str = "",
        *,
        generating: bool = False,
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send a request and map what can go wrong, also while the answer is read."""
        headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        if affinity:
            headers["X-Session-ID"] = affinity
        timeout = self._choose_timeout(generating=generating)
        try:
            async with self._get_session().request(
                method, endpoint.url + path, json=body, headers=headers, timeout=timeout
            ) as response:
                await self._raise_for_status(response)
                yield response
        except TimeoutError as error:
            self.failures += 1
            raise self._judge_silence(endpoint, path, generating=generating) from error
        except EngineRequestError as error:
            self.failures += 1
            if error.status in self._gone and generating:
                raise EngineDiedError(self._name) from error
            raise
        except aiohttp.ClientError as error:
            self.failures += 1
            if _was_refused(error):
                self._source.report_hang(endpoint, "it accepts no connection")
            raise EngineDiedError(self._name) from error
        except ValueError as error:
            raise EngineRequestError(status=200, reason=str(error)[:200]) from error

    async def _raise_for_status(self, response: aiohttp.ClientResponse) -> None:
        if response.ok:
            return
        try:
            answer = await _read_object(response)
        except ValueError:
            answer = {}
        said = answer.get("error") or answer or await response.text(errors="replace")
        error = self._read_error(response.status, said)
        if isinstance(error, EngineRequestError):
            error.retry_after_seconds = _read_pause(response.headers.get("Retry-After", ""))
        raise error

    def _get_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise EngineUnavailableError(self._name, "it is being closed")
        if self._session is None:
            # No connection is used twice: a server may close an idle one at the moment a request
            # goes out, and a POST that fails like that looks like a dead engine.
            connector = aiohttp.TCPConnector(limit=0, force_close=True)
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session

    def _choose_timeout(self, *, generating: bool) -> aiohttp.ClientTimeout:
        """A generation may last as long as it says something, anything else must be short."""
        if generating:
            return aiohttp.ClientTimeout(
                total=None, sock_connect=_CONNECT_SECONDS, sock_read=self._silence_seconds
            )
        return aiohttp.ClientTimeout(total=self._answer_seconds, sock_connect=_CONNECT_SECONDS)

    def _judge_silence(self, endpoint: "Endpoint", path: str, *, generating: bool) -> Exception:
        """Have a worker of ours replaced that hangs, and say what that means for who asked."""
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


def _read_pause(value: str) -> float | None:
    """Seconds of a `Retry-After`; its other form, a date, is nobody's who serves models."""
    return float(value) if value.strip().isdecimal() else None


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
