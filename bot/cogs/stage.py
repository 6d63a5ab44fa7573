"""Where replies are shown: the channels, threads and DMs of scenes."""

from collections.abc import Sequence

import discord

from bot.cogs.pump import Pace
from bot.cogs.sending import ReplyMessages, write_heading
from bot.scenes.stage import NoteMessage, ReplyDisplay, StageError
from storage.records import SceneRecord


class DiscordStage:
    """Opens replies in the channels, threads and DMs of scenes."""

    def __init__(self, client: discord.Client, pace: Pace) -> None:
        self._client = client
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
        return ReplyMessages(
            # Partial: after a restart DMs and archived threads are in no cache.
            self._client.get_partial_messageable(scene.channel_id, guild_id=scene.guild_id),
            heading=write_heading(persona_name),
            scene_id=scene.id,
            lane=self._pace.open_lane(scene.channel_id),
            message_ids=message_ids,
            note_message=note_message,
        )

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
