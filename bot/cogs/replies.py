"""What commands have in common: where they were called, private answers, persona names."""

import discord
from discord import app_commands

from bot.cogs.faces import Faces
from bot.messages import write_scene_key
from bot.prompting.untrusted import clean_name
from bot.scenes.service import Place, SceneService
from bot.text import MESSAGE_LIMIT, shorten
from bot.words import say
from personas.errors import PersonaNotFoundError
from personas.persona import Persona
from storage.records import SceneRecord

_FACT_LENGTH = 100


class HasService(discord.Client):
    """What buttons and greetings need of the client, which they reach by their interaction."""

    service: SceneService
    faces: Faces


class RefusedError(app_commands.AppCommandError):
    """A command that is not carried out; the text is the plain line for the person."""

    def __init__(self, key: str, **facts: object) -> None:
        super().__init__(key)
        # Discord takes 6,000 characters in an option, and 2,000 in an answer
        short = {
            name: shorten(fact, _FACT_LENGTH) if isinstance(fact, str) else fact
            for name, fact in facts.items()
        }
        self.text = say(key, **short)


async def answer(interaction: discord.Interaction, key: str, **facts: object) -> None:
    """Answer privately with words."""
    await answer_text(interaction, say(key, **facts))


async def answer_text(interaction: discord.Interaction, text: str) -> None:
    """Answer privately, first or later, whichever is still open; nobody is pinged."""
    pings = discord.AllowedMentions.none()
    text = shorten(text, MESSAGE_LIMIT)
    if interaction.response.is_done():
        await interaction.followup.send(text, ephemeral=True, allowed_mentions=pings)
    else:
        await interaction.response.send_message(text, ephemeral=True, allowed_mentions=pings)


def read_place(interaction: discord.Interaction) -> Place:
    """Where a command was called, and by whom.

    Raises:
        RefusedError: If it was called in no channel.
    """
    if interaction.channel_id is None:
        raise RefusedError("not_here")
    return Place(
        scene_key=write_scene_key(interaction.channel_id),
        person_id=interaction.user.id,
        person_name=interaction.user.display_name,
        channel_id=interaction.channel_id,
        guild_id=interaction.guild_id,
    )


def may_manage(interaction: discord.Interaction) -> bool:
    """Whether the asker manages the server; in direct messages everybody manages their own."""
    return interaction.guild_id is None or interaction.permissions.manage_guild


async def find_own_scene(
    service: SceneService, interaction: discord.Interaction, *, refusal: str = "reset_not_allowed"
) -> SceneRecord:
    """The scene that is played here, if the asker may change it: its opener or a manager.

    Raises:
        RefusedError: If there is none, or the asker may not; in the words of `refusal`.
    """
    scene = await service.find(read_place(interaction).scene_key)
    if scene is None:
        raise RefusedError("no_scene")
    is_manager = interaction.guild_id is not None and may_manage(interaction)
    if interaction.user.id != scene.opened_by_id and not is_manager:
        raise RefusedError(refusal, opener=clean_name(scene.opened_by_name))
    return scene


def get_persona(service: SceneService, name: str) -> Persona:
    """Find a persona by what a person typed or chose.

    Raises:
        RefusedError: If there is none; with the nearest.
    """
    persona = service.library.find(name)
    if persona is not None:
        return persona
    try:
        return service.library.get(name)
    except PersonaNotFoundError as error:
        if error.nearest:
            raise RefusedError(
                "persona_unknown_nearest", name=name, nearest=error.nearest
            ) from error
        raise RefusedError("persona_unknown", name=name) from error


def suggest_personas(service: SceneService, current: str) -> list[app_commands.Choice[str]]:
    """Autocomplete: at most 25 names."""
    return [
        app_commands.Choice(name=persona.name[:100], value=persona.key)
        for persona in service.library.search(current, limit=25)
    ]
