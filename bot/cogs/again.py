"""`/regenerate` and `/continue`: the newest reply once more, or more of it."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.panel import LONGEST_HINT, order
from bot.cogs.replies import answer
from bot.cogs.steering import get_reply
from bot.prompting.prompt import LENGTH_WORDS
from storage.records import SwipeKind, SwipeOrder

_LENGTHS = [app_commands.Choice(name=word, value=word) for word in LENGTH_WORDS]


class AgainCog(commands.Cog):
    """What the row under a reply does, for whoever prefers to type."""

    @app_commands.command()
    @app_commands.describe(
        hint="What it should be like; nobody else sees this",
        length="How long it should be, this one time",
    )
    @app_commands.choices(length=_LENGTHS)
    async def regenerate(
        self,
        interaction: discord.Interaction,
        hint: app_commands.Range[str, 1, LONGEST_HINT] | None = None,
        length: app_commands.Choice[str] | None = None,
    ) -> None:
        """Another alternative of the last reply; the arrows under it lead back."""
        reply = await get_reply(interaction)
        await answer(interaction, "regenerating")
        wanted = SwipeOrder(hint=(hint or "").strip(), length_word=length.value if length else None)
        await order(interaction, reply, wanted)

    @app_commands.command(name="continue")
    async def continue_(self, interaction: discord.Interaction) -> None:
        """More of the last reply; the arrows under it lead back."""
        reply = await get_reply(interaction)
        await answer(interaction, "continuing")
        await order(interaction, reply, SwipeOrder(kind=SwipeKind.MORE))
