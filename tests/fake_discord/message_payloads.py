"""Messages as the JSON that Discord sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_discord.payloads import Json, channel_json, member_json, timestamp, user_json

if TYPE_CHECKING:
    from tests.fake_discord.messages import FakeAttachment, FakeMessage
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


def _reference_part(message: FakeMessage) -> Json:
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
