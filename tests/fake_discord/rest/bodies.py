"""Reading the body of a request: JSON, or a multipart form with files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader

from tests.fake_discord.errors import ApiError
from tests.fake_discord.messages import FakeFile

if TYPE_CHECKING:
    from aiohttp import web

_FILE_FIELD = re.compile(r"^files\[(\d+)\]$")


async def read_body(request: web.Request) -> tuple[Any, dict[int, FakeFile]]:
    """Return the JSON of a request, and its files by their number.

    Raises:
        ApiError: If the body is not what its Content-Type says, or there is none.
    """
    if not request.body_exists:
        return None, {}
    if request.content_type == "multipart/form-data":
        return await _read_form(request)
    raw = await request.read()
    if not raw:
        return None, {}
    if request.content_type != "application/json":
        raise ApiError(400, 50035, f"Invalid Form Body: Content-Type {request.content_type!r}")
    return _parse(raw), {}


async def _read_form(request: web.Request) -> tuple[Any, dict[int, FakeFile]]:
    body: Any = None
    files: dict[int, FakeFile] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = await part.read(decode=True)
        name = part.name or ""
        if name == "payload_json":
            body = _parse(data)
        elif match := _FILE_FIELD.match(name):
            kind = part.headers.get("Content-Type", "application/octet-stream")
            files[int(match[1])] = FakeFile(part.filename or "file", bytes(data), kind)
        else:
            raise ApiError(400, 50035, f"Invalid Form Body: unknown field {name!r}")
    return body if body is not None else {}, files


def _parse(raw: bytes | bytearray) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise ApiError(400, 50109, "The request body contains invalid JSON.") from None
