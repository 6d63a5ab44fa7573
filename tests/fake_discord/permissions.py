"""Who may do what: permission bits, roles and overwrites, computed as Discord documents it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.people import FakeMember

_BIT_OF = {
    "create_instant_invite": 0,
    "kick_members": 1,
    "ban_members": 2,
    "administrator": 3,
    "manage_channels": 4,
    "manage_guild": 5,
    "add_reactions": 6,
    "view_audit_log": 7,
    "view_channel": 10,
    "send_messages": 11,
    "send_tts_messages": 12,
    "manage_messages": 13,
    "embed_links": 14,
    "attach_files": 15,
    "read_message_history": 16,
    "mention_everyone": 17,
    "use_external_emojis": 18,
    "change_nickname": 26,
    "manage_nicknames": 27,
    "manage_roles": 28,
    "manage_webhooks": 29,
    "manage_emojis": 30,
    "use_application_commands": 31,
    "manage_threads": 34,
    "create_public_threads": 35,
    "create_private_threads": 36,
    "use_external_stickers": 37,
    "send_messages_in_threads": 38,
    "moderate_members": 40,
    "send_voice_messages": 46,
    "send_polls": 49,
    "use_external_apps": 50,
    "pin_messages": 51,
    "bypass_slowmode": 52,
}
_ALIASES = {
    "read_messages": "view_channel",
    "manage_server": "manage_guild",
    "external_emojis": "use_external_emojis",
    "manage_permissions": "manage_roles",
}
ALL = sum(1 << bit for bit in _BIT_OF.values())


def bits(*names: str) -> int:
    """Return the permission bits for names as discord.py or Discord spell them.

    Raises:
        AssertionError: If there is no permission of that name.
    """
    value = 0
    for name in names:
        key = _ALIASES.get(name.lower(), name.lower())
        assert key in _BIT_OF, f"no permission is called {name!r}; there are {sorted(_BIT_OF)}"
        value |= 1 << _BIT_OF[key]
    return value


ADMINISTRATOR = bits("administrator")
VIEW_CHANNEL = bits("view_channel")
SEND_MESSAGES = bits("send_messages")
EVERYONE_DEFAULT = bits(
    "view_channel",
    "send_messages",
    "send_messages_in_threads",
    "read_message_history",
    "embed_links",
    "attach_files",
    "add_reactions",
    "use_external_emojis",
    "create_public_threads",
    "use_application_commands",
    "change_nickname",
)
# Mention Everyone is among them on purpose: then nothing but allowed_mentions protects a channel.
BOT_DEFAULT = bits(
    "manage_webhooks",
    "manage_messages",
    "manage_threads",
    "create_private_threads",
    "mention_everyone",
    "pin_messages",
)
_LOST_WITHOUT_SEND = bits("mention_everyone", "send_tts_messages", "attach_files", "embed_links")
IN_PRIVATE = EVERYONE_DEFAULT | bits("pin_messages")


@dataclass(slots=True)
class Overwrite:
    """What one channel allows or denies one role (kind 0) or one member (kind 1)."""

    id: int
    kind: int
    allow: int = 0
    deny: int = 0


def permissions_in_guild(member: FakeMember) -> int:
    """Return what a member may do in the server, before any channel's overwrites."""
    guild = member.guild
    if member.id == guild.owner_id:
        return ALL
    value = guild.everyone.permissions
    for role_id in member.role_ids:
        value |= guild.roles[role_id].permissions
    return ALL if value & ADMINISTRATOR else value


def permissions_in(channel: FakeChannel, member: FakeMember) -> int:
    """Return what a member may do in a channel; a thread has its parent's overwrites."""
    value = permissions_in_guild(member)
    if value & ADMINISTRATOR:
        return ALL
    owner = channel.parent or channel
    value = _apply(value, [owner.overwrites.get(member.guild.id)])
    value = _apply(value, [owner.overwrites.get(role_id) for role_id in member.role_ids])
    value = _apply(value, [owner.overwrites.get(member.id)])
    if not value & VIEW_CHANNEL:
        return 0
    if not value & SEND_MESSAGES:
        value &= ~_LOST_WITHOUT_SEND
    return value


def _apply(value: int, overwrites: list[Overwrite | None]) -> int:
    deny = allow = 0
    for overwrite in overwrites:
        if overwrite is not None:
            deny |= overwrite.deny
            allow |= overwrite.allow
    return value & ~deny | allow
