"""Channels themselves, and typing in them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.fake_discord import payloads
from tests.fake_discord.errors import check_length
from tests.fake_discord.rest.call import Endpoints

if TYPE_CHECKING:
    from tests.fake_discord.channels import FakeChannel, FakeThread
    from tests.fake_discord.rest.call import Call

endpoints = Endpoints()


@endpoints.add("GET", "/channels/{c}")
async def get_channel(call: Call) -> dict[str, Any]:
    return payloads.channel_json(call.channel())


@endpoints.add("PATCH", "/channels/{c}")
async def edit_channel(call: Call) -> dict[str, Any]:
    channel, body = call.channel(), call.body
    if body.get("name") is not None:
        check_length("name", body["name"], 100, least=1)
    if channel.as_thread is not None:
        return _edit_thread(call, channel.as_thread)
    call.require(channel, "manage_channels")
    for key in ("name", "topic", "nsfw"):
        if key in body:
            setattr(channel, key, body[key])
    data = payloads.channel_json(channel)
    call.world.emit("CHANNEL_UPDATE", data, guild=channel.guild)
    return data


def _edit_thread(call: Call, thread: FakeThread) -> dict[str, Any]:
    body = call.body
    if thread.owner_id != call.world.bot_user.id or "locked" in body:
        call.require(thread, "manage_threads")
    thread.name = body.get("name") or thread.name
    thread.archived = body.get("archived", thread.archived)
    thread.locked = body.get("locked", thread.locked)
    minutes = body.get("auto_archive_duration")
    thread.auto_archive_minutes = minutes or thread.auto_archive_minutes
    thread.tell_changed()
    return payloads.channel_json(thread)


@endpoints.add("DELETE", "/channels/{c}")
async def delete_channel(call: Call) -> dict[str, Any]:
    channel = call.channel()
    data = payloads.channel_json(channel)
    if not channel.is_private:
        call.require(channel, "manage_threads" if channel.parent else "manage_channels")
        call.world.remove_channel(channel)
    return data


@endpoints.add("POST", "/channels/{c}/typing")
async def start_typing(call: Call) -> None:
    channel = call.channel()
    require_speech(call, channel)
    call.world.typing.append((channel.id, time.monotonic()))


def require_speech(call: Call, channel: FakeChannel) -> None:
    """Refuse a bot that may not speak in a channel or thread.

    Raises:
        ApiError: With code 50013, or in private 50007.
    """
    in_thread = channel.parent is not None
    call.require(channel, "send_messages_in_threads" if in_thread else "send_messages")
