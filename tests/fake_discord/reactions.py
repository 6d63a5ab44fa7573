"""Reactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord import message_payloads, payloads

if TYPE_CHECKING:
    from tests.fake_discord.messages import FakeMessage
    from tests.fake_discord.users import FakeUser


def react(message: FakeMessage, user: FakeUser, emoji: str) -> None:
    """Add somebody's reaction, if it is not there already."""
    who = message.reactions.setdefault(emoji, [])
    if user.id in who:
        return
    who.append(user.id)
    guild = message.channel.guild
    member = guild.members.get(user.id) if guild else None
    extra: dict[str, Any] = {"message_author_id": str(message.author.id), "burst_colors": []}
    if member is not None:
        extra["member"] = payloads.member_json(member)
    _tell(message, user, emoji, "MESSAGE_REACTION_ADD", extra)


def unreact(message: FakeMessage, user: FakeUser, emoji: str) -> None:
    """Take somebody's reaction away, if it is there."""
    who = message.reactions.get(emoji, [])
    if user.id not in who:
        return
    who.remove(user.id)
    if not who:
        del message.reactions[emoji]
    _tell(message, user, emoji, "MESSAGE_REACTION_REMOVE", {})


def _tell(
    message: FakeMessage, user: FakeUser, emoji: str, event: str, extra: dict[str, Any]
) -> None:
    channel = message.channel
    data = {
        "user_id": str(user.id),
        "channel_id": str(channel.id),
        "message_id": str(message.id),
        "emoji": message_payloads.emoji_json(emoji),
        "burst": False,
        "type": 0,
        **extra,
    }
    if channel.guild is not None:
        data["guild_id"] = str(channel.guild.id)
    channel.world.emit(event, data, guild=channel.guild, channel=channel)
