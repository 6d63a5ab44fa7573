"""Messages in: hop 1 of a message's path. It decides nothing."""

import contextlib
from collections.abc import Sequence

import discord
from discord.ext import commands

from bot.cogs.incoming import read_message
from bot.cogs.parts import split_shown
from bot.cogs.voices import FAILURES
from bot.errors import explain
from bot.messages import IncomingMessage, write_scene_key
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
        incoming = self._read(message)
        if incoming is None:
            return
        addressed = incoming.is_direct or incoming.mentions_bot
        is_empty = not incoming.text and not incoming.additions
        if addressed and is_empty and not incoming.is_bot:
            await _say_in(message.channel, say("nothing_to_read"))
            return
        try:
            await self._service.hear(incoming)
        except (PersonaError, StorageError) as error:
            await _say_in(message.channel, explain(error))

    @commands.Cog.listener()
    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        """A message changed: by a person's edit, or because Discord shows more of it now."""
        if event.message.edited_at is None:
            return
        incoming = self._read(event.message)
        if incoming is not None:
            await self._service.change(incoming)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """A message was deleted."""
        await self._take_back(event.channel_id, [event.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Many were deleted at once."""
        await self._take_back(event.channel_id, sorted(event.message_ids))

    def _read(self, message: discord.Message) -> IncomingMessage | None:
        bot = self._bot
        assert bot.user is not None  # noqa: S101 - known before the first event
        return read_message(message, bot_user=bot.user, application_id=bot.application_id)

    async def _take_back(self, channel_id: int, message_ids: Sequence[int]) -> None:
        scene_key = write_scene_key(channel_id)
        await self._service.take_back(scene_key, message_ids, split=split_shown)


async def _say_in(channel: discord.abc.Messageable, text: str) -> None:
    """One plain line; where the bot may not write, nobody can be told."""
    with contextlib.suppress(*FAILURES):
        await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
