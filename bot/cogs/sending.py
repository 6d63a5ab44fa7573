"""A growing reply as messages: one edit in flight, newest text wins, nothing lost with a voice."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence

import discord

from bot.cogs.parts import Controls, Part, Target, find_rest, plan_parts, put_heading
from bot.cogs.pump import Lane
from bot.cogs.voices import FAILURES, OwnVoice, Voice, VoiceLostError
from bot.errors import explain, say_wait
from bot.generation.types import EngineState, QueuePlace
from bot.scenes.stage import NoteMessage, Row, StageError
from bot.splitting import split_message
from bot.text import has_sentence
from bot.words import say
from storage.errors import StorageError

_log = logging.getLogger(__name__)

_TRIES = 6
"""Of the last text, each after twice the time: with five seconds at first, two and a half minutes.
Discord's short troubles pass in that time, and the finished words are still there."""

ChooseVoice = Callable[[], Awaitable[Voice]]
"""Asked once, while the model still reads: finding a webhook takes a moment."""


class ReplyMessages:
    """The messages of one reply, kept up with its text by one task."""

    def __init__(
        self,
        own_voice: OwnVoice,
        choose_voice: ChooseVoice,
        *,
        make_view: Callable[[Controls], discord.ui.View],
        lane: Lane,
        message_ids: Sequence[int],
        note_message: NoteMessage,
    ) -> None:
        self._own_voice = own_voice
        self._choose_voice = choose_voice
        self._voice: Voice | None = None
        self._make_controls = make_view
        self._pacing = lane.pacing
        self._lane = lane
        self._note_message = note_message
        self._ids = list(message_ids)
        self._written: list[Part | None] = [None] * len(self._ids)
        self._kept: list[tuple[int, str]] = []
        """Messages of a voice that was lost, and what they show; they come before the others."""
        self._target = Target(is_plain=True)
        self._changed = asyncio.Event()
        self._hurries = False
        self._closing = False
        self._has_text = asyncio.Event()
        self._writer = asyncio.create_task(self._keep_up(), name="reply-writer")
        self._typing = asyncio.create_task(self._keep_typing(), name="reply-typing")

    def show(self, text: str) -> None:
        """Have the text so far shown soon."""
        self._target = Target(text, controls="stop")
        self._has_text.set()
        self._changed.set()

    def wait_for_engine(self, state: EngineState) -> None:
        """Say that the answer will come by itself."""
        self._say_plainly(say(f"engine_{state}"))

    def wait_in_queue(self, place: QueuePlace) -> None:
        """Say who is before this reply, with a button that cancels it."""
        wait = say_wait(place.seconds)
        self._say_plainly(say("queue_place", number=place.number, wait=wait), controls="cancel")

    def _say_plainly(self, line: str, *, controls: Controls | None = None) -> None:
        self._target = Target(line, is_plain=True, controls=controls)
        self._has_text.set()
        self._hurries = True  # a plain line need not wait for a first sentence
        self._changed.set()

    async def finish(self, text: str, *, row: Row) -> list[int]:
        """Show the whole text with its row and return the ids of its messages.

        Raises:
            StageError: If Discord does not take it.
        """
        await self._settle()
        self._target = Target(text, controls=row)
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
        return [*(message_id for message_id, _ in self._kept), *self._ids]

    async def fail(self, error: Exception) -> None:
        """Say in one line what went wrong, in place of the reply."""
        await self._settle()
        self._target = Target(explain(error), is_plain=True)
        with contextlib.suppress(*FAILURES):
            await self._write()

    async def discard(self) -> None:
        """Delete what was shown."""
        await self._settle()
        self._target = Target(is_plain=True)
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
        await self._find_voice()
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
        if not self._ids and not self._kept:
            deadline = loop.time() + self._pacing.first_text_seconds
            while not self._closing and not self._hurries and loop.time() < deadline:
                if has_sentence(self._target.text):
                    break
                await self._wait_for_change(deadline - loop.time())
        while not self._closing and loop.time() < (deadline := self._lane.next_at):
            await self._wait_for_change(deadline - loop.time())

    async def _wait_for_change(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()

    async def _find_voice(self) -> Voice:
        if self._voice is None:
            self._voice = await self._choose_voice()
        return self._voice

    async def _write(self) -> None:
        """Bring the messages to the newest text, with the bot's own voice if the other is lost."""
        try:
            await self._bring_up_to_date(await self._find_voice())
        except VoiceLostError:
            await self._lose_voice()
            await self._bring_up_to_date(self._own_voice)

    async def _bring_up_to_date(self, voice: Voice) -> None:
        """Edit what differs, send further parts, delete spare ones."""
        parts = await self._plan(voice)
        for number, part in enumerate(parts):
            if number == len(self._ids):
                await self._send(voice, number, part)
            elif self._written[number] != part:
                await self._edit(voice, number, part)
        while len(self._ids) > len(parts):
            await self._forget(self._ids[-1])
            with contextlib.suppress(discord.NotFound):
                await voice.delete(self._ids[-1])
            self._ids.pop()
            self._written.pop()

    async def _plan(self, voice: Voice) -> list[Part]:
        """The messages as they should be, after those that a lost voice has left."""
        target = self._target
        rest = None
        if self._kept and not target.is_plain:
            rest = find_rest(split_message(target.text), [text for _, text in self._kept])
        if rest is None:
            await self._drop_kept()
            rest = [target.text]
        texts = put_heading("" if target.is_plain else voice.heading, rest)
        return plan_parts(target, texts)

    async def _lose_voice(self) -> None:
        """Go on under the bot's own name; the persona's words that are there stay there."""
        _log.warning("a reply goes on under my own name", extra={"action": "voice-lost"})
        for message_id, part in zip(self._ids, self._written, strict=True):
            if part is not None:
                self._kept.append((message_id, part.text))
            else:
                with contextlib.suppress(*FAILURES):  # it needs Manage Messages
                    await self._own_voice.delete(message_id)
        self._ids.clear()
        self._written.clear()
        self._voice = self._own_voice

    async def _drop_kept(self) -> None:
        """What a lost voice has left is not part of the reply any more."""
        while self._kept:
            message_id, _ = self._kept.pop()
            with contextlib.suppress(*FAILURES):
                await self._own_voice.delete(message_id)

    async def _send(self, voice: Voice, number: int, part: Part) -> None:
        await self._lane.take_place()
        try:
            # The same key when it is tried again: the voice then gives back what is there already.
            message = await voice.send(part.text, key=str(number), view=self._make_view(part))
        finally:
            self._lane.note_write()
        self._ids.append(message.id)
        # A message of an earlier try has the text of that time.
        self._written.append(Part(message.content, part.controls if message.components else None))
        await self._note(message.id, number)

    async def _note(self, message_id: int, number: int) -> None:
        """Have a message remembered; a reply is not lost because that failed."""
        try:
            await self._note_message(message_id, len(self._kept) + number)
        except StorageError:
            _log.exception("a message was not noted", extra={"action": "note-failed"})

    async def _forget(self, message_id: int) -> None:
        """Have a message forgotten that is about to go: nobody takes its words back."""
        with contextlib.suppress(StorageError):
            await self._note_message(message_id, None)

    async def _edit(self, voice: Voice, number: int, part: Part) -> None:
        pause = self._lane.next_at - asyncio.get_running_loop().time()
        if pause > 0:
            await asyncio.sleep(pause)
        await self._lane.take_place()
        try:
            view = self._choose_view(number, part)
            await voice.edit(self._ids[number], part.text, view=view)
        except (discord.NotFound, discord.Forbidden) as error:
            if self._written[number] is None:
                await self._replace(voice, number, part)
            elif isinstance(error, discord.Forbidden):
                raise
            # Else somebody deleted it while it was written, and has seen it as a reply.
        finally:
            # Counted from the end: discord.py may hold a call back for a rate limit, and two starts
            # would then be closer than two calls of ours.
            self._lane.note_write()
        self._written[number] = part

    async def _replace(self, voice: Voice, number: int, part: Part) -> None:
        """Send a message of an earlier try anew: it is gone, or was said by another voice."""
        await self._forget(self._ids[number])
        with contextlib.suppress(*FAILURES):
            await self._own_voice.delete(self._ids[number])
        view = self._make_view(part)
        message = await voice.send(part.text, key=f"{number}-again", view=view)
        self._ids[number] = message.id
        await self._note(message.id, number)

    def _make_view(self, part: Part) -> discord.ui.View | None:
        return None if part.controls is None else self._make_controls(part.controls)

    def _choose_view(self, number: int, part: Part) -> discord.ui.View | None:
        """The buttons, or None to take them away; left as they are where nothing changed."""
        before = self._written[number]
        if before is not None and before.controls == part.controls:
            return discord.utils.MISSING
        return self._make_view(part)

    async def _keep_typing(self) -> None:
        """Show typing until the first text; without permission for it the reply still comes."""
        while not self._has_text.is_set():
            with contextlib.suppress(*FAILURES):
                await self._own_voice.show_typing()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pacing.typing_seconds):
                    await self._has_text.wait()
