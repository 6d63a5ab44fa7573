"""The face that each persona wears, and the voice that it speaks with in each place."""

import re
from dataclasses import dataclass

import aiohttp
import discord

from bot.cogs.avatars import Avatars, FindFile
from bot.cogs.parts import put_heading
from bot.cogs.pump import Pace, trace_limits
from bot.cogs.voices import FAILURES, Face, OwnVoice, Voice, VoiceLostError, WebhookVoice
from bot.cogs.webhooks import Perch, WebhookBook, WebhookChannel
from bot.splitting import split_message
from bot.text import shorten
from bot.words import say

_LONGEST_NAME = 80
_REFUSED_PARTS = re.compile("clyde|discord", re.IGNORECASE)
_REFUSED_NAMES = frozenset({"everyone", "here"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A persona in a place."""

    channel_id: int
    guild_id: int | None
    """None in direct messages."""
    persona_key: str
    persona_name: str


class Faces:
    """Opens voices: a webhook's where the place has one, the bot's own elsewhere."""

    def __init__(
        self,
        client: discord.Client,
        pace: Pace,
        find_file: FindFile,
        *,
        avatar_base_url: str,
    ) -> None:
        """Keep the parts.

        Args:
            client: Knows the channels.
            pace: How soon a message that failed is tried again; it is told of every 429.
            find_file: Where the personas' cards are, whose pictures are their faces.
            avatar_base_url: Where the pictures are, by the personas' keys; empty is in the cards.
        """
        self._client = client
        self._pacing = pace.pacing
        self._book = WebhookBook(client, trace_limits(pace))
        self._avatars = Avatars(
            client,
            find_file,
            base_url=avatar_base_url,
            patience_seconds=pace.pacing.notice_seconds,
        )

    async def aclose(self) -> None:
        """Close the webhooks' connections."""
        await self._avatars.aclose()
        await self._book.aclose()

    def open_own_voice(self, speaker: Speaker) -> OwnVoice:
        """The bot's own voice for a persona."""
        # Partial: after a restart DMs and archived threads are in no cache.
        channel = self._client.get_partial_messageable(
            speaker.channel_id, guild_id=speaker.guild_id
        )
        return OwnVoice(channel, speaker.persona_name)

    async def choose_voice(self, speaker: Speaker, own: OwnVoice) -> Voice:
        """The webhook's voice in a server's channel; where that cannot be, the bot's own."""
        in_server = speaker.guild_id is not None
        perch = await self._find_perch(speaker.channel_id) if in_server else None
        webhook = await self._book.find(perch) if perch is not None else None
        if perch is None or webhook is None:
            return own
        return WebhookVoice(
            self._book,
            perch,
            webhook,
            await self._make_face(speaker),
            pause_seconds=self._pacing.edit_seconds,
        )

    async def take_buttons(self, speaker: Speaker, message_id: int) -> None:
        """Take the buttons from a message, whichever voice it was said by; it may be gone."""
        own = self.open_own_voice(speaker)
        voice = await self.choose_voice(speaker, own)
        for each in (voice, own):
            try:
                await each.take_buttons(message_id)
            except (VoiceLostError, *FAILURES):
                continue
            return

    async def post_turn(
        self, speaker: Speaker, text: str, *, view: discord.ui.View
    ) -> tuple[int, ...]:
        """Post finished words of a persona, buttons under their end; returns the messages' ids.

        Raises:
            DiscordException: If Discord does not take them.
        """
        own = self.open_own_voice(speaker)
        voice = await self.choose_voice(speaker, own)
        ids: list[int] = []
        waiting = put_heading(voice.heading, split_message(text))
        while waiting:
            try:
                buttons = view if len(waiting) == 1 else None
                message = await voice.send(waiting[0], key=str(len(ids)), view=buttons)
            except VoiceLostError:
                voice = own
                waiting = put_heading(voice.heading, waiting)
                continue
            ids.append(message.id)
            waiting = waiting[1:]
        return tuple(ids)

    async def _make_face(self, speaker: Speaker) -> Face:
        """Name and picture of a persona, as a webhook shows them."""
        return Face(
            name=write_webhook_name(speaker.persona_name),
            avatar_url=await self._avatars.find_url(speaker.persona_key),
        )

    async def _find_perch(self, channel_id: int) -> Perch | None:
        """Where a webhook would speak; None where there are none, or Discord does not say."""
        try:
            place = await self._find_channel(channel_id)
            owner = place
            if isinstance(place, discord.Thread):
                owner = place.parent or await self._find_channel(place.parent_id)
        except (discord.DiscordException, aiohttp.ClientError, OSError):
            return None
        if not isinstance(owner, WebhookChannel):
            return None
        thread_id = channel_id if owner is not place else None
        return Perch(client=self._client, channel_id=channel_id, owner=owner, thread_id=thread_id)

    async def _find_channel(self, channel_id: int) -> object:
        """From the cache, or asked for: an archived thread, or before the gateway is there."""
        return self._client.get_channel(channel_id) or await self._client.fetch_channel(channel_id)


def write_webhook_name(persona_name: str) -> str:
    """A persona's name as Discord takes it of a webhook, at most 80 characters.

    Discord refuses names with "clyde" or "discord" in them, in any case, and "everyone" and "here"
    alone. A reply must not be lost for that, and a reader should still know the name: such a word
    is parted by a space, "Clyde" speaks as "Cl yde" and "Discordia" as "Dis cordia". A name of
    which nothing would be seen is replaced.
    """
    name = " ".join(persona_name.split())
    name = _REFUSED_PARTS.sub(lambda match: _part(match[0]), name)
    if name.casefold() in _REFUSED_NAMES:
        name = _part(name)
    return shorten(name, _LONGEST_NAME) or say("nameless")


def _part(word: str) -> str:
    return f"{word[: len(word) // 2]} {word[len(word) // 2 :]}"
