"""What a bot asks for when it logs in, and about accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord import payloads
from tests.fake_discord.errors import ApiError, unknown
from tests.fake_discord.rest.call import Created, Endpoints

if TYPE_CHECKING:
    from tests.fake_discord.rest.call import Call

endpoints = Endpoints()
_PUBLIC_BOT_INSTALL = {"scopes": ["bot", "applications.commands"], "permissions": "0"}


@endpoints.add("GET", "/gateway", needs_bot=False)
async def get_gateway(call: Call) -> dict[str, Any]:
    return {"url": call.world.gateway.rstrip("/")}


@endpoints.add("GET", "/gateway/bot")
async def get_gateway_bot(call: Call) -> dict[str, Any]:
    limit = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
    return {
        "url": call.world.gateway.rstrip("/"),
        "shards": call.world.shards,
        "session_start_limit": limit,
    }


@endpoints.add("GET", "/users/@me")
async def get_me(call: Call) -> dict[str, Any]:
    user = payloads.user_json(call.world.bot_user)
    return user | {"verified": True, "mfa_enabled": False, "locale": "en-US", "flags": 0}


@endpoints.add("PATCH", "/users/@me")
async def edit_me(call: Call) -> dict[str, Any]:
    if call.body.get("username"):
        call.world.bot_user.name = call.body["username"]
    return await get_me(call)


@endpoints.add("GET", "/users/{u}")
async def get_user(call: Call) -> dict[str, Any]:
    user = call.world.users.get(call.id("u"))
    if user is None:
        raise unknown("user")
    return payloads.user_json(user)


@endpoints.add("GET", "/users/@me/guilds")
async def list_my_guilds(call: Call) -> list[dict[str, Any]]:
    return [payloads.my_guild_json(guild) for guild in call.world.guilds.values()]


@endpoints.add("DELETE", "/users/@me/guilds/{g}")
async def leave_guild(call: Call) -> None:
    call.world.remove_guild(call.guild())


@endpoints.add("POST", "/users/@me/channels")
async def open_private_channel(call: Call) -> dict[str, Any]:
    user = call.world.users.get(int(call.body["recipient_id"]))
    if user is None or user.bot:
        raise ApiError(400, 50033, "Invalid Recipient(s)")
    return payloads.channel_json(call.world.add_dm(user))


@endpoints.add("GET", "/oauth2/applications/@me")
async def get_application(call: Call) -> dict[str, Any]:
    world = call.world
    return {
        "id": str(world.application_id),
        "name": world.bot_user.name,
        "description": "",
        "icon": None,
        "summary": "",
        "type": None,
        "hook": True,
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": world.application_flags,
        "owner": payloads.user_json(world.application_owner),
        "team": None,
        "rpc_origins": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "integration_types_config": {"0": {"oauth2_install_params": _PUBLIC_BOT_INSTALL}},
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": 0,
    }


@endpoints.add("GET", "/applications/@me")
async def get_application_here_too(call: Call) -> dict[str, Any]:
    return await get_application(call)


@endpoints.add("GET", "/applications/{a}/emojis")
async def list_emojis(call: Call) -> dict[str, Any]:
    return {"items": [emoji["json"] for emoji in call.world.emojis.values()]}


@endpoints.add("POST", "/applications/{a}/emojis")
async def add_emoji(call: Call) -> Created:
    if len(call.world.emojis) >= 2000:
        raise ApiError(400, 30008, "Maximum number of emojis reached (2000)")
    return Created(call.world.add_emoji(call.body["name"], call.body["image"]))


@endpoints.add("DELETE", "/applications/{a}/emojis/{e}")
async def remove_emoji(call: Call) -> None:
    if call.world.emojis.pop(call.id("e"), None) is None:
        raise unknown("emoji")
