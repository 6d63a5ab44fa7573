"""The private panel behind `⋯`: more of a reply, shorter, longer, with a hint, edited."""

import re
from typing import Literal, Self, cast

import discord

from bot.cogs.replies import HasService, RefusedError
from bot.cogs.steering import await_outcome, get_reply, run_privately
from bot.prompting.prompt import LENGTH_WORDS
from bot.scenes.steering import Reply
from bot.words import say
from storage.records import SwipeKind, SwipeOrder

_Action = Literal["continue", "shorter", "longer", "hint", "edit"]
_ACTIONS: tuple[_Action, ...] = ("continue", "shorter", "longer", "hint", "edit")
_USUAL_LENGTH = "medium"
LONGEST_HINT = 300
_LONGEST_TEXT = 4000
"""What a modal takes."""


async def open_panel(interaction: discord.Interaction, reply: Reply) -> None:
    """Show the panel to whoever asked."""
    view = discord.ui.View(timeout=None)
    for action in _ACTIONS:
        view.add_item(PanelButton(action, reply.turn.id))
    await interaction.response.send_message(say("panel_title"), view=view, ephemeral=True)


class PanelButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"troupe:panel:(?P<action>continue|shorter|longer|hint|edit):(?P<turn_id>\d{1,18})",
):
    """One thing to do with a reply; works after a restart too."""

    def __init__(self, action: _Action, turn_id: int) -> None:
        super().__init__(
            discord.ui.Button(
                label=say(f"panel_{action}"),
                style=discord.ButtonStyle.secondary,
                custom_id=f"troupe:panel:{action}:{turn_id}",
            )
        )
        self._action: _Action = action
        self._turn_id = turn_id

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: discord.ui.Item[discord.ui.View],  # noqa: ARG003
        match: re.Match[str],
    ) -> Self:
        """Read the button back from its id."""
        return cls(cast("_Action", match["action"]), int(match["turn_id"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Do it, or ask for the words first."""
        await run_privately(interaction, self._press(interaction))

    async def _press(self, interaction: discord.Interaction) -> None:
        reply = await get_same_reply(interaction, self._turn_id)
        if self._action == "edit" and len(reply.turn.text) > _LONGEST_TEXT:
            raise RefusedError("edit_too_long", limit=_LONGEST_TEXT)
        if self._action in {"hint", "edit"}:
            await interaction.response.send_modal(_make_modal(self._action, reply))
            return
        await interaction.response.defer()
        await order(interaction, reply, _write_order(self._action, reply))


class HintModal(discord.ui.Modal):
    """Asks what the next alternative should be like."""

    hint: "discord.ui.TextInput[HintModal]" = discord.ui.TextInput(
        label=say("hint_label"), style=discord.TextStyle.paragraph, max_length=LONGEST_HINT
    )

    def __init__(self, turn_id: int) -> None:
        super().__init__(title=say("panel_hint"))
        self._turn_id = turn_id

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Have it written."""
        await run_privately(interaction, self._submit(interaction))

    async def _submit(self, interaction: discord.Interaction) -> None:
        reply = await get_same_reply(interaction, self._turn_id)
        await interaction.response.defer()
        await order(interaction, reply, SwipeOrder(hint=self.hint.value.strip()))


class EditModal(discord.ui.Modal):
    """Asks for the words that the reply should have."""

    text: "discord.ui.TextInput[EditModal]" = discord.ui.TextInput(
        label=say("edit_label"), style=discord.TextStyle.paragraph, max_length=_LONGEST_TEXT
    )

    def __init__(self, reply: Reply) -> None:
        super().__init__(title=say("panel_edit"))
        self.text.default = reply.turn.text
        self._turn_id = reply.turn.id

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Put the words in; what was said before stays as an alternative."""
        await run_privately(interaction, self._submit(interaction))

    async def _submit(self, interaction: discord.Interaction) -> None:
        reply = await get_same_reply(interaction, self._turn_id)
        text = self.text.value.strip()
        if not text:
            raise RefusedError("edit_empty")
        await interaction.response.defer()
        steering = cast("HasService", interaction.client).service.steering
        if not await steering.rewrite(reply, text):
            raise RefusedError("reply_being_written")


async def get_same_reply(interaction: discord.Interaction, turn_id: int) -> Reply:
    """The newest reply, if it is still the one that the panel was opened for.

    Raises:
        RefusedError: If it is not, or the asker may not change it.
    """
    reply = await get_reply(interaction)
    if reply.turn.id != turn_id:
        raise RefusedError("reply_is_older")
    return reply


async def order(interaction: discord.Interaction, reply: Reply, wanted: SwipeOrder) -> None:
    """Have another alternative written, and tell the asker alone what goes wrong."""
    steering = cast("HasService", interaction.client).service.steering
    await await_outcome(interaction, await steering.order(reply, wanted))


def _make_modal(action: _Action, reply: Reply) -> discord.ui.Modal:
    return HintModal(reply.turn.id) if action == "hint" else EditModal(reply)


def _write_order(action: _Action, reply: Reply) -> SwipeOrder:
    if action == "continue":
        return SwipeOrder(kind=SwipeKind.MORE)
    step = -1 if action == "shorter" else 1
    return SwipeOrder(length_word=_step_length(reply.length_word, step))


def _step_length(word: str | None, step: int) -> str:
    """The next length word; from auto it is counted from the usual one."""
    place = LENGTH_WORDS.index(word if word in LENGTH_WORDS else _USUAL_LENGTH)
    return LENGTH_WORDS[min(max(place + step, 0), len(LENGTH_WORDS) - 1)]
