"""What people write becomes the story; what they change and delete, it loses or changes as well."""

from typing import TYPE_CHECKING

from bot.admission import Verdict, decide, write_story
from bot.scenes.locks import SceneLocks
from bot.scenes.quoting import quote
from storage.records import NewTurn, Role

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from bot.messages import IncomingMessage
    from bot.scenes.default_scene import DefaultScenes
    from bot.scenes.runner import SceneRunner
    from storage.messages import MessageStore
    from storage.records import SceneRecord
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

    async def take_back(self, scene_key: str, message_ids: "Sequence[int]") -> None:
        """Messages were deleted: what of them was not answered yet leaves the story.

        A reply that is being written to them is dropped.
        """
        async with self.locks.get(scene_key):  # what is deleted at once is stored first
            scene_ids = await self._turns.hide_awaiting(message_ids)
        for scene_id in scene_ids:
            self._runner.take_back(scene_id)

    async def _write_text(self, message: "IncomingMessage", scene: "SceneRecord") -> str:
        story = write_story(message)
        if message.quoted is None:
            return story
        return await quote(message.quoted, scene.id, self._messages) + story
