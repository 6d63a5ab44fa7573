"""`/play`, `/length`, `/stop`, `/help`: what players use."""

from typing import cast

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.faces import Speaker
from bot.cogs.replies import (
    HasService,
    RefusedError,
    answer,
    get_persona,
    read_place,
    suggest_personas,
)
from bot.cogs.row import make_row
from bot.cogs.voices import FAILURES
from bot.prompting.prompt import LENGTH_WORDS
from bot.scenes.service import Playing, SceneService
from bot.scenes.stage import Row

_LENGTHS = [app_commands.Choice(name=word, value=word) for word in ("auto", *LENGTH_WORDS)]


class PlayCog(commands.Cog):
    """Starts, steers and explains scenes."""

    def __init__(self, service: SceneService, default_persona: str) -> None:
        self._service = service
        self._default_persona = default_persona

    @app_commands.command()
    @app_commands.describe(persona="Who plays; start typing a name")
    async def play(self, interaction: discord.Interaction, persona: str | None = None) -> None:
        """Start a scene here, or switch to another persona."""
        chosen = get_persona(self._service, persona or self._default_persona)
        place = read_place(interaction)
        require_writing(interaction)
        # Before anything goes over the network: what is said from now on reaches the new scene.
        playing = await self._service.play(place, chosen)
        await interaction.response.defer(ephemeral=True, thinking=True)
        if playing.greeting is not None:
            await post_greeting(self._service, interaction, playing)
        key = "already_playing" if playing.was_open else "playing" if playing.is_new else "resumed"
        await answer(interaction, key, persona=chosen.name)

    @play.autocomplete("persona")
    async def _suggest(
        self, _interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return suggest_personas(self._service, current)

    @app_commands.command()
    @app_commands.describe(word="From micro to unlimited; auto leaves it to the model")
    @app_commands.choices(word=_LENGTHS)
    async def length(
        self, interaction: discord.Interaction, word: app_commands.Choice[str]
    ) -> None:
        """Set how long replies are in this scene."""
        scene = await self._service.find(read_place(interaction).scene_key)
        if scene is None:
            raise RefusedError("no_scene")
        await self._service.set_length(scene, None if word.value == "auto" else word.value)
        await answer(
            interaction, "length_auto" if word.value == "auto" else "length_set", word=word.value
        )

    @app_commands.command()
    async def stop(self, interaction: discord.Interaction) -> None:
        """End the reply that is being written; what is there stays."""
        scene = await self._service.find(read_place(interaction).scene_key)
        stopped = scene is not None and self._service.stop(scene)
        await answer(interaction, "stopped" if stopped else "nothing_to_stop")

    @app_commands.command(name="help")
    async def help_(self, interaction: discord.Interaction) -> None:
        """What I do, on one screen."""
        await answer(interaction, "help")


def require_writing(interaction: discord.Interaction) -> None:
    """Refuse early where a scene's replies could not be sent.

    Raises:
        RefusedError: If the bot may not see the channel or write in it.
    """
    if interaction.guild_id is None:
        return
    allowed = interaction.app_permissions
    in_thread = isinstance(interaction.channel, discord.Thread)
    may_send = allowed.send_messages_in_threads if in_thread else allowed.send_messages
    if not (allowed.view_channel and may_send):
        raise RefusedError("cannot_write_here")


async def post_greeting(
    service: SceneService, interaction: discord.Interaction, playing: Playing
) -> None:
    """Post a new scene's greeting as the persona and note its messages.

    A scene whose greeting does not arrive is undone: what is shown is what the model sees.

    Raises:
        RefusedError: If the bot may not write there.
        DiscordException: If Discord does not take it for another reason.
    """
    greeting, channel_id = playing.greeting, interaction.channel_id
    assert greeting is not None  # noqa: S101 - the caller looked
    assert channel_id is not None  # noqa: S101 - read_place looked
    speaker = Speaker(
        channel_id=channel_id,
        guild_id=interaction.guild_id,
        persona_key=playing.persona.key,
        persona_name=greeting.name,
    )
    try:
        faces = cast("HasService", interaction.client).faces
        alternatives = await service.steering.count(greeting)
        row = make_row(Row(shown=alternatives.shown, count=alternatives.count))
        ids = await faces.post_turn(speaker, greeting.text, view=row)
    except FAILURES as error:
        await service.withdraw(playing)
        if isinstance(error, discord.Forbidden):
            raise RefusedError("cannot_write_here") from error
        raise
    await service.attach_greeting(greeting, ids, channel_id)
