"""Messages as the JSON that Discord sends."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.fake_discord.payloads import Json, channel_json, member_json, timestamp, user_json

if TYPE_CHECKING:
    from tests.fake_discord.messages import FakeAttachment, FakeMessage, FakePoll
    from tests.fake_discord.users import FakeUser


def attachment_json(attachment: FakeAttachment) -> Json:
    """Return an attachment."""
    data: Json = {
        "id": str(attachment.id),
        "filename": attachment.filename,
        "size": len(attachment.data),
        "url": attachment.url,
        "proxy_url": attachment.url,
        "content_type": attachment.file.content_type,
    }
    if attachment.file.description:
        data["description"] = attachment.file.description
    return data


def message_json(message: FakeMessage, *, with_reference: bool = True) -> Json:
    """Return a message; the message it replies to is included one level deep."""
    edited = timestamp(message.edited_at) if message.edited_at else None
    data: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "type": message.type,
        "author": user_json(message.author),
        "content": message.content,
        "timestamp": timestamp(message.created_at),
        "edited_timestamp": edited,
        "tts": False,
        "mention_everyone": message.mention_everyone,
        "mentions": [_mentioned_json(user, message) for user in message.mentions],
        "mention_roles": [str(role_id) for role_id in message.mention_roles],
        "attachments": [attachment_json(one) for one in message.attachments],
        "embeds": message.embeds,
        "components": message.components,
        "pinned": message.pinned,
        "flags": message.flags,
    }
    if message.channel.guild is not None:
        data["guild_id"] = str(message.channel.guild.id)
    if message.member is not None and message.webhook_id is None:
        data["member"] = member_json(message.member, with_user=False)
    for key in ("webhook_id", "application_id"):
        if getattr(message, key) is not None:
            data[key] = str(getattr(message, key))
    if message.nonce is not None:
        data["nonce"] = message.nonce
    if message.reactions:
        data["reactions"] = [_reaction_json(message, emoji) for emoji in message.reactions]
    if message.thread is not None:
        data["thread"] = channel_json(message.thread)
    if message.interaction is not None:
        data |= message.interaction.metadata_json()
    data |= _sticker_and_poll_part(message)
    return data | _reference_part(message) if with_reference else data


def _mentioned_json(user: FakeUser, message: FakeMessage) -> Json:
    member = message.channel.guild and message.channel.guild.members.get(user.id)
    extra = {"member": member_json(member, with_user=False)} if member else {}
    return user_json(user) | extra


def _reaction_json(message: FakeMessage, emoji: str) -> Json:
    who = message.reactions[emoji]
    return {
        "emoji": emoji_json(emoji),
        "count": len(who),
        "me": message.channel.world.bot_user.id in who,
        "me_burst": False,
        "burst_colors": [],
        "count_details": {"normal": len(who), "burst": 0},
    }


def emoji_json(emoji: str) -> Json:
    """Return a reaction's emoji: a Unicode one, or `name:id`."""
    name, _, number = emoji.partition(":")
    return {"id": number or None, "name": name}


def _sticker_and_poll_part(message: FakeMessage) -> Json:
    data: Json = {}
    if message.stickers:
        data["sticker_items"] = [_sticker_json(message, name) for name in message.stickers]
    if message.poll is not None:
        data["poll"] = _poll_json(message, message.poll)
    return data


def _sticker_json(message: FakeMessage, name: str) -> Json:
    return {"id": str(message.channel.world.ids.old()), "name": name, "format_type": 1}


def _poll_json(message: FakeMessage, poll: FakePoll) -> Json:
    return {
        "question": {"text": poll.question},
        "answers": [
            {"answer_id": number, "poll_media": {"text": text}}
            for number, text in enumerate(poll.answers, start=1)
        ],
        "expiry": timestamp(message.created_at + timedelta(hours=24)),
        "allow_multiselect": False,
        "layout_type": 1,
    }


def _forward_part(message: FakeMessage, source: FakeMessage) -> Json:
    """A snapshot has no author: Discord does not tell who is forwarded."""
    kept = ("type", "content", "embeds", "attachments", "timestamp", "edited_timestamp", "flags")
    whole = message_json(source, with_reference=False)
    snapshot = {key: whole[key] for key in (*kept, "mentions", "mention_roles", "components")}
    if source.stickers:
        snapshot["sticker_items"] = whole["sticker_items"]
    reference: Json = {
        "type": 1,
        "message_id": str(source.id),
        "channel_id": str(source.channel.id),
    }
    if source.channel.guild is not None:
        reference["guild_id"] = str(source.channel.guild.id)
    return {"message_reference": reference, "message_snapshots": [{"message": snapshot}]}


def _reference_part(message: FakeMessage) -> Json:
    if message.forwarded is not None:
        return _forward_part(message, message.forwarded)
    if message.reply_to_id is None:
        return {}
    reference: Json = {
        "type": 0,
        "message_id": str(message.reply_to_id),
        "channel_id": str(message.channel.id),
    }
    if message.channel.guild is not None:
        reference["guild_id"] = str(message.channel.guild.id)
    target = message.channel.all_messages.get(message.reply_to_id)
    shown = None
    if target is not None and not target.deleted:
        shown = message_json(target, with_reference=False)
    return {"message_reference": reference, "referenced_message": shown}
