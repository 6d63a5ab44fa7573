"""Which session gets which event, and what it may read of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_discord.permissions import VIEW_CHANNEL

if TYPE_CHECKING:
    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.messages import FakeMessage

MESSAGE_CONTENT = 1 << 15
GUILD_MEMBERS = 1 << 1
_GUILDS, _WEBHOOKS = 1 << 0, 1 << 5
# event prefix -> the intent in servers, the intent in private channels
_INTENTS = {
    "GUILD_MEMBER": (GUILD_MEMBERS, 0),
    "GUILD": (_GUILDS, 0),
    "CHANNEL": (_GUILDS, 0),
    "THREAD": (_GUILDS, 0),
    "WEBHOOKS": (_WEBHOOKS, 0),
    "MESSAGE_REACTION": (1 << 10, 1 << 13),
    "MESSAGE": (1 << 9, 1 << 12),
    "TYPING": (1 << 11, 1 << 14),
}
_HIDDEN: dict[str, Any] = {"content": "", "embeds": [], "attachments": [], "components": []}

_LEFT_OUT = {"poll", "message_snapshots"}


def needed_intent(event: str, *, in_guild: bool) -> int:
    """Return the intent that an event needs; 0 if everybody gets it."""
    for prefix, (guild_intent, private_intent) in _INTENTS.items():
        if event.startswith(prefix):
            return guild_intent if in_guild else private_intent
    return 0


def can_bot_see(channel: FakeChannel | None) -> bool:
    """Whether events of a channel reach the bot at all."""
    return channel is None or bool(channel.permissions_of_bot() & VIEW_CHANNEL)


def hide_content(data: dict[str, Any], message: FakeMessage) -> dict[str, Any]:
    """Return a message's payload as an application without the content intent gets it."""
    if not is_content_shown(message):
        data = {key: value for key, value in data.items() if key not in _LEFT_OUT} | _HIDDEN
    if data.get("referenced_message") and message.reply_to_id is not None:
        target = message.channel.all_messages[message.reply_to_id]
        data = data | {"referenced_message": hide_content(data["referenced_message"], target)}
    return data


def is_content_shown(message: FakeMessage) -> bool:
    """Whether a bot reads a message without that intent: private, its own, or it is mentioned."""
    world = message.channel.world
    return (
        message.channel.is_private
        or message.author is world.bot_user
        or message.application_id == world.application_id
        or world.bot_user in message.mentions
    )
