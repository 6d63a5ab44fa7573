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

    from bot.messages import IncomingMessage
    from bot.scenes.default_scene import DefaultScenes
    from bot.scenes.parts import SplitShown
    from bot.scenes.runner import SceneRunner
    from storage.messages import MessageStore
    from storage.records import SceneRecord, TurnRecord
    from storage.scenes import SceneStore
    from storage.turns import TurnStore


class StoryListener:
    """Follows what happens to people's messages; what it stores is on disk when it returns."""

    def __init__(
        self,
        *,
        scenes: "SceneStore",
        turns: "TurnStore",
        messages: "MessageStore",
        runner: "SceneRunner",
        default_scenes: "DefaultScenes",
    ) -> None:
        self._scenes = scenes
        self._turns = turns
        self._messages = messages
        self._runner = runner
        self._default_scenes = default_scenes
        self.locks = SceneLocks()
        """Of the places: who changes which scene is open in one holds its lock as well."""

    async def hear(self, message: "IncomingMessage") -> "asyncio.Task[None] | None":
        """Take a message in: it is on disk before anything else happens.

        Returns:
            The work on the scene's answer, or None if the message is not answered.
        """
        async with self.locks.get(message.scene_key):
            scene = await self._scenes.find_open(message.scene_key)
            if decide(message, scene) is Verdict.IGNORE:
                return None
            if scene is None:
                scene = await self._default_scenes.open(message)
            turn = await self._turns.append(
                scene.id,
                NewTurn(
                    role=Role.PERSON,
                    name=message.author_name,
                    text=await self._write_text(message, scene),
                    person_id=message.author_id,
                    message_ids=(message.message_id,) if message.message_id else (),
                    channel_id=message.channel_id,
                    awaits_answer=True,
                ),
            )
        return self._runner.wake(scene.id) if turn else None

    async def change(self, message: "IncomingMessage") -> None:
        """A message was edited: the turn that it shows says what it says now.

        What an edit puts beside the story leaves it, and comes back with a later edit. A reply
        that is being written is not begun anew; one that is not begun yet reads the new text.
        """
        if message.message_id is None:
            return
        story = write_story(message)
        async with self.locks.get(message.scene_key):
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
        for scene_id in {turn.scene_id for turn in hidden if turn.awaits_answer}:
            self._runner.take_back(scene_id)

    async def _write_text(self, message: "IncomingMessage", scene: "SceneRecord") -> str:
        story = write_story(message)
        if message.quoted is None:
            return story
        return await quote(message.quoted, scene.id, self._messages) + story
