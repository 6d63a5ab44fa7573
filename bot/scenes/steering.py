"""What people do with a reply that is there: other alternatives, more of it."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from storage.errors import TurnNotFoundError
from storage.records import Role

if TYPE_CHECKING:
    from bot.scenes.runner import SceneRunner
    from bot.scenes.swiping import Swiper
    from storage.records import Alternatives, SceneRecord, SwipeOrder, TurnRecord
    from storage.scenes import SceneStore
    from storage.swipes import SwipeStore
    from storage.turns import TurnStore


_TRIES = 20
_PAUSE_SECONDS = 0.05
"""A button must be answered within three seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply that somebody wants changed."""

    scene: "SceneRecord"
    turn: "TurnRecord"
    alternatives: "Alternatives"
    asker_id: int | None
    """Who was answered; None is nobody, as with a greeting."""
    is_newest: bool

    @property
    def length_word(self) -> str | None:
        """That it was written with, or else that its scene has."""
        return self.alternatives.length_word or self.scene.length_word


class Steering:
    """Changes replies; whoever calls turns results into words."""

    def __init__(
        self,
        *,
        scenes: "SceneStore",
        turns: "TurnStore",
        swipes: "SwipeStore",
        swiper: "Swiper",
        runner: "SceneRunner",
    ) -> None:
        self._scenes = scenes
        self._turns = turns
        self._swipes = swipes
        self._swiper = swiper
        self._runner = runner
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def count(self, turn: "TurnRecord") -> "Alternatives":
        """How many alternatives a turn has.

        Raises:
            TurnNotFoundError: If it is gone.
        """
        return await self._swipes.count(turn.id)

    async def find_reply(self, scene_key: str, message_id: int | None = None) -> Reply | None:
        """The reply that a message shows, or else the newest; None if there is none in this place.

        A message of another place, or of a scene that is over, shows none: ids of buttons come
        from strangers.
        """
        scene = await self._scenes.find_open(scene_key)
        if scene is None:
            return None
        found = None if message_id is None else await self._find_turn(scene.id, message_id)
        is_settled = message_id is not None or await self._settle(scene.id)
        newest = await self._swipes.find_newest_reply(scene.id)  # after that: it may be this one
        turn = newest if message_id is None else found
        if turn is None or turn.scene_id != scene.id or turn.role is not Role.PERSONA:
            return None
        try:
            alternatives = await self._swipes.count(turn.id)
        except TurnNotFoundError:  # it was hidden
            return None
        return Reply(
            scene=scene,
            turn=turn,
            alternatives=alternatives,
            asker_id=await self._swipes.find_asker(turn.id),
            is_newest=is_settled and newest is not None and turn.id == newest.id,
        )

    async def _find_turn(self, scene_id: int, message_id: int) -> "TurnRecord | None":
        """The turn of a message; one that was finished this moment may still be being stored."""
        for _ in range(_TRIES):
            turn = await self._turns.find_by_message(message_id)
            if turn is not None or not self._runner.is_writing(scene_id):
                return turn
            await asyncio.sleep(_PAUSE_SECONDS)
        return None

    async def _settle(self, scene_id: int) -> bool:
        """Wait a moment for a reply that is finished and being stored; False if one is written."""
        for _ in range(_TRIES):
            if not self._runner.is_writing(scene_id):
                return True
            await asyncio.sleep(_PAUSE_SECONDS)
        return False

    async def order(
        self, reply: Reply, order: "SwipeOrder", *, expected: int | None = None
    ) -> "asyncio.Future[Exception | None] | None":
        """Have another alternative written; it is on disk before this returns.

        Returns:
            What went wrong, when it is known, or None if it is there; None at once if another one
            is being written, or there are more than the asker knew.
        """
        if not await self._swipes.order(reply.turn.id, order, expected=expected):
            return None
        return self._runner.expect(reply.scene.id, reply.turn.id)

    async def show(self, reply: Reply, number: int) -> bool:
        """Show another alternative, in the story and in Discord; False if it cannot be now.

        Raises:
            StageError: If its messages could not be changed; the story has it all the same.
        """
        async with self._lock(reply.turn.id):  # of two clicks the later one is seen last
            turn = await self._swipes.show(reply.turn.id, number)
            if turn is None:
                return False
            if self._runner.stage is not None:
                await self._swiper.show(reply.scene, turn, self._runner.stage)
            return True

    async def rewrite(self, reply: Reply, text: str) -> bool:
        """Put somebody's own words in the place of a reply; what was said stays an alternative.

        Returns:
            False if another alternative is being written.

        Raises:
            StageError: If the messages could not be changed; the story has it all the same.
        """
        async with self._lock(reply.turn.id):
            turn = await self._swipes.add(reply.turn.id, text)
            if turn is None:
                return False
            if self._runner.stage is not None:
                await self._swiper.show(reply.scene, turn, self._runner.stage)
            return True

    def _lock(self, turn_id: int) -> asyncio.Lock:
        lock = self._locks.get(turn_id)
        if lock is None:
            lock = self._locks[turn_id] = asyncio.Lock()
        return lock
