"""Who a reply is spoken by: the bot under its own name, or a webhook with a persona's face."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
import discord

from bot.cogs.webhooks import Perch, WebhookBook

FAILURES = (discord.HTTPException, aiohttp.ClientError, OSError)
"""How discord.py says that a call did not work, after its own retries."""

_PINGS = discord.AllowedMentions.none()
_UNKNOWN_MESSAGE = 10008
_UNKNOWN_WEBHOOK = 10015
_TOO_MANY = 429
_SERVER_ERROR = 500
_TRIES = 3
_RECENT = 50
"""Messages that are looked through for one whose sending was not confirmed."""


class VoiceLostError(Exception):
    """This voice cannot speak here any more; what it said stays, and cannot be changed by it."""


class Voice(Protocol):
    """Speaks in one place, for one reply."""

    @property
    def heading(self) -> str:
        """What stands over the persona's words; empty where the message itself has the name."""
        ...

    async def send(self, text: str, *, key: str, view: discord.ui.View | None) -> discord.Message:
        """Send a part of a reply; sent again with the same key, it is still one message.

        Raises:
            VoiceLostError: If another voice must say it.
        """
        ...

    async def edit(self, message_id: int, text: str, *, view: discord.ui.View | None) -> None:
        """Change a message; `view` may be MISSING, which leaves its buttons as they are.

        Raises:
            NotFound: If the message is gone, or is not this voice's.
            VoiceLostError: If this voice cannot change it any more.
        """
        ...

    async def take_buttons(self, message_id: int) -> None:
        """Take the buttons from a message.

        Raises:
            NotFound: If the message is gone, or is not this voice's.
            VoiceLostError: If this voice cannot change it any more.
        """
        ...

    async def delete(self, message_id: int) -> None:
        """Delete a message.

        Raises:
            NotFound: If it is gone already, or is not this voice's.
            VoiceLostError: If this voice cannot delete it any more.
        """
        ...


class OwnVoice:
    """The bot itself: the persona's name stands in bold over its words."""

    def __init__(self, channel: discord.PartialMessageable, persona_name: str) -> None:
        self._channel = channel
        self.heading = write_heading(persona_name)
        self._nonce = secrets.token_hex(8)

    async def send(self, text: str, *, key: str, view: discord.ui.View | None) -> discord.Message:
        """Send a part; the same nonce gives back the message that Discord already has."""
        nonce = f"{self._nonce}-{key}"
        if view is None:
            return await self._channel.send(text, allowed_mentions=_PINGS, nonce=nonce)
        return await self._channel.send(text, allowed_mentions=_PINGS, nonce=nonce, view=view)

    async def edit(self, message_id: int, text: str, *, view: discord.ui.View | None) -> None:
        """Change a message of the bot's own."""
        message = self._channel.get_partial_message(message_id)
        await message.edit(content=text, allowed_mentions=_PINGS, view=view)

    async def take_buttons(self, message_id: int) -> None:
        """Take the buttons from a message of the bot's own."""
        await self._channel.get_partial_message(message_id).edit(view=None)

    async def delete(self, message_id: int) -> None:
        """Delete a message: its own always, others with Manage Messages."""
        await self._channel.get_partial_message(message_id).delete()

    async def show_typing(self) -> None:
        """Show for ten seconds that the bot is typing; a webhook cannot."""
        await self._channel.typing()


def write_heading(persona_name: str) -> str:
    """The persona's name over its words, while it speaks under the bot's own name."""
    return f"**{discord.utils.escape_markdown(persona_name)}**\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What people see beside a persona's words."""

    name: str
    """As Discord takes it of a webhook."""
    avatar_url: str | None = None
    """Discord fetches it itself; None is the webhook's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    """A message that may be there although Discord did not say so."""

    after_id: int
    """The channel's last message before the first try."""
    texts: set[str] = field(default_factory=set[str])


class WebhookVoice:
    """A webhook of the application, under the persona's name and with its face.

    Discord knows no nonce for webhooks. So when sending a message ends in a server error or in
    silence, the message is looked for in the channel before it is sent again.
    """

    heading = ""

    def __init__(
        self,
        book: WebhookBook,
        perch: Perch,
        webhook: discord.Webhook,
        face: Face,
        *,
        pause_seconds: float,
    ) -> None:
        """Keep the parts.

        Args:
            book: Finds the webhook again if it was deleted.
            perch: Where it speaks.
            webhook: One with our token.
            face: Who is seen to speak.
            pause_seconds: Before a failed message is tried again; each time longer.
        """
        self._book = book
        self._perch = perch
        self._webhook = webhook
        self._face = face
        self._pause_seconds = pause_seconds
        self._thread = discord.Object(perch.thread_id) if perch.thread_id else discord.utils.MISSING
        self._has_spoken = False
        self._doubts: dict[str, _Doubt] = {}

    async def send(self, text: str, *, key: str, view: discord.ui.View | None) -> discord.Message:
        """Send a part; what an earlier try has left in the channel is found and not sent again."""
        for attempt in range(_TRIES):
            try:
                message = await self._send_once(text, key, view)
            except FAILURES as error:
                if attempt == _TRIES - 1 or not _is_doubtful(error):
                    raise
                await asyncio.sleep(self._pause_seconds * 2**attempt)
            else:
                self._has_spoken = True
                return message
        raise AssertionError  # the last attempt returned or raised

    async def _send_once(
        self, text: str, key: str, view: discord.ui.View | None
    ) -> discord.Message:
        doubt = self._doubts.get(key)
        if doubt is not None and (found := await self._find_sent(doubt)):
            return found
        after_id = self._perch.find_last_message_id()
        try:
            message = await self._post(text, view)
        except FAILURES as error:
            if _is_doubtful(error):
                doubt = self._doubts.setdefault(key, _Doubt(after_id=after_id))
                doubt.texts.add(text)
            raise
        if message.channel.id != self._perch.channel_id:
            # Somebody moved the webhook: what is said here must not be read elsewhere.
            with suppress(*FAILURES):
                await self._webhook.delete_message(message.id)
            self._book.forget(self._perch)
            raise VoiceLostError
        return message

    async def _post(self, text: str, view: discord.ui.View | None) -> discord.Message:
        """Send it; a webhook that was deleted before its first word is made anew."""
        try:
            return await self._execute(text, view)
        except discord.HTTPException as error:
            if not _is_refusal(error):
                raise
            self._book.forget(self._perch)
            if self._has_spoken or error.code != _UNKNOWN_WEBHOOK:
                raise VoiceLostError from error
        webhook = await self._book.find(self._perch)
        if webhook is None:
            raise VoiceLostError
        self._webhook = webhook
        try:
            return await self._execute(text, view)
        except discord.HTTPException as error:
            if _is_refusal(error):
                raise VoiceLostError from error
            raise

    async def _execute(self, text: str, view: discord.ui.View | None) -> discord.Message:
        return await self._webhook.send(
            text,
            wait=True,
            username=self._face.name,
            avatar_url=self._face.avatar_url,
            allowed_mentions=_PINGS,
            thread=self._thread,
            view=discord.utils.MISSING if view is None else view,
        )

    async def _find_sent(self, doubt: _Doubt) -> discord.Message | None:
        """The message of an earlier try, if Discord carried it out."""
        for message in await self._perch.list_messages(after_id=doubt.after_id, limit=_RECENT):
            if message.webhook_id == self._webhook.id and message.content in doubt.texts:
                return message
        return None

    async def edit(self, message_id: int, text: str, *, view: discord.ui.View | None) -> None:
        """Change a message of this webhook."""
        try:
            await self._webhook.edit_message(
                message_id, content=text, allowed_mentions=_PINGS, view=view, thread=self._thread
            )
        except discord.HTTPException as error:
            self._check_lost(error)
            raise

    async def take_buttons(self, message_id: int) -> None:
        """Take the buttons from a message of this webhook."""
        try:
            await self._webhook.edit_message(message_id, view=None, thread=self._thread)
        except discord.HTTPException as error:
            self._check_lost(error)
            raise

    async def delete(self, message_id: int) -> None:
        """Delete a message of this webhook."""
        try:
            await self._webhook.delete_message(message_id, thread=self._thread)
        except discord.HTTPException as error:
            self._check_lost(error)
            raise

    def _check_lost(self, error: discord.HTTPException) -> None:
        if _is_refusal(error):
            self._book.forget(self._perch)
            raise VoiceLostError from error


def _is_refusal(error: discord.HTTPException) -> bool:
    """Whether the webhook itself is refused; a message that is gone is another matter."""
    is_ours = _TOO_MANY != error.status < _SERVER_ERROR
    return is_ours and error.code != _UNKNOWN_MESSAGE


def _is_doubtful(error: Exception) -> bool:
    """Whether what was asked may have been done: Discord did not say no."""
    return not isinstance(error, discord.HTTPException) or error.status >= _SERVER_ERROR
