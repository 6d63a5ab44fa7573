"""The button that ends a reply: on the line that tells somebody's place in the queue."""

import re
from typing import Self, cast

import discord

from bot.cogs.replies import HasService, answer, read_place
from bot.words import say


class StopButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"troupe:stop:(?P<scene_id>\d+)",
):
    """Cancels the reply of a scene that waits or is being written; works after a restart too."""

    def __init__(self, scene_id: int, *, is_writing: bool = False) -> None:
        super().__init__(
            discord.ui.Button(
                label="■" if is_writing else say("queue_cancel"),
                style=discord.ButtonStyle.secondary,
                custom_id=f"troupe:stop:{scene_id}",
            )
        )
        self._scene_id = scene_id

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: discord.ui.Item[discord.ui.View],  # noqa: ARG003
        match: re.Match[str],
    ) -> Self:
        """Read the button back from its id."""
        return cls(int(match["scene_id"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        """End the reply, if it is still the one of this scene."""
        service = cast("HasService", interaction.client).service
        scene = await service.find(read_place(interaction).scene_key)
        stopped = scene is not None and scene.id == self._scene_id and service.stop(scene)
        await answer(interaction, "stopped" if stopped else "nothing_to_stop")


def make_stop_view(scene_id: int, *, is_writing: bool = False) -> discord.ui.View:
    """The button as a row of its own."""
    view = discord.ui.View(timeout=None)
    view.add_item(StopButton(scene_id, is_writing=is_writing))
    return view
