"""Reactions to messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord import payloads
from tests.fake_discord.errors import unknown
from tests.fake_discord.reactions import react, unreact
from tests.fake_discord.rest.call import Endpoints

if TYPE_CHECKING:
    from tests.fake_discord.messages import FakeMessage
    from tests.fake_discord.rest.call import Call

endpoints = Endpoints()
_ALL = "/channels/{c}/messages/{m}/reactions"
_ONE = "/channels/{c}/messages/{m}/reactions/{e}"


@endpoints.add("PUT", _ONE + "/@me")
async def add_reaction(call: Call) -> None:
    channel = call.channel()
    message, emoji = call.message(channel), call.params["e"]
    call.require(channel, "read_message_history")
    if emoji not in message.reactions:
        call.require(channel, "add_reactions")
    react(message, call.world.bot_user, emoji)


@endpoints.add("DELETE", _ONE + "/@me")
async def remove_own_reaction(call: Call) -> None:
    unreact(call.message(call.channel()), call.world.bot_user, call.params["e"])


@endpoints.add("DELETE", _ONE + "/{u}")
async def remove_reaction(call: Call) -> None:
    channel = call.channel()
    call.require(channel, "manage_messages")
    user = call.world.users.get(call.id("u"))
    if user is None:
        raise unknown("user")
    unreact(call.message(channel), user, call.params["e"])


@endpoints.add("GET", _ONE)
async def list_reactions(call: Call) -> list[dict[str, Any]]:
    who = call.message(call.channel()).reactions.get(call.params["e"], [])
    return [payloads.user_json(call.world.users[number]) for number in who]


@endpoints.add("DELETE", _ONE)
async def clear_emoji(call: Call) -> None:
    message = _moderated(call)
    message.reactions.pop(call.params["e"], None)


@endpoints.add("DELETE", _ALL)
async def clear_reactions(call: Call) -> None:
    _moderated(call).reactions.clear()


def _moderated(call: Call) -> FakeMessage:
    channel = call.channel()
    call.require(channel, "manage_messages")
    return call.message(channel)
