"""`/persona`: who can be played."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.replies import answer_text, get_persona, suggest_personas
from bot.prompting.macros import replace_macros
from bot.scenes.service import SceneService
from bot.text import MESSAGE_LIMIT, shorten
from bot.words import say
from personas.persona import Persona

_SUMMARY_LENGTH = 90
_FIELD_LENGTH = 600


class PersonaCog(commands.GroupCog, name="persona", description="Who can be played"):
    """Lists personas and shows one."""

    def __init__(self, service: SceneService) -> None:
        super().__init__()
        self._service = service

    @app_commands.command(name="list")
    async def list_(self, interaction: discord.Interaction) -> None:
        """Everybody who can be played."""
        await answer_text(interaction, _write_list(self._service.library.list()))

    @app_commands.command()
    @app_commands.describe(persona="Start typing a name")
    async def show(self, interaction: discord.Interaction, persona: str) -> None:
        """Who a persona is and how it greets."""
        chosen = get_persona(self._service, persona)
        user = interaction.user.display_name

        def field(text: str) -> str:
            filled = replace_macros(text, char=chosen.spoken_name, user=user).strip()
            return shorten(filled, _FIELD_LENGTH) or say("persona_show_nothing")

        await answer_text(
            interaction,
            say(
                "persona_show",
                name=chosen.name,
                description=field(chosen.description),
                scenario=field(chosen.scenario),
                greeting=field(chosen.greeting),
            ),
        )

    @show.autocomplete("persona")
    async def _suggest(
        self, _interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return suggest_personas(self._service, current)


def _write_list(personas: tuple[Persona, ...]) -> str:
    """As many lines as one message holds, and how many are left."""
    text = say("persona_list_title")
    for number, persona in enumerate(personas):
        summary = replace_macros(persona.description, char=persona.spoken_name, user="you")
        line = say(
            "persona_list_line",
            name=persona.name,
            summary=shorten(" ".join(summary.split()), _SUMMARY_LENGTH),
        )
        more = say("persona_list_more", count=len(personas) - number)
        if len(text) + len(line) + len(more) + 2 > MESSAGE_LIMIT:
            return f"{text}\n{more}"
        text += f"\n{line}"
    return text
