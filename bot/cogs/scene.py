"""`/scene`: the life of the scene that is played here."""

import re
from typing import Literal, Self, cast

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.play import post_greeting
from bot.cogs.replies import HasService, RefusedError, find_own_scene
from bot.cogs.scene_settings import SceneSettings
from bot.cogs.voices import FAILURES
from bot.errors import explain
from bot.scenes.service import SceneService
from bot.scenes.status import StatusReader
from bot.words import say
from personas.errors import PersonaError
from storage.errors import StorageError


class SceneCog(
    SceneSettings,
    commands.GroupCog,
    name="scene",
    description="The scene that is played here",
):
    """Begins scenes anew, and changes how they are played."""

    def __init__(self, service: SceneService, status: StatusReader) -> None:
        super().__init__()
        self._service = service
        self._status = status

    @app_commands.command()
    async def reset(self, interaction: discord.Interaction) -> None:
        """Begin the scene anew; asks first."""
        scene = await find_own_scene(self._service, interaction)
        persona = self._service.library.find(scene.persona_key)
        name = persona.name if persona else scene.persona_key
        view = discord.ui.View(timeout=None)
        view.add_item(ResetButton(scene.id, "yes"))
        view.add_item(ResetButton(scene.id, "no"))
        await interaction.response.send_message(
            say("reset_question", persona=name), view=view, ephemeral=True
        )


class ResetButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"troupe:reset:(?P<scene_id>\d+):(?P<choice>yes|no)",
):
    """The answer to the question of `/scene reset`; works after a restart too."""

    def __init__(self, scene_id: int, choice: Literal["yes", "no"]) -> None:
        styles = {"yes": discord.ButtonStyle.danger, "no": discord.ButtonStyle.secondary}
        super().__init__(
            discord.ui.Button(
                label=say(f"reset_{choice}"),
                style=styles[choice],
                custom_id=f"troupe:reset:{scene_id}:{choice}",
            )
        )
        self._scene_id = scene_id
        self._choice = choice

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: discord.ui.Item[discord.ui.View],  # noqa: ARG003
        match: re.Match[str],
    ) -> Self:
        """Read the button back from its id."""
        choice = cast("Literal['yes', 'no']", match["choice"])
        return cls(int(match["scene_id"]), choice)

    async def callback(self, interaction: discord.Interaction) -> None:
        """Begin anew, or keep the scene; the question goes in either case."""
        if self._choice == "no":
            await interaction.response.edit_message(content=say("reset_kept"), view=None)
            return
        service = cast("HasService", interaction.client).service
        try:
            scene = await find_own_scene(service, interaction)
            if scene.id != self._scene_id:
                raise RefusedError("scene_changed")
        except RefusedError as error:
            await interaction.response.edit_message(content=error.text, view=None)
            return
        await interaction.response.defer()
        try:
            playing = await service.reset(scene)
            if playing.greeting is not None:
                await post_greeting(service, interaction, playing)
            text = say("reset_done")
        except RefusedError as error:
            text = error.text
        except (PersonaError, StorageError, *FAILURES) as error:  # buttons have no error hook
            text = explain(error)
        await interaction.edit_original_response(content=text, view=None)
