"""Pinned messages, at their new and their old address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord.message_payloads import timestamp
from tests.fake_discord.posting import tell
from tests.fake_discord.rest.call import Endpoints
from tests.fake_discord.rest.messages import shown

if TYPE_CHECKING:
    from tests.fake_discord.rest.call import Call

endpoints = Endpoints()


@endpoints.add("GET", "/channels/{c}/messages/pins")
async def list_pins(call: Call) -> dict[str, Any]:
    pinned = [one for one in reversed(call.channel().messages) if one.pinned]
    items = [
        {"pinned_at": timestamp(one.created_at), "message": shown(call, one)} for one in pinned
    ]
    return {"items": items, "has_more": False}


@endpoints.add("GET", "/channels/{c}/pins")
async def list_pins_as_before(call: Call) -> list[dict[str, Any]]:
    return [shown(call, one) for one in reversed(call.channel().messages) if one.pinned]


@endpoints.add("PUT", "/channels/{c}/messages/pins/{m}")
@endpoints.add("PUT", "/channels/{c}/pins/{m}")
async def pin(call: Call) -> None:
    _set_pinned(call, is_pinned=True)


@endpoints.add("DELETE", "/channels/{c}/messages/pins/{m}")
@endpoints.add("DELETE", "/channels/{c}/pins/{m}")
async def unpin(call: Call) -> None:
    _set_pinned(call, is_pinned=False)


def _set_pinned(call: Call, *, is_pinned: bool) -> None:
    channel = call.channel()
    call.require(channel, "pin_messages")
    message = call.message(channel)
    message.pinned = is_pinned
    tell(message, "MESSAGE_UPDATE")
