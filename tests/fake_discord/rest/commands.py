"""Registering application commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord.command_checks import check_all, check_command
from tests.fake_discord.errors import ApiError, missing_access, unknown
from tests.fake_discord.rest.call import Created, Endpoints

if TYPE_CHECKING:
    from tests.fake_discord.rest.call import Call

endpoints = Endpoints()
_EVERYWHERE = "/applications/{a}/commands"
_IN_GUILD = "/applications/{a}/guilds/{g}/commands"
Json = dict[str, Any]


def _list_id(call: Call) -> int | None:
    """Return which list a request is about: that of the server {g}, or None for everywhere."""
    if call.id("a") != call.world.application_id:
        raise ApiError(403, 20012, "You are not authorized to perform this action")
    if "g" not in call.params:
        return None
    if call.id("g") not in call.world.guilds:
        raise missing_access()
    return call.id("g")


@endpoints.add("PUT", _EVERYWHERE)
@endpoints.add("PUT", _IN_GUILD)
async def replace_commands(call: Call) -> list[Json]:
    list_id = _list_id(call)
    check_all(call.body)
    return call.world.registry.replace_all(list_id, call.body)


@endpoints.add("GET", _EVERYWHERE)
@endpoints.add("GET", _IN_GUILD)
async def list_commands(call: Call) -> list[Json]:
    return call.world.registry.in_list(_list_id(call))


@endpoints.add("POST", _EVERYWHERE)
@endpoints.add("POST", _IN_GUILD)
async def add_command(call: Call) -> Created:
    list_id = _list_id(call)
    check_command("command", call.body)
    return Created(call.world.registry.add(list_id, call.body))


@endpoints.add("GET", _EVERYWHERE + "/{k}")
@endpoints.add("GET", _IN_GUILD + "/{k}")
async def get_command(call: Call) -> Json:
    return _command(call)


@endpoints.add("PATCH", _EVERYWHERE + "/{k}")
@endpoints.add("PATCH", _IN_GUILD + "/{k}")
async def edit_command(call: Call) -> Json:
    changed = _command(call) | call.body
    check_command("command", changed)
    return call.world.registry.add(_list_id(call), changed)


@endpoints.add("DELETE", _EVERYWHERE + "/{k}")
@endpoints.add("DELETE", _IN_GUILD + "/{k}")
async def remove_command(call: Call) -> None:
    if not call.world.registry.remove(_list_id(call), call.params["k"]):
        raise unknown("command")


def _command(call: Call) -> Json:
    for command in call.world.registry.in_list(_list_id(call)):
        if command["id"] == call.params["k"]:
            return command
    raise unknown("command")
