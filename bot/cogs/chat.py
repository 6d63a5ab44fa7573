"""Messages in: hop 1 of a message's path. It decides nothing."""

import contextlib

import discord
from discord.ext import commands

from bot.cogs.incoming import read_message
from bot.cogs.voices import FAILURES
from bot.errors import explain
from bot.messages import write_scene_key
from bot.scenes.service import SceneService
from bot.words import say
from personas.errors import PersonaError
from storage.errors import StorageError


class ChatCog(commands.Cog):
    """Hands every message to the service."""

    def __init__(self, bot: commands.Bot, service: SceneService) -> None:
        self._bot = bot
        self._service = service

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """A message came."""
        assert self._bot.user is not None  # noqa: S101 - known before the first event
        incoming = read_message(
            message, bot_user=self._bot.user, application_id=self._bot.application_id
        )
        if incoming is None:
            return
        addressed = incoming.is_direct or incoming.mentions_bot
        if addressed and not incoming.text and not incoming.is_bot:
            await _say_in(message.channel, say("nothing_to_read"))
            return
        try:
            await self._service.hear(incoming)
        except (PersonaError, StorageError) as error:
            await _say_in(message.channel, explain(error))

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """A message was deleted: nobody waits for an answer to it."""
        await self._service.take_back(write_scene_key(event.channel_id), [event.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Many were deleted at once."""
        await self._service.take_back(write_scene_key(event.channel_id), sorted(event.message_ids))


async def _say_in(channel: discord.abc.Messageable, text: str) -> None:
    """One plain line; where the bot may not write, nobody can be told."""
    with contextlib.suppress(*FAILURES):
        await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
