"""From Discord's message to ours; no discord object goes further than this."""

import re

import discord

from bot.cogs.readable import read_additions, read_marks
from bot.messages import IncomingMessage, Quoted, write_scene_key

_STORY_TYPES = {discord.MessageType.default, discord.MessageType.reply}


def read_message(
    message: discord.Message, *, bot_user: discord.ClientUser, application_id: int | None
) -> IncomingMessage | None:
    """Read a message, or return None for our own and for Discord's system messages.

    Args:
        message: Discord's.
        bot_user: Who we are.
        application_id: Our application's, whose webhooks are ours.
    """

    def is_ours(other: discord.Message) -> bool:
        is_our_webhooks = other.webhook_id is not None and other.application_id == application_id
        return other.author.id == bot_user.id or is_our_webhooks

    if is_ours(message) or message.type not in _STORY_TYPES:
        return None
    # An answer to a command also has a webhook's id, which is then the application's.
    is_webhook = message.webhook_id not in {None, message.application_id}
    owner_id = message.application_id if is_webhook else None
    quoted = _find_replied_to(message)
    return IncomingMessage(
        message_id=message.id,
        scene_key=write_scene_key(message.channel.id),
        channel_id=message.channel.id,
        guild_id=message.guild.id if message.guild else None,
        author_id=owner_id or message.author.id,
        author_name=message.author.display_name,
        text=_read_text(message, bot_user),
        additions=read_additions(message),
        quoted=_read_quoted(quoted, bot_user, is_ours=is_ours(quoted)) if quoted else None,
        is_bot=message.author.bot or message.webhook_id is not None,
        is_webhook=is_webhook,
        is_direct=message.guild is None,
        mentions_bot=any(user.id == bot_user.id for user in message.mentions)
        and _mention(bot_user).search(message.content) is not None,
        replies_to_bot=quoted is not None and is_ours(quoted),
    )


def _find_replied_to(message: discord.Message) -> discord.Message | None:
    """The message that this one answers, as far as Discord sends it along."""
    reference = message.reference
    if reference is None or reference.type is not discord.MessageReferenceType.reply:
        return None
    return reference.resolved if isinstance(reference.resolved, discord.Message) else None


def _read_quoted(
    message: discord.Message, bot_user: discord.ClientUser, *, is_ours: bool
) -> Quoted:
    """What is answered; our own words without the heading are in the story only."""
    return Quoted(
        message_id=message.id,
        name=message.author.display_name,
        text="" if is_ours else _read_text(message, bot_user),
        additions=() if is_ours else read_additions(message),
    )


def _read_text(message: discord.Message, bot_user: discord.ClientUser) -> str:
    """What was written, without the mention that only calls the bot."""
    return read_marks(_mention(bot_user).sub("", message.content, count=1), message)


def _mention(bot_user: discord.ClientUser) -> re.Pattern[str]:
    return re.compile(rf"<@!?{bot_user.id}>")
