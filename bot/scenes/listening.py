"""What people write becomes the story; what they change and delete, it loses or changes as well."""

from typing import TYPE_CHECKING

from bot.admission import Verdict, decide, write_story
from bot.scenes.locks import SceneLocks
from bot.scenes.parts import cut_part
from bot.scenes.quoting import keep_quote, quote
from storage.records import NewTurn, Role

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from bot.admission import Guests
    from bot.messages import IncomingMessage
    from bot.scenes.default_scene import DefaultScenes
    from bot.scenes.parts import SplitShown
    from bot.scenes.proxies import Originals
    from bot.scenes.runner import SceneRunner
    from storage.messages import MessageStore
    from storage.records import SceneRecord, TurnRecord
    from storage.turns import TurnStore


class StoryListener:
    """Follows what happens to people's messages; what it stores is on disk when it returns."""

    def __init__(
        self,
        *,
        turns: "TurnStore",
        messages: "MessageStore",
        runner: "SceneRunner",
        default_scenes: "DefaultScenes",
        guests: "Guests",
        originals: "Originals",
    ) -> None:
        self._turns = turns
        self._messages = messages
        self._runner = runner
        self._default_scenes = default_scenes
        self._guests = guests
        self._originals = originals
        self.locks = SceneLocks()
        """Of the places: who changes which scene is open in one holds its lock as well."""

    async def hear(self, message: "IncomingMessage") -> "asyncio.Task[None] | None":
        """Take a message in: it is on disk before anything else happens.

        Returns:
            The work on the scene's answer, or None if the message is not answered.
        """
        async with self.locks.get(message.scene_key):
            if self._guests.is_proxy(message):
                return await self._hear_proxy(message)
            if not message.is_bot:
                self._originals.note(message)
            return await self._hear(message, person_id=message.author_id)

    async def _hear_proxy(self, message: "IncomingMessage") -> "asyncio.Task[None] | None":
        """Somebody speaks through a proxy: instead of the message that it replaces, if possible."""
        story = write_story(message)
        is_known = message.message_id and await self._messages.find(message.message_id)
        if is_known or not story or message.message_id is None:
            return None
        original = self._originals.take(message)
        if original is None:
            return await self._hear(message, person_id=None)
        turn = await self._messages.take_over(
            original.message_id, by=message.message_id, name=message.author_name, text=story
        )
        if turn is None:  # the original was not part of the story
            return await self._hear(message, person_id=original.person_id)
        return self._runner.wake(turn.scene_id) if turn.awaits_answer else None

    async def _hear(
        self, message: "IncomingMessage", *, person_id: int | None
    ) -> "asyncio.Task[None] | None":
        scene = await self._default_scenes.find(message.scene_key)
        bot_turns = await self._count_bot_turns(message, scene)
        if decide(message, scene, self._guests, bot_turns=bot_turns) is Verdict.IGNORE:
            return None
        if scene is None:
            scene = await self._default_scenes.open(message)
        turn = await self._turns.append(
            scene.id,
            NewTurn(
                role=Role.PERSON,
                name=message.author_name,
                text=await self._write_text(message, scene),
                person_id=person_id,
                message_ids=(message.message_id,) if message.message_id else (),
                channel_id=message.channel_id,
                awaits_answer=True,
            ),
        )
        return self._runner.wake(scene.id) if turn else None

    async def _count_bot_turns(
        self, message: "IncomingMessage", scene: "SceneRecord | None"
    ) -> int:
        if scene is None or not message.is_bot:
            return 0
        return await self._messages.count_bot_turns(scene.id, self._guests.bots)

    async def change(self, message: "IncomingMessage") -> None:
        """A message was edited: the turn that it shows says what it says now.

        What an edit puts beside the story leaves it, and comes back with a later edit. A reply
        that is being written is not begun anew; one that is not begun yet reads the new text.
        """
        if message.message_id is None:
            return
        story = write_story(message)
        async with self.locks.get(message.scene_key):
            if not message.is_bot:
                self._originals.note(message)
            changed = await self._messages.change_text(
                message.message_id,
                lambda before: keep_quote(before, story) if message.quoted else story,
            )
        if changed is not None and changed.is_shown_again and changed.awaits_answer:
            self._runner.wake(changed.scene_id)

    async def take_back(
        self, scene_key: str, message_ids: "Sequence[int]", *, split: "SplitShown"
    ) -> None:
        """Messages were deleted: they leave the story.

        A reply that is being written to them is dropped.

        Args:
            scene_key: Where they were.
            message_ids: Those that were deleted; most are none of the story's.
            split: How a persona's words are shown.
        """

        def cut(turn: "TurnRecord", part: int, count: int) -> str:
            return cut_part(turn.name, turn.text, part=part, count=count, split=split)

        async with self.locks.get(scene_key):  # what is deleted at once is stored first
            hidden = await self._messages.delete(message_ids, cut)
            self._originals.note_deleted(scene_key, message_ids, hidden)
        for scene_id in {one.turn.scene_id for one in hidden if one.turn.awaits_answer}:
            self._runner.take_back(scene_id)

    async def _write_text(self, message: "IncomingMessage", scene: "SceneRecord") -> str:
        story = write_story(message)
        if message.quoted is None:
            return story
        return await quote(message.quoted, scene.id, self._messages) + story
