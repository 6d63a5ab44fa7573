"""The row under the newest reply: `◀ 2/3 ▶ ↻ ⋯`; while it is being written, only `■`.

Buttons carry what they do and what the presser saw; which reply they mean is told by the message
that they stand under. So they work after a restart, and of two clicks only one has an effect.
"""

import re
from typing import Literal, Self, cast

import discord

from bot.cogs.panel import open_panel
from bot.cogs.replies import HasService, answer
from bot.cogs.steering import await_outcome, get_reply, run_privately
from bot.scenes.stage import Row
from storage.records import SwipeOrder

_Action = Literal["show", "new", "again", "more"]


class RowButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"troupe:row:(?P<action>show|new|again|more):(?P<number>\d{1,6})",
):
    """One button of the row."""

    def __init__(
        self, action: _Action, number: int, *, label: str = "", disabled: bool = False
    ) -> None:
        super().__init__(
            discord.ui.Button(
                label=label or "·",
                style=discord.ButtonStyle.secondary,
                disabled=disabled,
                custom_id=f"troupe:row:{action}:{number}",
            )
        )
        self._action: _Action = action
        self._number = number

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: discord.ui.Item[discord.ui.View],  # noqa: ARG003
        match: re.Match[str],
    ) -> Self:
        """Read the button back from its id."""
        return cls(cast("_Action", match["action"]), int(match["number"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Do what the button says; whatever goes wrong is one private line."""
        await run_privately(interaction, self._press(interaction))

    async def _press(self, interaction: discord.Interaction) -> None:
        steering = cast("HasService", interaction.client).service.steering
        message = interaction.message
        reply = await get_reply(interaction, message_id=message.id if message else None)
        if self._action == "more":
            await open_panel(interaction, reply)
            return
        await interaction.response.defer()
        if self._action == "show":
            if not await steering.show(reply, self._number):
                await answer(interaction, "reply_being_written")
            return
        outcome = await steering.order(reply, SwipeOrder(), expected=self._number)
        await await_outcome(interaction, outcome)


def make_row(row: Row) -> discord.ui.View:
    """The row of a finished reply."""
    view = discord.ui.View(timeout=None)
    is_last = row.shown == row.count - 1
    view.add_item(RowButton("show", max(0, row.shown - 1), label="◀", disabled=row.shown == 0))
    place = discord.ui.Button[discord.ui.View](
        label=f"{row.shown + 1}/{row.count}", disabled=True, custom_id="troupe:row:place"
    )
    view.add_item(place)
    if is_last:
        view.add_item(RowButton("new", row.count, label="▶"))
    else:
        view.add_item(RowButton("show", row.shown + 1, label="▶"))
    view.add_item(RowButton("again", row.count, label="↻"))
    view.add_item(RowButton("more", row.count, label="⋯"))
    return view
