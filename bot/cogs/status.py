"""`/status`: the model, the queue, and how full this scene's window is."""

from collections.abc import Iterator

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.replies import answer_text, read_place
from bot.cogs.scene_settings import write_own
from bot.cogs.stop import make_stop_view
from bot.errors import say_wait
from bot.generation.types import EngineState
from bot.scenes.performer import SceneManner
from bot.scenes.status import Status, StatusReader
from bot.text import draw_bar
from bot.words import say
from personas.library import PersonaLibrary
from storage.records import ReplyFacts

_BAR_CELLS = 20
_BAR_MARKS = "█▓▒░"
"""Head, examples, turns, kept for the reply; what is free is a dot."""


class StatusCog(commands.Cog):
    """Tells how things are."""

    def __init__(self, reader: StatusReader, library: PersonaLibrary) -> None:
        self._reader = reader
        self._library = library

    @app_commands.command()
    async def status(self, interaction: discord.Interaction) -> None:
        """How busy the model is, your place, and how full this scene is."""
        status = await self._reader.read(read_place(interaction).scene_key)
        text = "\n".join(write_status(status, self._library))
        if status.place is not None and status.scene is not None:
            await interaction.response.send_message(
                text, view=make_stop_view(status.scene.id), ephemeral=True
            )
        else:
            await answer_text(interaction, text)


def write_status(status: Status, library: PersonaLibrary) -> Iterator[str]:
    """Yield the lines."""
    yield say("status_model", model=status.engine_name, state=_write_state(status))
    load = status.load
    yield say("status_load", running=load.running, waiting=load.waiting)
    if status.scene is None:
        yield say("status_no_scene")
        return
    if status.place is not None:
        wait = say_wait(status.place.seconds)
        yield say("status_place", number=status.place.number, wait=wait)
    else:
        persona = library.find(status.scene.persona_key)
        name = persona.name if persona else status.scene.persona_key
        yield say("status_playing", persona=name)
    if status.last is not None:
        yield from _write_last(status.last)
    if status.manner is not None:
        yield from _write_manner(status.manner)
    yield from _write_window(status)


def _write_state(status: Status) -> str:
    if status.engine_state is EngineState.LOADING and status.progress is not None:
        return say("status_loading_progress", percent=round(100 * status.progress))
    return say(f"status_{status.engine_state}")


def _write_last(facts: ReplyFacts) -> Iterator[str]:
    """What the newest reply cost; nothing for one whose engine told nothing."""
    if not facts.reply_tokens or facts.seconds is None:
        return
    writing = facts.seconds - (facts.prompt_seconds or 0)
    prompt = (facts.prompt_tokens or 0) + (facts.cached_tokens or 0)
    yield say(
        "status_last",
        tokens=facts.reply_tokens,
        speed=f"{facts.reply_tokens / writing:.1f}" if writing > 0 else "?",
        waited=f"{facts.waited_seconds or 0:.1f}",
        reused=round(100 * (facts.cached_tokens or 0) / prompt) if prompt else 0,
    )


def _write_manner(manner: SceneManner) -> Iterator[str]:
    choice = manner.choice
    yield say("status_format", format=choice.prompt_format.name, reason=choice.reason)
    if own := write_own(manner.layers):
        yield say("status_sampler", settings=own)


def _write_window(status: Status) -> Iterator[str]:
    prompt, window = status.prompt, status.context_length
    if prompt is None or prompt.shares is None or not window:
        return
    shares = prompt.shares
    used = (shares.head, shares.examples, shares.turns)
    parts = dict(zip(_BAR_MARKS, (*used, shares.reply), strict=True))
    yield say(
        "status_window",
        bar=draw_bar(parts, window, cells=_BAR_CELLS),
        used=sum(used),
        window=window,
        head=shares.head,
        examples=shares.examples,
        turns=shares.turns,
        reply=shares.reply,
        free=max(0, window - sum(used) - shares.reply),
    )
