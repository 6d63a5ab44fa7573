"""From Discord's message to ours; no discord object goes further than this."""

import re

import discord

from bot.messages import IncomingMessage, write_scene_key

_STORY_TYPES = {discord.MessageType.default, discord.MessageType.reply}


def read_message(
    message: discord.Message, *, bot_user: discord.ClientUser
) -> IncomingMessage | None:
    """Read a message, or return None for our own and for Discord's system messages."""
    if message.author.id == bot_user.id or message.type not in _STORY_TYPES:
        return None
    reference = message.reference.resolved if message.reference else None
    replied_to = reference.author.id if isinstance(reference, discord.Message) else None
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
        replies_to_bot=replied_to == bot_user.id,
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
