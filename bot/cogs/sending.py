"""A growing reply as Discord messages: one edit in flight, newest text wins, nobody is pinged."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Sequence
from typing import NamedTuple

import aiohttp
import discord

from bot.cogs.pump import Lane
from bot.cogs.stop import make_stop_view
from bot.errors import explain, say_wait
from bot.generation.types import EngineState, QueuePlace
from bot.scenes.stage import NoteMessage, StageError
from bot.splitting import split_message
from bot.text import has_sentence
from bot.words import say
from storage.errors import StorageError

_log = logging.getLogger(__name__)

_PINGS = discord.AllowedMentions.none()
_TRIES = 6
"""Of the last text, each after twice the time: with five seconds at first, two and a half minutes.
Discord's short troubles pass in that time, and the finished words are still there."""

FAILURES = (discord.HTTPException, aiohttp.ClientError, OSError)
"""How discord.py says that a call did not work, after its own retries."""


class _Part(NamedTuple):
    """One message as it should be."""

    text: str
    can_cancel: bool


class ReplyMessages:
    """The messages of one reply, kept up with its text by one task."""

    def __init__(
        self,
        channel: discord.PartialMessageable,
        *,
        heading: str,
        scene_id: int,
        lane: Lane,
        message_ids: Sequence[int],
        note_message: NoteMessage,
    ) -> None:
        self._channel = channel
        self._heading = heading
        self._scene_id = scene_id
        self._pacing = lane.pacing
        self._lane = lane
        self._note_message = note_message
        self._messages = [channel.get_partial_message(id_) for id_ in message_ids]
        self._written: list[_Part | None] = [None] * len(self._messages)
        self._target = ""
        self._can_cancel = False
        self._nonce = secrets.token_hex(8)
        self._changed = asyncio.Event()
        self._hurries = False
        self._closing = False
        self._has_text = asyncio.Event()
        self._writer = asyncio.create_task(self._keep_up(), name="reply-writer")
        self._typing = asyncio.create_task(self._keep_typing(), name="reply-typing")

    def show(self, text: str) -> None:
        """Have the text so far shown soon."""
        self._target = self._heading + text
        self._can_cancel = False
        self._has_text.set()
        self._changed.set()

    def wait_for_engine(self, state: EngineState) -> None:
        """Say that the answer will come by itself."""
        self._say_plainly(say(f"engine_{state}"))

    def wait_in_queue(self, place: QueuePlace) -> None:
        """Say who is before this reply, with a button that cancels it."""
        wait = say_wait(place.seconds)
        self._say_plainly(say("queue_place", number=place.number, wait=wait), can_cancel=True)

    def _say_plainly(self, line: str, *, can_cancel: bool = False) -> None:
        self._target, self._can_cancel = line, can_cancel
        self._has_text.set()
        self._hurries = True  # a plain line need not wait for a first sentence
        self._changed.set()

    async def finish(self, text: str) -> list[int]:
        """Show the whole text and return the ids of its messages.

        Raises:
            StageError: If Discord does not take it.
        """
        await self._settle()
        self._target, self._can_cancel = self._heading + text, False
        for attempt in range(_TRIES):
            try:
                await self._write()
                break
            except FAILURES as error:
                is_permanent = isinstance(error, discord.Forbidden | discord.NotFound)
                if is_permanent or attempt == _TRIES - 1:
                    message = f"the reply could not be shown: {error}"
                    raise StageError(message, is_permanent=is_permanent) from error
                _log.warning("a reply was not shown: %s", error, extra={"action": "show-failed"})
                await asyncio.sleep(self._pacing.retry_seconds * 2**attempt)
        return [message.id for message in self._messages]

    async def fail(self, error: Exception) -> None:
        """Say in one line what went wrong, in place of the reply."""
        await self._settle()
        self._target, self._can_cancel = explain(error), False
        with contextlib.suppress(*FAILURES):
            await self._write()

    async def discard(self) -> None:
        """Delete what was shown."""
        await self._settle()
        self._target = ""
        with contextlib.suppress(*FAILURES):
            await self._write()

    async def aclose(self) -> None:
        """Stop showing, also in the middle of an edit, and leave what is there."""
        self._lane.close()
        for task in (self._writer, self._typing):
            task.cancel()
        await asyncio.wait((self._writer, self._typing))

    async def _settle(self) -> None:
        """Let an edit in flight through, so that none comes after what is written next."""
        self._closing = True
        self._typing.cancel()
        self._changed.set()
        await asyncio.wait((self._writer,))

    async def _keep_up(self) -> None:
        """Write whenever the text changed and an edit is allowed again."""
        while not self._closing:
            await self._changed.wait()
            self._changed.clear()
            await self._wait_for_turn()
            if self._closing:
                return
            try:
                await self._write()
            except FAILURES as error:
                _log.warning("an edit failed: %s", error, extra={"action": "edit-failed"})

    async def _wait_for_turn(self) -> None:
        """Wait for the first sentence or for the time between edits; closing ends the wait."""
        loop = asyncio.get_running_loop()
        if not self._messages:
            deadline = loop.time() + self._pacing.first_text_seconds
            while not self._closing and not self._hurries and loop.time() < deadline:
                if has_sentence(self._target.removeprefix(self._heading)):
                    break
                await self._wait_for_change(deadline - loop.time())
        while not self._closing and loop.time() < (deadline := self._lane.next_at):
            await self._wait_for_change(deadline - loop.time())

    async def _wait_for_change(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()

    async def _write(self) -> None:
        """Bring the messages to the newest text: edit, send further parts, delete spare ones."""
        texts = split_message(self._target)
        parts = [_Part(text, self._can_cancel and not n) for n, text in enumerate(texts)]
        for number, part in enumerate(parts):
            if number == len(self._messages):
                await self._send(number, part)
            elif self._written[number] != part:
                await self._edit(number, part)
        while len(self._messages) > len(parts):
            message = self._messages.pop()
            self._written.pop()
            with contextlib.suppress(discord.NotFound):
                await message.delete()

    async def _send(self, number: int, part: _Part) -> None:
        await self._lane.take_place()
        try:
            # The same nonce when it is tried again: Discord then gives back the message it has.
            message = await self._post(part, nonce=f"{self._nonce}-{number}")
        finally:
            self._lane.note_write()
        self._messages.append(self._channel.get_partial_message(message.id))
        # A message of an earlier try has the text of that time.
        self._written.append(_Part(message.content, bool(message.components)))
        await self._note(message.id, number)

    async def _post(self, part: _Part, nonce: str) -> discord.Message:
        if part.can_cancel:
            view = make_stop_view(self._scene_id)
            return await self._channel.send(
                part.text, allowed_mentions=_PINGS, nonce=nonce, view=view
            )
        return await self._channel.send(part.text, allowed_mentions=_PINGS, nonce=nonce)

    async def _note(self, message_id: int, number: int) -> None:
        """Have a message remembered; a reply is not lost because that failed."""
        try:
            await self._note_message(message_id, number)
        except StorageError:
            _log.exception("a message was not noted", extra={"action": "note-failed"})

    async def _edit(self, number: int, part: _Part) -> None:
        pause = self._lane.next_at - asyncio.get_running_loop().time()
        if pause > 0:
            await asyncio.sleep(pause)
        await self._lane.take_place()
        try:
            await self._messages[number].edit(
                content=part.text, allowed_mentions=_PINGS, view=self._choose_view(number, part)
            )
        except discord.NotFound:
            # Somebody deleted it while it was written: it is sent anew only if it was a line of an
            # earlier try, which the person has not seen as a reply.
            if self._written[number] is None:
                message = await self._post(part, nonce=f"{self._nonce}-{number}-again")
                self._messages[number] = self._channel.get_partial_message(message.id)
                await self._note(message.id, number)
        finally:
            # Counted from the end: discord.py may hold a call back for a rate limit, and two starts
            # would then be closer than two calls of ours.
            self._lane.note_write()
        self._written[number] = part

    def _choose_view(self, number: int, part: _Part) -> discord.ui.View | None:
        """The button, or None to take it away; left as it is where there never was one."""
        if part.can_cancel:
            return make_stop_view(self._scene_id)
        before = self._written[number]
        return None if before is None or before.can_cancel else discord.utils.MISSING

    async def _keep_typing(self) -> None:
        """Show typing until the first text; without permission for it the reply still comes."""
        while not self._has_text.is_set():
            with contextlib.suppress(*FAILURES):
                await self._channel.typing()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pacing.typing_seconds):
                    await self._has_text.wait()


def write_heading(persona_name: str) -> str:
    """The persona's name over its words, while it speaks under the bot's own name."""
    return f"**{discord.utils.escape_markdown(persona_name)}**\n"


async def post_turn(
    channel: discord.abc.Messageable, *, persona_name: str, text: str
) -> tuple[int, ...]:
    """Post finished words of a persona and return the ids of the messages."""
    ids: list[int] = []
    for part in split_message(write_heading(persona_name) + text):
        message = await channel.send(part, allowed_mentions=_PINGS)
        ids.append(message.id)
    return tuple(ids)
