"""What a server with OpenAI's API is, what it serves, and how it counts."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.generation.engine_client import GONE
from bot.generation.errors import (
    EngineDiedError,
    EngineRequestError,
    EngineUnavailableError,
    GenerationTimeoutError,
)
from bot.generation.openai_api.dialects import DIALECTS, MODELS, find_dialect
from bot.generation.openai_api.protocol import estimate_tokens
from bot.generation.openai_api.served import ServedModel, read_models
from bot.generation.types import ModelInfo

if TYPE_CHECKING:
    from bot.generation.engine import Endpoint, EndpointSource
    from bot.generation.engine_client import EngineClient
    from bot.generation.openai_api.dialects import Dialect
    from bot.generation.remote_config import OpenaiConfig

_log = logging.getLogger(__name__)

_FIRST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.25, 5.0
_KNOWN_SECONDS = 30.0
"""How long what a server said of its model is believed, unless something fails meanwhile."""
_NAMED = 10
"""So many models at most are listed to the operator."""
_TEMPLATE_TOKENS = 24
"""For what is said around messages to satisfy a template, and is in no prompt that was counted."""
BUSY = {429, 503}
"""What a server says that wants to be asked later."""
FAULTS = {500}
"""What it says when something went wrong in it, and may not the next time."""
_REFUSED = {401, 403}
_NOT_FOUND = {404, 405}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownServer:
    """What a server said of itself, and when."""

    failures: int
    """How many the client had seen by then."""
    time: float
    dialect: "Dialect"
    info: ModelInfo


class OpenaiServer:
    """Asks a server about itself, and remembers it for a while."""

    def __init__(
        self, config: "OpenaiConfig", source: "EndpointSource", client: "EngineClient", name: str
    ) -> None:
        self._config = config
        self._source = source
        self._client = client
        self._name = name
        self._known: KnownServer | None = None
        self._has_count_route = True

    @property
    def model_name(self) -> str:
        """Of the model that was served last; empty before anything is known."""
        return self._known.info.short_name if self._known else ""

    async def get_known(self) -> KnownServer:
        """Wait for the server, and say what it is.

        Raises:
            EngineUnavailableError: If it refuses the key, has no such API, does not serve the
                model that is set, or does not tell its window and none is set.
        """
        pause = _FIRST_POLL_SECONDS
        while True:
            now = asyncio.get_running_loop().time()
            known = self._known
            if (
                known is not None
                and known.failures == self._client.failures
                and now - known.time < _KNOWN_SECONDS
            ):
                return known
            try:
                self._known = await self._ask()
            except (EngineDiedError, GenerationTimeoutError) as error:
                if pause == _FIRST_POLL_SECONDS:
                    _log.warning(
                        "%s does not answer yet: %s",
                        self._name,
                        error.__cause__,
                        extra={"action": "engine-silent"},
                    )
                await asyncio.sleep(pause)
                pause = min(_LONGEST_POLL_SECONDS, pause * 2)
            else:
                return self._known

    async def _ask(self) -> KnownServer:
        """Find out what answers, and what it serves.

        Raises:
            EngineUnavailableError: As `get_known` does.
            EngineDiedError: If it is not there at present.
            GenerationTimeoutError: If it is silent.
        """
        endpoint = await self._source.get_endpoint()
        known = DIALECTS.get(self._config.server)
        path = known.alive if known else MODELS
        served = read_models(await self._fetch_first(endpoint, path))
        dialect = known or find_dialect(served)
        model = await self._find_model(endpoint, served, dialect)
        window = self._config.context_length or model.context_length
        if not window:
            fix = (
                f"{dialect.title} does not tell how long its window is; "
                "set TROUPE_ENGINE__CONTEXT_LENGTH to what it was started with"
            )
            raise EngineUnavailableError(self._name, fix)
        return KnownServer(
            failures=self._client.failures,
            time=asyncio.get_running_loop().time(),
            dialect=dialect,
            info=ModelInfo(
                name=model.name,
                context_length=window,
                slots=min(self._config.slots, dialect.most_replies or self._config.slots),
                chat_template=model.chat_template,
                takes_messages=self._config.api == "chat",
                server=dialect.name,
            ),
        )

    async def _fetch_first(self, endpoint: "Endpoint", path: str) -> dict[str, object]:
        try:
            return await self._client.fetch(endpoint, "GET", path)
        except EngineRequestError as error:
            if error.status in GONE | BUSY | FAULTS:
                raise EngineDiedError(self._name) from error
            raise EngineUnavailableError(self._name, self.explain(error, path)) from error

    async def _find_model(
        self, endpoint: "Endpoint", served: Sequence[ServedModel], dialect: "Dialect"
    ) -> ServedModel:
        """The model that is set, or the one that is loaded, or the first that is listed."""
        wanted = self._config.model
        named = next((model for model in served if model.name == wanted), None)
        if wanted and served and named is None and dialect.lists_loaded:
            names = ", ".join(model.name for model in served[:_NAMED])
            fix = f"it serves {names}, and not TROUPE_ENGINE__MODEL={wanted}"
            raise EngineUnavailableError(self._name, fix)
        known = named or (served[0] if served else ServedModel(name=wanted))
        for path, read in dialect.facts:
            try:
                answer = await self._client.fetch(endpoint, "GET", path)
            except EngineRequestError as error:
                _log.debug("%s: %s: %s", self._name, path, error)
            else:
                known = read(answer, known)
        if not wanted and not (known.name and dialect.lists_loaded):
            fix = (
                "the server does not say which model it has loaded; name it in TROUPE_ENGINE__MODEL"
            )
            raise EngineUnavailableError(self._name, fix)
        return replace(known, name=wanted or known.name)

    async def count_tokens(self, text: str, *, whole: bool = False) -> int:
        """Count by the server's own route, or estimate where it has none.

        Raises:
            EngineError: If the server does not answer.
        """
        known = await self.get_known()
        spare = _TEMPLATE_TOKENS if whole and known.info.takes_messages else 0
        route = known.dialect.count
        if route is not None and self._has_count_route:
            endpoint = await self._source.get_endpoint()
            body = route.write(text, model=known.info.name, start=whole)
            try:
                answer = await self._client.fetch(endpoint, "POST", route.path, body)
            except EngineRequestError as error:
                if error.status not in _NOT_FOUND:
                    raise
                self._has_count_route = False  # a router before it may not pass everything on
                _log.warning(
                    "%s has no %s: tokens are estimated from here on",
                    self._name,
                    route.path,
                    extra={"action": "tokens-estimated"},
                )
            else:
                return route.read(answer) + spare
        return estimate_tokens(text) + whole + spare

    def judge(self, error: EngineRequestError, path: str) -> Exception:
        """What the operator can mend concerns everybody; the rest this request only."""
        if error.status in _REFUSED | _NOT_FOUND:
            return EngineUnavailableError(self._name, self.explain(error, path))
        return error

    def explain(self, error: EngineRequestError, path: str) -> str:
        """Say how the operator can mend what the server refused."""
        if error.status in _REFUSED:
            return f"the server refuses the key ({error.reason}); set TROUPE_ENGINE__API_KEY"
        if error.status in _NOT_FOUND and not path.endswith("/completions"):
            return f"what answers has no {path}; check TROUPE_ENGINE__URL"
        if error.status in _NOT_FOUND:
            return (
                f"{path} answers {error.status} ({error.reason}); check TROUPE_ENGINE__MODEL, and "
                "TROUPE_ENGINE__API: completions or chat, whichever the server has"
            )
        return str(error)
