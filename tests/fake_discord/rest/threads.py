"""Threads: made from a message or without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord import payloads
from tests.fake_discord.errors import ApiError, check_length
from tests.fake_discord.messages import HAS_THREAD
from tests.fake_discord.posting import tell
from tests.fake_discord.rest.call import Created, Endpoints

if TYPE_CHECKING:
    from tests.fake_discord.channels import FakeChannel, FakeThread
    from tests.fake_discord.rest.call import Call

endpoints = Endpoints()
_MINUTES = (60, 1440, 4320, 10080)


@endpoints.add("POST", "/channels/{c}/threads")
async def create_thread(call: Call) -> Created:
    channel = _thread_parent(call)
    is_private = call.body.get("type") == 12
    call.require(channel, "create_private_threads" if is_private else "create_public_threads")
    return Created(payloads.channel_json(_open(call, channel)))


@endpoints.add("POST", "/channels/{c}/messages/{m}/threads")
async def create_thread_on_message(call: Call) -> Created:
    channel = _thread_parent(call)
    call.require(channel, "create_public_threads")
    message = call.message(channel)
    if message.thread is not None:
        raise ApiError(400, 160004, "A thread has already been created for this message")
    thread = _open(call, channel, thread_id=message.id)
    message.thread = thread
    message.flags |= HAS_THREAD
    tell(message, "MESSAGE_UPDATE")
    return Created(payloads.channel_json(thread))


def _thread_parent(call: Call) -> FakeChannel:
    channel = call.channel()
    if channel.guild is None or channel.parent is not None:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    check_length("name", call.body.get("name"), 100, least=1)
    return channel


def _open(call: Call, channel: FakeChannel, *, thread_id: int | None = None) -> FakeThread:
    thread = channel.add_thread(call.body["name"], call.world.bot_user, thread_id=thread_id)
    minutes = call.body.get("auto_archive_duration")
    if minutes in _MINUTES:
        thread.auto_archive_minutes = minutes
    return thread


@endpoints.add("GET", "/guilds/{g}/threads/active")
async def list_active_threads(call: Call) -> dict[str, Any]:
    return {"threads": [payloads.channel_json(one) for one in call.guild().threads], "members": []}


@endpoints.add("GET", "/channels/{c}/threads/archived/public")
async def list_archived_threads(call: Call) -> dict[str, Any]:
    channel = call.channel()
    call.require(channel, "read_message_history")
    threads = [payloads.channel_json(one) for one in channel.threads if one.archived]
    return {"threads": threads, "members": [], "has_more": False}


@endpoints.add("PUT", "/channels/{c}/thread-members/@me")
async def join_thread(call: Call) -> None:
    _set_member(call, call.world.bot_user.id, is_member=True)


@endpoints.add("DELETE", "/channels/{c}/thread-members/@me")
async def leave_thread(call: Call) -> None:
    _set_member(call, call.world.bot_user.id, is_member=False)


@endpoints.add("PUT", "/channels/{c}/thread-members/{u}")
async def add_thread_member(call: Call) -> None:
    _set_member(call, call.id("u"), is_member=True)


@endpoints.add("DELETE", "/channels/{c}/thread-members/{u}")
async def remove_thread_member(call: Call) -> None:
    _set_member(call, call.id("u"), is_member=False)


def _set_member(call: Call, user_id: int, *, is_member: bool) -> None:
    thread = call.channel().as_thread
    if thread is None:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    if is_member and user_id not in thread.member_ids:
        thread.member_ids.append(user_id)
    if not is_member and user_id in thread.member_ids:
        thread.member_ids.remove(user_id)
