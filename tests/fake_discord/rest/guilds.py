"""Servers, their channels, roles and members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord import payloads
from tests.fake_discord.errors import missing_access, unknown
from tests.fake_discord.events import GUILD_MEMBERS
from tests.fake_discord.rest.call import Endpoints

if TYPE_CHECKING:
    from tests.fake_discord.rest.call import Call

endpoints = Endpoints()
Json = dict[str, Any]


@endpoints.add("GET", "/guilds/{g}")
async def get_guild(call: Call) -> Json:
    guild = call.guild()
    counts = {"approximate_member_count": len(guild.members), "approximate_presence_count": 0}
    return payloads.partial_guild_json(guild) | counts


@endpoints.add("GET", "/guilds/{g}/channels")
async def list_channels(call: Call) -> list[Json]:
    return [payloads.channel_json(channel) for channel in call.guild().channels]


@endpoints.add("GET", "/guilds/{g}/roles")
async def list_roles(call: Call) -> list[Json]:
    return [payloads.role_json(role) for role in call.guild().roles.values()]


@endpoints.add("GET", "/guilds/{g}/members")
async def list_members(call: Call) -> list[Json]:
    if call.world.denied_intents & GUILD_MEMBERS:
        raise missing_access()
    after, limit = call.query_number("after") or 0, call.query_number("limit") or 1
    members = sorted(call.guild().members.values(), key=lambda member: member.id)
    return [payloads.member_json(one) for one in members if one.id > after][:limit]


@endpoints.add("GET", "/guilds/{g}/members/{u}")
async def get_member(call: Call) -> Json:
    member = call.guild().members.get(call.id("u"))
    if member is None:
        raise unknown("member")
    return payloads.member_json(member)


@endpoints.add("PATCH", "/guilds/{g}/members/@me")
async def edit_my_member(call: Call) -> Json:
    member = call.guild().bot_member
    member.nick = call.body.get("nick", member.nick)
    return payloads.member_json(member)
