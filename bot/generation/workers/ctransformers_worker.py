"""The process that holds a GGML model: llama.cpp's server routes over ctransformers.

Started by the supervisor only. One thread owns the model, and one reply is written at a time; what
else is asked meanwhile (tokens to be counted) is done between two of its steps.
"""

import asyncio
import hmac
import json
import logging
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from aiohttp import web

from bot.generation.workers.child import announce, begin_worker, stay_until_closed
from bot.generation.workers.completion import Completion, Event
from bot.generation.workers.ggml_model import GgmlModel, WindowExceededError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import TextIO

    from aiohttp.typedefs import Handler, Middleware

    from bot.generation.workers.child import WorkerSettings

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_PUBLIC = "/health"
_LARGEST_BODY = 64 * 1024 * 1024


def main() -> None:
    """Load, say where, and stay until standard input closes."""
    settings, answers = begin_worker()
    model = GgmlModel(
        Path(settings.model),
        context_length=settings.context_length,
        gpu_layers=settings.gpu_layers,
        threads=settings.threads,
        batch_size=settings.batch_size,
    )
    threading.Thread(target=stay_until_closed, daemon=True).start()
    asyncio.run(_serve(GgmlServer(model, Path(settings.model).name), settings, answers))


async def _serve(server: "GgmlServer", settings: "WorkerSettings", answers: "TextIO") -> None:
    # Without cancellation a handler would go on writing for somebody who has hung up.
    runner = web.AppRunner(
        server.make_app(settings.api_key), access_log=None, handler_cancellation=True
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    announce(answers, f"http://127.0.0.1:{runner.addresses[0][1]}")
    await asyncio.Event().wait()


class GgmlServer:
    """The routes that `LlamaServerEngine` uses, and `/detokenize`."""

    def __init__(self, model: GgmlModel, name: str) -> None:
        """Take the model over: nobody else may use it.

        Args:
            model: Loaded.
            name: What it is called in `/props`.
        """
        self._model = model
        self._name = name
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._turn = asyncio.Lock()

    def make_app(self, api_key: str) -> web.Application:
        """An application that answers who has the key."""
        app = web.Application(middlewares=[_guard(api_key)], client_max_size=_LARGEST_BODY)
        app.router.add_get("/health", self._health)
        app.router.add_get("/props", self._props)
        app.router.add_post("/tokenize", self._tokenize)
        app.router.add_post("/detokenize", self._detokenize)
        app.router.add_post("/completion", self._complete)
        return app

    async def _run(self, call: Callable[..., _T], *given: object) -> _T:
        """Do something in the model's thread; what was begun is finished whoever leaves."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *given)

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _props(self, _: web.Request) -> web.Response:
        settings: Event = {"n_ctx": self._model.context_length, "params": {}}
        props: Event = {"default_generation_settings": settings, "total_slots": 1}
        return web.json_response(props | {"model_alias": self._name, "chat_template": ""})

    async def _tokenize(self, request: web.Request) -> web.Response:
        body = await _read_body(request)
        tokens = await self._run(
            lambda: self._model.tokenize(
                str(body.get("content", "")),
                start=bool(body.get("add_special")),
                specials=bool(body.get("parse_special", True)),
            )
        )
        return web.json_response({"tokens": tokens})

    async def _detokenize(self, request: web.Request) -> web.Response:
        tokens = (await _read_body(request)).get("tokens")
        pieces = self._model.vocabulary.pieces
        if not isinstance(tokens, list) or not all(
            isinstance(token, int) and 0 <= token < len(pieces)
            for token in cast("list[object]", tokens)
        ):
            return _refuse(400, f"tokens: a list of numbers from 0 to {len(pieces) - 1}")
        said = self._model.vocabulary.decode(cast("list[int]", tokens))
        return web.json_response({"content": said.decode("utf-8", errors="replace")})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await _read_body(request)
        prompt = body.get("prompt")
        if not isinstance(prompt, str):
            return _refuse(400, "prompt: a text")
        tokens = await self._run(lambda: self._model.tokenize(prompt, start=True, specials=True))
        window = self._model.context_length
        if len(tokens) >= window:
            return _refuse(
                400,
                f"the prompt has {len(tokens)} tokens, and the window {window}",
                "exceed_context_size_error",
                n_prompt_tokens=len(tokens),
                n_ctx=window,
            )
        try:
            completion = Completion(self._model, tokens, body)
        except ValueError as error:
            return _refuse(400, str(error)[:200])
        async with self._turn, self._stepping(completion.events()) as events:
            if body.get("stream"):
                return await _stream(request, events)
            return web.json_response(await _gather(events))

    @asynccontextmanager
    async def _stepping(
        self, steps: Generator[Event, None, None]
    ) -> "AsyncGenerator[AsyncGenerator[Event, None]]":
        """Events made in the model's thread; whoever leaves, the next finds the model at rest."""

        async def iterate() -> "AsyncGenerator[Event, None]":
            while (event := await self._run(_step, steps)) is not None:
                yield event

        try:
            yield iterate()
        finally:
            # After the step that is being made: a generator that runs cannot be closed.
            closing = asyncio.ensure_future(self._run(steps.close))
            await asyncio.shield(closing)


def _step(steps: Generator[Event, None, None]) -> Event | None:
    """The next event; an error becomes one, because headers may be sent."""
    try:
        return next(steps, None)
    except (RuntimeError, ValueError, WindowExceededError) as error:
        _log.exception("a completion failed")
        return {"error": {"code": 500, "message": str(error), "type": "server_error"}}


async def _stream(
    request: web.Request, events: "AsyncGenerator[Event, None]"
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    async for event in events:
        await response.write(f"data: {json.dumps(event)}\n\n".encode())
    await response.write_eof()
    return response


async def _gather(events: "AsyncGenerator[Event, None]") -> Event:
    content, last = "", Event()
    async for last in events:
        content += str(last.get("content", ""))
    return last | {"content": content}


async def _read_body(request: web.Request) -> Mapping[str, object]:
    try:
        body: object = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="a JSON object is wanted")
    return cast("dict[str, object]", body)


def _guard(api_key: str) -> "Middleware":
    @web.middleware
    async def check(request: web.Request, handler: "Handler") -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.path != _PUBLIC and not hmac.compare_digest(given.encode(), api_key.encode()):
            return _refuse(401, "Invalid API Key", "authentication_error")
        return await handler(request)

    return check


def _refuse(
    status: int, message: str, kind: str = "invalid_request_error", **facts: int
) -> web.Response:
    """An error as llama.cpp's server says it."""
    error = {"code": status, "message": message, "type": kind, **facts}
    return web.json_response({"error": error}, status=status)


if __name__ == "__main__":
    main()
