"""Putting messages into channels, changing and removing them, and telling the client."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.fake_discord import message_payloads
from tests.fake_discord.errors import empty_message
from tests.fake_discord.mentions import Mentions, find_mentions
from tests.fake_discord.messages import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    TYPE_DEFAULT,
    TYPE_REPLY,
    Edit,
    FakeAttachment,
    FakeFile,
    FakeMessage,
    walk,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.drafts import Draft
    from tests.fake_discord.users import FakeUser


def post(
    channel: FakeChannel, author: FakeUser, draft: Draft, *, kind: int | None = None
) -> FakeMessage:
    """Put a message into a channel; one that only its reader sees is kept apart.

    Args:
        channel: Where.
        author: Who says it.
        draft: What it holds, checked already.
        kind: The message's type, if it is neither a plain message nor a reply.
    """
    reply = channel.all_messages.get(draft.reply_to) if draft.reply_to is not None else None
    plain = TYPE_DEFAULT if reply is None else TYPE_REPLY
    message = FakeMessage(
        id=channel.world.ids.new(),
        channel=channel,
        author=author,
        content=draft.content or "",
        member=channel.guild.members.get(author.id) if channel.guild else None,
        type=plain if kind is None else kind,
        embeds=draft.embeds or [],
        components=draft.components or [],
        reply_to_id=reply.id if reply is not None else None,
        flags=draft.flags or 0,
        nonce=draft.nonce,
        interaction=draft.interaction,
        stickers=draft.stickers,
        poll=draft.poll,
        forwarded=draft.forwarded,
    )
    _sign(message, draft)
    message.attachments = [attach(channel, file) for file in draft.files]
    _link_attachments(message)
    _set_mentions(message, draft)
    _keep(message)
    return message


def _keep(message: FakeMessage) -> None:
    channel = message.channel
    if message.ephemeral:
        channel.world.private_messages[message.id] = message
    else:
        channel.all_messages[message.id] = message
        _open_thread(channel)
        tell(message, "MESSAGE_CREATE")
    channel.world.changes.notify()


def change(message: FakeMessage, draft: Draft) -> None:
    """Edit a message: what the draft does not name stays.

    Raises:
        ApiError: With code 50006, if nothing would be left to show.
    """
    after = draft.content if draft.content is not None else message.content
    embeds = draft.embeds if draft.embeds is not None else message.embeds
    components = draft.components if draft.components is not None else message.components
    kept = [
        one
        for one in message.attachments
        if draft.kept_attachments is None or one.id in draft.kept_attachments
    ]
    others = message.stickers or message.poll or message.forwarded
    if not (after or embeds or components or kept or draft.files or others):
        raise empty_message()
    message.content, message.embeds, message.components = after, embeds, components
    message.attachments = kept + [attach(message.channel, file) for file in draft.files]
    changeable = ~(EPHEMERAL | COMPONENTS_V2)
    if draft.flags is not None:
        message.flags = message.flags & ~changeable | draft.flags & changeable
        message.flags |= draft.flags & COMPONENTS_V2
    message.flags &= ~LOADING
    message.edited_at = datetime.now(UTC)
    is_layout = message.flags & COMPONENTS_V2
    message.edits.append(Edit(time.monotonic(), message.texts if is_layout else message.content))
    _link_attachments(message)
    _set_mentions(message, draft)
    if not message.ephemeral:
        tell(message, "MESSAGE_UPDATE")
    message.channel.world.changes.notify()


def unfurl(message: FakeMessage, title: str) -> None:
    """Show what an address in a message leads to, which comes as an update without an edit."""
    message.embeds = [{"type": "link", "title": title}]
    tell(message, "MESSAGE_UPDATE")


def remove(message: FakeMessage) -> None:
    """Delete one message."""
    message.deleted = True
    if not message.ephemeral:
        data = _place(message.channel) | {"id": str(message.id)}
        message.channel.world.emit(
            "MESSAGE_DELETE", data, guild=message.channel.guild, channel=message.channel
        )
    message.channel.world.changes.notify()


def remove_many(channel: FakeChannel, messages: Iterable[FakeMessage]) -> None:
    """Delete several messages at once, which comes as one event."""
    gone = list(messages)
    for message in gone:
        message.deleted = True
    data = _place(channel) | {"ids": [str(message.id) for message in gone]}
    channel.world.emit("MESSAGE_DELETE_BULK", data, guild=channel.guild, channel=channel)
    channel.world.changes.notify()


def tell(message: FakeMessage, event: str) -> None:
    """Send MESSAGE_CREATE or MESSAGE_UPDATE; what a session may not read is left empty for it."""
    channel = message.channel
    data = message_payloads.message_json(message)
    channel.world.emit(event, data, guild=channel.guild, channel=channel, message=message)


def attach(channel: FakeChannel, file: FakeFile) -> FakeAttachment:
    """Keep a file so that its address answers."""
    world = channel.world
    number = world.ids.new()
    url = f"{world.cdn_base}/attachments/{channel.id}/{number}/{file.filename}"
    attachment = FakeAttachment(number, file, url)
    world.attachments[number] = attachment
    return attachment


def _place(channel: FakeChannel) -> dict[str, Any]:
    data = {"channel_id": str(channel.id)}
    return data | ({"guild_id": str(channel.guild.id)} if channel.guild else {})


def _sign(message: FakeMessage, draft: Draft) -> None:
    world = message.channel.world
    if draft.webhook is not None:
        message.webhook_id = draft.webhook.id
        message.application_id = draft.webhook.application_id
    elif draft.interaction is not None:
        message.webhook_id = message.application_id = world.application_id


def _set_mentions(message: FakeMessage, draft: Draft) -> None:
    """Find the mentions of a new or edited text; an edit mentions no author replied to anew."""
    reply = None
    if message.reply_to_id is not None:
        reply = message.channel.all_messages.get(message.reply_to_id)
    found = find_mentions(
        message.channel,
        message.author,
        message.content,
        allowed=draft.allowed_mentions,
        reply=None if message.edits else reply,
    )
    if message.edits and reply is not None and reply.author in message.mentions:
        found.users.append(reply.author)
    found.users += [one for one in draft.also_mentioned if one not in found.users]
    message.mentions, message.mention_roles = found.users, found.roles
    message.mention_everyone = found.everyone
    _record_ping(message, found)


def _record_ping(message: FakeMessage, found: Mentions) -> None:
    world = message.channel.world
    is_ours = message.author is world.bot_user or message.application_id == world.application_id
    others = [user for user in found.users if user is not world.bot_user]
    is_ping = bool(others or found.roles or found.everyone)
    if is_ours and is_ping and not message.ephemeral and message not in world.pings:
        world.pings.append(message)


def _link_attachments(message: FakeMessage) -> None:
    """Point attachment:// addresses of components and embeds to the uploaded files."""
    urls = {f"attachment://{one.filename}": one.url for one in message.attachments}
    media = [one.get(key) for one in walk(message.components) for key in ("media", "file")]
    media += [item["media"] for one in walk(message.components) for item in one.get("items") or []]
    media += [embed.get(key) for embed in message.embeds for key in ("image", "thumbnail")]
    for one in media:
        if one:
            one["url"] = urls.get(one["url"], one["url"])


def _open_thread(channel: FakeChannel) -> None:
    thread = channel.as_thread
    if thread is not None and thread.archived:
        thread.archived = False
        thread.tell_changed()
