"""`/scene format` and `/scene sampler`: how one scene is played, whatever the others do."""

import difflib
import json
from collections.abc import Iterator, Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.replies import (
    RefusedError,
    answer,
    answer_text,
    find_own_scene,
    may_manage,
    read_place,
)
from bot.generation.sampler_config import OPERATOR_ONLY, SamplerConfig, read_sampler
from bot.generation.sampler_layers import SamplerLayers, SamplerSource
from bot.generation.types import SamplerSettings
from bot.scenes.performer import SceneManner
from bot.scenes.service import SceneService
from bot.scenes.status import StatusReader
from bot.text import shorten
from bot.words import say
from storage.records import SceneRecord

_AUTO = "auto"
_CHOICES = 25
_NAME_LENGTH = 100
_VALUE_LENGTH = 80
_SETTINGS = [
    app_commands.Choice(name=name, value=name)
    for name in SamplerConfig.model_fields
    if name not in OPERATOR_ONLY
]


class SceneSettings(commands.Cog):
    """The part of `/scene` that changes how a scene is played; `SceneCog` is made of it."""

    _service: SceneService
    _status: StatusReader

    @app_commands.command(name="format")
    @app_commands.describe(name="How prompts are written here; auto leaves it to the model")
    async def format_(self, interaction: discord.Interaction, name: str) -> None:
        """Set how prompts are written in this scene; for managers."""
        scene = await self._get_scene(interaction)
        if not may_manage(interaction):
            raise RefusedError("format_managers_only")
        wanted = name.strip().lower()
        if wanted == _AUTO:
            await self._service.set_format(scene, None)
        else:
            manner = await self._get_manner(scene)
            if not manner.offered:
                raise RefusedError("format_elsewhere")
            await self._service.set_format(scene, _find_format(wanted, manner.offered))
        manner = await self._get_manner(await self._get_scene(interaction))
        choice = manner.choice
        await answer(
            interaction, "format_set", format=choice.prompt_format.name, reason=choice.reason
        )

    @format_.autocomplete("name")
    async def _suggest_formats(
        self, interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        scene = await self._service.find(read_place(interaction).scene_key)
        manner = await self._status.read_manner(scene)
        offered = manner.offered if manner else ()
        return [
            app_commands.Choice(name=name, value=name)
            for name in (_AUTO, *offered)
            if current.lower() in name.lower() and len(name) <= _NAME_LENGTH
        ][:_CHOICES]

    @app_commands.command()
    @app_commands.describe(
        setting="What to change; without one you see what is in force",
        value="A number, or a JSON list for texts; empty takes this scene's own away",
    )
    @app_commands.choices(setting=_SETTINGS)
    async def sampler(
        self,
        interaction: discord.Interaction,
        setting: app_commands.Choice[str] | None = None,
        value: str | None = None,
    ) -> None:
        """See or set how words are chosen in this scene."""
        if setting is None:
            if value is not None:
                raise RefusedError("sampler_which")
            manner = await self._get_manner(await self._get_scene(interaction))
            await answer_text(interaction, "\n".join(_write_layers(manner.layers)))
            return
        name = setting.value
        scene = await find_own_scene(self._service, interaction, refusal="sampler_not_allowed")
        text = (value or "").strip()
        config, problems = read_sampler({name: text or None}, refused=OPERATOR_ONLY)
        if problems:
            raise RefusedError("sampler_bad", name=name, value=text, reason=problems[0].reason)
        await self._service.set_sampler(scene, name, config)
        if not text:
            await answer(interaction, "sampler_cleared", name=name)
        else:
            chosen = _write_value(getattr(config, name))
            await answer(interaction, "sampler_set", name=name, value=chosen)

    async def _get_scene(self, interaction: discord.Interaction) -> SceneRecord:
        scene = await self._service.find(read_place(interaction).scene_key)
        if scene is None:
            raise RefusedError("no_scene")
        return scene

    async def _get_manner(self, scene: SceneRecord) -> SceneManner:
        """How the model is spoken to there.

        Raises:
            RefusedError: If the model is not there to be asked.
        """
        manner = await self._status.read_manner(scene)
        if manner is None:
            raise RefusedError("model_not_there")
        return manner


def _find_format(wanted: str, offered: Sequence[str]) -> str:
    """The format of this name, in any case.

    Raises:
        RefusedError: If there is none; with the nearest.
    """
    names = {name.lower(): name for name in (_AUTO, *offered)}
    if wanted not in names:
        nearest = difflib.get_close_matches(wanted[:_NAME_LENGTH], names, n=1, cutoff=0.0)
        raise RefusedError("format_unknown", name=wanted, nearest=names[nearest[0]])
    return names[wanted]


def _write_layers(layers: SamplerLayers) -> Iterator[str]:
    """Yield what is in force, but for what is off by nobody's choice."""
    yield say("sampler_title")
    settings, off = layers.settings, SamplerSettings()
    for name in SamplerConfig.model_fields:
        value, source = getattr(settings, name), layers.find_source(name)
        if value == getattr(off, name) and source is SamplerSource.CATALOGUE:
            continue
        where = say(f"sampler_from_{source}")
        yield say("sampler_line", name=name, value=_write_value(value), source=where)


def write_own(layers: SamplerLayers) -> str:
    """What persona and scene have chosen, in one line; empty if that is nothing."""
    own = (SamplerSource.PERSONA, SamplerSource.SCENE)
    settings = layers.settings
    return ", ".join(
        f"{name} {_write_value(getattr(settings, name))} ({say(f'sampler_from_{source}')})"
        for name in SamplerConfig.model_fields
        if (source := layers.find_source(name)) in own
    )


def _write_value(value: object) -> str:
    """A value as it would be typed, in a form that Discord does not format."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "`" + shorten(text.replace("`", "'"), _VALUE_LENGTH) + "`"
