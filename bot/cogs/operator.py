"""`/admin`: for who hosts Troupe, registered only in the server that the settings name."""

from dataclasses import dataclass
from pathlib import Path

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.replies import RefusedError, answer, answer_text
from bot.engine_room import EngineRoom
from bot.generation.config import EngineConfig, ModelFileConfig, change_file, is_ggml
from bot.generation.errors import EngineError, EngineUnavailableError
from bot.words import say

_CHOICES = 25
_NAME_LENGTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What the operator commands work with."""

    server_id: int
    """The only server that has them."""
    room: EngineRoom


@app_commands.default_permissions(administrator=True)
class OperatorCog(commands.GroupCog, name="admin", description="For who hosts Troupe"):
    """Changes what runs."""

    def __init__(self, room: EngineRoom) -> None:
        super().__init__()
        self._room = room

    @app_commands.command()
    @app_commands.describe(file="A model file beside the present one; nothing tells what runs")
    async def model(self, interaction: discord.Interaction, file: str | None = None) -> None:
        """Tell which model is played on, or change it; nobody's turn is lost."""
        if not interaction.permissions.administrator:
            raise RefusedError("admin_only")
        if file is None:
            await answer(interaction, "admin_model", model=self._describe())
            return
        config = self._choose(file)
        await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            info = await self._room.change_model(config)
        except EngineError as error:
            # The only place where an error's own reason is shown: who reads it is the operator.
            reason = error.fix if isinstance(error, EngineUnavailableError) else str(error)
            await answer_text(interaction, say("admin_model_failed", reason=reason))
            return
        await answer(interaction, "admin_model_changed", model=file, window=info.context_length)

    @model.autocomplete("file")
    async def _suggest(
        self, _interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return [
            app_commands.Choice(name=name, value=name)
            for name in self._list_files()
            if current.lower() in name.lower() and len(name) <= _NAME_LENGTH
        ][:_CHOICES]

    def _describe(self) -> str:
        config = self._room.config
        return config.model.name if isinstance(config, ModelFileConfig) else str(config.url)

    def _list_files(self) -> list[str]:
        config = self._room.config
        if not isinstance(config, ModelFileConfig):
            return []
        folder = config.model.parent
        files = [*folder.glob("*.gguf"), *(f for f in folder.glob("*.bin") if is_ggml(f))]
        return sorted(file.name for file in files)

    def _choose(self, file: str) -> EngineConfig:
        """The present settings with another file of the same folder, and of no other.

        Raises:
            RefusedError: If there is none, a setting does not go with it, or the model runs
                elsewhere.
        """
        config = self._room.config
        if not isinstance(config, ModelFileConfig):
            raise RefusedError("admin_model_elsewhere", model=self._describe())
        if file not in self._list_files():
            files = ", ".join(self._list_files())
            raise RefusedError("admin_model_unknown", file=Path(file).name, files=files)
        try:
            return change_file(config, config.model.with_name(file))
        except ValueError as error:
            raise RefusedError("admin_model_failed", reason=error) from error
