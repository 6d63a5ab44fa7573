"""The HTTP side: each request is recorded, counted, perhaps failed on purpose, and handled."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fake_discord.errors import ApiError, unauthorized, unknown
from tests.fake_discord.limits import too_many
from tests.fake_discord.recording import RecordedRequest
from tests.fake_discord.rest import (
    channels,
    commands,
    guilds,
    interactions,
    login,
    messages,
    pins,
    reactions,
    threads,
    webhook_messages,
    webhooks,
)
from tests.fake_discord.rest.bodies import read_body
from tests.fake_discord.rest.call import Call, Created, Endpoint
from tests.fake_discord.rest.in_flight import EditsInFlight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fake_discord.failures import Failure
    from tests.fake_discord.world import World

PREFIX = "/api/v10"
_SUBJECTS = [
    login,
    channels,
    pins,
    messages,
    reactions,
    threads,
    webhook_messages,
    webhooks,
    interactions,
    commands,
    guilds,
]
_HTML_FROM = 502  # beyond 500, what stands before Discord answers, and not in JSON
_SERVER_ERROR = 500
_TOO_MANY = 429
_MAX_BODY = 32 * 1024 * 1024


def make_app(world: World) -> web.Application:
    """Return the application that serves REST, gateway and uploaded files."""
    app = web.Application(client_max_size=_MAX_BODY)
    server = RestServer(world)
    for subject in _SUBJECTS:
        for endpoint in subject.endpoints:
            app.router.add_route(endpoint.method, PREFIX + endpoint.route, server.serve(endpoint))
    app.router.add_route("*", PREFIX + "/{tail:.*}", server.serve(_NOWHERE))
    app.router.add_get("/attachments/{c}/{a}/{name}", server.serve_attachment)
    app.router.add_get("/emojis/{e}.{ending}", server.serve_emoji)
    app.router.add_get("/", world.sockets.handle)
    return app


async def _no_such_route(call: Call) -> None:
    raise ApiError(404, 0, "404: Not Found")


_NOWHERE = Endpoint("*", "/{tail}", _no_such_route, needs_bot=False)


class _AnswerInstead(Exception):  # noqa: N818 - not an error: what is answered in a handler's place
    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status)
        self.response = response


class RestServer:
    """Leads every request the same way to its handler and back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._edits = EditsInFlight(world)

    def serve(self, endpoint: Endpoint) -> Any:
        """Return the aiohttp handler for an endpoint."""

        async def handle(request: web.Request) -> web.StreamResponse:
            record = RecordedRequest(
                method=request.method,
                path=request.path.removeprefix(PREFIX),
                route=endpoint.route,
                query=dict(request.query),
                headers=dict(request.headers),
                started=time.monotonic(),
            )
            self._world.requests.append(record)
            if endpoint is _NOWHERE:
                self._world.violation(f"the fake has no route {record.method} {record.path}")
            with self._edits.watch(record, request.match_info):
                response = await self._answer(endpoint, request, record)
            record.ended, record.status = time.monotonic(), response.status
            self._world.changes.notify()
            return response

        return handle

    async def _answer(
        self, endpoint: Endpoint, request: web.Request, record: RecordedRequest
    ) -> web.Response:
        params = dict(request.match_info)
        try:
            return await self._carry_out(endpoint, request, record, params)
        except _AnswerInstead as instead:
            return instead.response
        except ApiError as error:
            if error.is_client_fault:
                self._world.violation(f"{record.method} {record.path}: {error}")
            headers = self._limit_headers(record, params)
            return _json(error.body, error.status, headers)
        except Exception:  # noqa: BLE001 - a mistake of the fake must reach the test, not end it
            self._world.violation(f"the fake broke at {record!r}:\n{traceback.format_exc()}")
            return _json({"message": "500: Internal Server Error", "code": 0}, _SERVER_ERROR, {})

    async def _carry_out(
        self,
        endpoint: Endpoint,
        request: web.Request,
        record: RecordedRequest,
        params: dict[str, str],
    ) -> web.Response:
        record.body, record.files = await read_body(request)
        self._world.changes.notify()
        await asyncio.sleep(self._world.latency)
        failure = self._world.failures.take(record, self._channels_of(params, record))
        failed: web.Response | None = None
        if failure is not None:
            await asyncio.sleep(failure.delay)
            failed = _failed(failure, failure.status) if failure.status is not None else None
            if failed is not None and not failure.carried_out:
                raise _AnswerInstead(failed)
        self._check_token(endpoint, record)
        self._count(endpoint, record, params)
        result = await endpoint.handler(Call(self._world, record, params))
        if failed is not None:
            return failed
        headers = self._limit_headers(record, params)
        if result is None:
            return web.Response(status=204, headers=headers)
        if isinstance(result, Created):
            return _json(result.json, 201, headers)
        return _json(result, 200, headers)

    def _check_token(self, endpoint: Endpoint, record: RecordedRequest) -> None:
        given = record.headers.get("Authorization")
        if endpoint.needs_bot and given != f"Bot {self._world.token}":
            raise unauthorized()
        if not record.headers.get("User-Agent"):
            self._world.violation(f"{record!r} came without a User-Agent")

    def _count(
        self, endpoint: Endpoint, record: RecordedRequest, params: Mapping[str, str]
    ) -> None:
        limits = self._world.limits
        wait = limits.count_global() if endpoint.needs_bot else 0.0
        if wait > 0:
            body, headers = too_many(wait, is_global=True)
            raise _AnswerInstead(_json(body, _TOO_MANY, headers))
        window = limits.count(record.method, record.route, params)
        if window is not None and window.used > window.limit:
            body, headers = too_many(window.resets_at - time.monotonic())
            raise _AnswerInstead(_json(body, _TOO_MANY, headers | window.headers()))

    def _limit_headers(self, record: RecordedRequest, params: Mapping[str, str]) -> dict[str, str]:
        window = self._world.limits.window(record.method, record.route, params)
        return window.headers() if window is not None else {}

    def _channels_of(self, params: Mapping[str, str], record: RecordedRequest) -> dict[str, int]:
        """Return the channels that a request concerns, for failures meant for one channel."""
        found = {"thread": int(record.query["thread_id"])} if "thread_id" in record.query else {}
        if params.get("c", "").isdigit():
            found["channel"] = int(params["c"])
        webhook = self._world.webhooks.get(int(params["w"])) if "w" in params else None
        if webhook is not None:
            found["webhook"] = webhook.channel.id
        for interaction in self._world.interactions.values():
            if interaction.token == params.get("t"):
                found["interaction"] = interaction.channel.id
        return found

    async def serve_attachment(self, request: web.Request) -> web.Response:
        """Answer with the bytes of an uploaded file."""
        attachment = self._world.attachments.get(int(request.match_info["a"]))
        if attachment is None or attachment.filename != request.match_info["name"]:
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(
            body=attachment.data, headers={"Content-Type": attachment.file.content_type}
        )

    async def serve_emoji(self, request: web.Request) -> web.Response:
        """Answer with an application emoji's picture."""
        emoji = self._world.emojis.get(int(request.match_info["e"]))
        if emoji is None:
            return _json(unknown("emoji").body, 404, {})
        return web.Response(body=emoji["data"], headers={"Content-Type": "image/png"})


def _failed(failure: Failure, status: int) -> web.Response:
    if status == _TOO_MANY:
        body, headers = too_many(failure.retry_after, is_global=failure.global_)
        return _json(body, _TOO_MANY, headers)
    if status >= _HTML_FROM and status != 503:
        page = f"<html><head><title>{status}</title></head></html>"
        return web.Response(status=status, text=page, content_type="text/html")
    words = {403: "Missing Permissions", 404: "Unknown Message", 500: "500: Internal Server Error"}
    codes = {403: 50013, 404: 10008}
    message = words.get(status, f"{status}: ordered by the test")
    return _json({"message": message, "code": failure.code or codes.get(status, 0)}, status, {})


def _json(data: Any, status: int, headers: Mapping[str, str]) -> web.Response:
    """Return JSON; its Content-Type has no charset, or discord.py takes it for text."""
    body = json.dumps(data).encode()
    return web.Response(
        body=body, status=status, headers={**headers, "Content-Type": "application/json"}
    )
