"""Where replies are shown: the channels, threads and DMs of scenes."""

from collections.abc import Sequence
from functools import partial

import discord

from bot.cogs.faces import Faces, Speaker
from bot.cogs.parts import Controls
from bot.cogs.pump import Pace
from bot.cogs.row import make_row
from bot.cogs.sending import ReplyMessages
from bot.cogs.stop import make_stop_view
from bot.scenes.stage import NoteMessage, ReplyDisplay, Row, StageError
from storage.records import SceneRecord


class DiscordStage:
    """Opens replies in the channels, threads and DMs of scenes."""

    def __init__(self, client: discord.Client, faces: Faces, pace: Pace) -> None:
        self._client = client
        self._faces = faces
        self._pace = pace

    async def open_reply(
        self,
        scene: SceneRecord,
        *,
        persona_name: str,
        message_ids: Sequence[int],
        note_message: NoteMessage,
    ) -> ReplyDisplay:
        """Get ready to show a reply in the scene's channel.

        Raises:
            StageError: If there is no channel, or it must not be written in.
        """
        if scene.channel_id is None or not self._may_write(scene.channel_id):
            message = f"scene {scene.id} has no channel to write in"
            raise StageError(message, is_permanent=True)
        speaker = Speaker(
            channel_id=scene.channel_id,
            guild_id=scene.guild_id,
            persona_key=scene.persona_key,
            persona_name=persona_name,
        )
        own_voice = self._faces.open_own_voice(speaker)
        return ReplyMessages(
            own_voice,
            partial(self._faces.choose_voice, speaker, own_voice),
            make_view=lambda controls: make_view(scene.id, controls),
            lane=self._pace.open_lane(scene.channel_id),
            message_ids=message_ids,
            note_message=note_message,
        )

    async def take_row(self, scene: SceneRecord, message_ids: Sequence[int]) -> None:
        """Take the row from the end of a reply; where that fails its buttons say so themselves."""
        if scene.channel_id is None or not message_ids:
            return
        speaker = Speaker(
            channel_id=scene.channel_id,
            guild_id=scene.guild_id,
            persona_key=scene.persona_key,
            persona_name="",
        )
        await self._faces.take_buttons(speaker, message_ids[-1])

    def _may_write(self, channel_id: int) -> bool:
        """Whether a reply could be shown, as far as is known: better asked before it is written."""
        channel = self._client.get_channel(channel_id)
        if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            return True
        allowed = channel.permissions_for(channel.guild.me)
        in_thread = isinstance(channel, discord.Thread)
        return allowed.view_channel and (
            allowed.send_messages_in_threads if in_thread else allowed.send_messages
        )


def make_view(scene_id: int, controls: Controls) -> discord.ui.View:
    """The buttons under a message of a reply."""
    if isinstance(controls, Row):
        return make_row(controls)
    return make_stop_view(scene_id, is_writing=controls == "stop")
