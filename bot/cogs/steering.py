"""What row, panel and commands have in common: which reply is meant, who may, what came of it."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import cast

import discord

from bot.cogs.replies import HasService, RefusedError, answer, answer_text, may_manage, read_place
from bot.cogs.voices import FAILURES
from bot.errors import explain
from bot.prompting.untrusted import clean_name
from bot.scenes.stage import StageError
from bot.scenes.steering import Reply
from storage.errors import StorageError

_PATIENCE_SECONDS = 14 * 60.0
"""An interaction can be answered for a quarter of an hour."""


async def get_reply(interaction: discord.Interaction, *, message_id: int | None = None) -> Reply:
    """The reply that a message shows, or the newest one, if the asker may change it.

    Raises:
        RefusedError: If there is none, it is not the newest, or the asker may not.
    """
    place = read_place(interaction)
    steering = cast("HasService", interaction.client).service.steering
    reply = await steering.find_reply(place.scene_key, message_id)
    if reply is None:
        raise RefusedError("no_reply")
    if not reply.is_newest:
        raise RefusedError("reply_is_older")
    may_press = {reply.asker_id, reply.scene.opened_by_id}
    if place.person_id not in may_press and not may_manage(interaction):
        raise RefusedError("reply_not_yours", opener=clean_name(reply.scene.opened_by_name))
    return reply


async def await_outcome(
    interaction: discord.Interaction, outcome: "asyncio.Future[Exception | None] | None"
) -> None:
    """Tell the asker alone what went wrong; success is seen by all."""
    if outcome is None:
        await answer(interaction, "reply_being_written")
        return
    done, _ = await asyncio.wait({outcome}, timeout=_PATIENCE_SECONDS)
    error = outcome.result() if done and not outcome.cancelled() else None
    if error is not None:
        await answer_text(interaction, explain(error))


async def run_privately(
    interaction: discord.Interaction, work: "Coroutine[object, object, None]"
) -> None:
    """Run what a button or modal does: they have no error hook, and a person gets one line."""
    try:
        await work
    except RefusedError as error:
        text = error.text
    except (StorageError, StageError, *FAILURES) as error:
        text = explain(error)
    else:
        return
    with contextlib.suppress(*FAILURES):
        await answer_text(interaction, text)
