"""Messages in channels: send, read, edit, delete."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.fake_discord import message_payloads
from tests.fake_discord.drafts import read_draft, require_something
from tests.fake_discord.errors import ApiError, form_error, missing_permissions
from tests.fake_discord.events import MESSAGE_CONTENT, hide_content
from tests.fake_discord.ids import DISCORD_EPOCH_MS
from tests.fake_discord.permissions import bits
from tests.fake_discord.posting import change, post, remove, remove_many
from tests.fake_discord.rest.call import Call, Endpoints
from tests.fake_discord.rest.channels import require_speech

if TYPE_CHECKING:
    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.drafts import Draft
    from tests.fake_discord.messages import FakeMessage

endpoints = Endpoints()
_TWO_WEEKS_SECONDS = 14 * 24 * 3600


@endpoints.add("POST", "/channels/{c}/messages")
async def create_message(call: Call) -> dict[str, Any]:
    channel = call.channel()
    require_speech(call, channel)
    draft = read_draft(call.body, call.request.files)
    require_something(draft)
    if draft.files:
        call.require(channel, "attach_files")
    if draft.embeds and not channel.permissions_of_bot() & bits("embed_links"):
        raise missing_permissions()
    _check_reply(call, channel, draft)
    if channel.as_thread is not None and channel.as_thread.locked:
        raise ApiError(400, 50083, "Thread is archived")
    same = _find_same_nonce(call, channel, draft)
    return shown(call, same or post(channel, call.world.bot_user, draft))


def _check_reply(call: Call, channel: FakeChannel, draft: Draft) -> None:
    if draft.reply_to is None:
        return
    if not channel.permissions_of_bot() & bits("read_message_history"):
        raise ApiError(403, 160002, "Cannot reply without permission to read message history")
    target = channel.all_messages.get(draft.reply_to)
    if target is not None and not target.deleted:
        return
    if draft.fail_if_not_exists:
        code = "REPLIES_UNKNOWN_MESSAGE"
        raise form_error("message_reference", code, "Unknown message")
    draft.reply_to = None


def _find_same_nonce(call: Call, channel: FakeChannel, draft: Draft) -> FakeMessage | None:
    if draft.nonce is None or not draft.enforce_nonce:
        return None
    return next(
        (
            message
            for message in channel.messages
            if message.nonce == draft.nonce and message.author is call.world.bot_user
        ),
        None,
    )


@endpoints.add("GET", "/channels/{c}/messages")
async def list_messages(call: Call) -> list[dict[str, Any]]:
    channel = call.channel()
    limit = call.query_number("limit") or 50
    if not 1 <= limit <= 100:
        raise form_error("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
    if not channel.permissions_of_bot() & bits("read_message_history"):
        return []
    newest_first = list(reversed(channel.messages))
    before, after = call.query_number("before"), call.query_number("after")
    around = call.query_number("around")
    if before is not None:
        newest_first = [one for one in newest_first if one.id < before][:limit]
    elif after is not None:
        newest_first = [one for one in newest_first if one.id > after][-limit:]
    elif around is not None:
        half = limit // 2
        newer = [one for one in newest_first if one.id > around][-half:] if half else []
        newest_first = newer + [one for one in newest_first if one.id <= around][: half + 1]
    return [shown(call, message) for message in newest_first[:limit]]


@endpoints.add("GET", "/channels/{c}/messages/{m}")
async def get_message(call: Call) -> dict[str, Any]:
    channel = call.channel()
    call.require(channel, "read_message_history")
    return shown(call, call.message(channel))


@endpoints.add("PATCH", "/channels/{c}/messages/{m}")
async def edit_message(call: Call) -> dict[str, Any]:
    channel = call.channel()
    message = call.message(channel)
    if message.author is not call.world.bot_user:
        raise ApiError(403, 50005, "Cannot edit a message authored by another user")
    change(message, read_draft(call.body, call.request.files, edited=message))
    return shown(call, message)


@endpoints.add("DELETE", "/channels/{c}/messages/{m}")
async def delete_message(call: Call) -> None:
    channel = call.channel()
    message = call.message(channel)
    if message.author is not call.world.bot_user:
        if channel.is_private:
            raise ApiError(403, 50003, "Cannot execute action on a DM channel")
        call.require(channel, "manage_messages")
    remove(message)


@endpoints.add("POST", "/channels/{c}/messages/bulk-delete")
async def delete_messages(call: Call) -> None:
    channel = call.channel()
    if channel.is_private:
        raise ApiError(403, 50003, "Cannot execute action on a DM channel")
    call.require(channel, "manage_messages")
    numbers = [int(one) for one in call.body.get("messages") or []]
    if not 2 <= len(numbers) <= 100:
        raise ApiError(400, 50016, "Provided too few or too many messages to delete.")
    oldest = min((number >> 22) + DISCORD_EPOCH_MS for number in numbers) / 1000
    if oldest < time.time() - _TWO_WEEKS_SECONDS:
        raise ApiError(400, 50034, "You can only bulk delete messages that are under 14 days old.")
    found = [channel.all_messages[one] for one in numbers if one in channel.all_messages]
    remove_many(channel, [one for one in found if not one.deleted])


def shown(call: Call, message: FakeMessage) -> dict[str, Any]:
    """Return a message as REST shows it: its text needs the content intent here too."""
    data = message_payloads.message_json(message)
    if call.world.denied_intents & MESSAGE_CONTENT:
        return hide_content(data, message)
    return data
