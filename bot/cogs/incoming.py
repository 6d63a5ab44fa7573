"""From Discord's message to ours; no discord object goes further than this."""

import re

import discord

from bot.messages import IncomingMessage, write_scene_key

_STORY_TYPES = {discord.MessageType.default, discord.MessageType.reply}


def read_message(
    message: discord.Message, *, bot_user: discord.ClientUser, application_id: int | None
) -> IncomingMessage | None:
    """Read a message, or return None for our own and for Discord's system messages.

    Args:
        message: Discord's.
        bot_user: Our account.
        application_id: Ours too; it stands on what our webhooks say, also from before a restart.
    """

    def is_ours(other: discord.Message) -> bool:
        is_our_webhooks = other.webhook_id is not None and other.application_id == application_id
        return other.author.id == bot_user.id or is_our_webhooks

    if is_ours(message) or message.type not in _STORY_TYPES:
        return None
    reference = message.reference.resolved if message.reference else None
    return IncomingMessage(
        message_id=message.id,
        scene_key=write_scene_key(message.channel.id),
        channel_id=message.channel.id,
        guild_id=message.guild.id if message.guild else None,
        author_id=message.author.id,
        author_name=message.author.display_name,
        text=_read_text(message, bot_user),
        is_bot=message.author.bot or message.webhook_id is not None,
        is_direct=message.guild is None,
        mentions_bot=any(user.id == bot_user.id for user in message.mentions)
        and _mention(bot_user).search(message.content) is not None,
        replies_to_bot=isinstance(reference, discord.Message) and is_ours(reference),
    )


def _read_text(message: discord.Message, bot_user: discord.ClientUser) -> str:
    """Mentions as names, without the one that only calls the bot."""
    content = _mention(bot_user).sub("", message.content, count=1).strip()
    if content == message.content.strip():
        return message.clean_content.strip()
    # clean_content reads the message's own text, so the call is taken off its result as well.
    name = message.guild.me.display_name if message.guild else bot_user.display_name
    return message.clean_content.replace(f"@{name}", "", 1).strip()


def _mention(bot_user: discord.ClientUser) -> re.Pattern[str]:
    return re.compile(rf"<@!?{bot_user.id}>")
