"""Messages in: hop 1 of a message's path. It decides nothing."""

import logging

import discord
from discord.ext import commands

from bot.cogs.incoming import read_message
from bot.scenes.service import SceneService

_log = logging.getLogger(__name__)


class ChatCog(commands.Cog):
    """Hands every message to the service."""

    def __init__(self, bot: commands.Bot, service: SceneService) -> None:
        self._bot = bot
        self._service = service

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """A message came."""
        assert self._bot.user is not None  # noqa: S101 - known before the first event
        incoming = read_message(message, bot_user=self._bot.user)
        if incoming is not None:
            await self._service.hear(incoming)
