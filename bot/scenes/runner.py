"""Which scene is answered when: one answer at a time in each, a burst of messages is one answer.

Nothing here outlives the process that the database does not know: which turns await an answer is
stored with them, and so are the messages of a reply that is being written.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.scenes.stage import StageError
from bot.scenes.writing import Progress
from storage.errors import TurnNotFoundError

if TYPE_CHECKING:
    from bot.messages import Pacing
    from bot.scenes.answering import Answerer
    from bot.scenes.stage import Stage
    from bot.scenes.swiping import Swiper
    from storage.scenes import SceneStore
    from storage.swipes import SwipeStore
    from storage.turns import TurnStore

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    """A scene that is being answered."""

    task: "asyncio.Task[None]"
    news: asyncio.Event = field(default_factory=asyncio.Event)
    progress: Progress = field(default_factory=Progress)
    ending: bool = False
    """The scene is over: nothing more is answered in it."""


class SceneRunner:
    """Runs at most one answer per scene, and one more waits as turns that await an answer."""

    def __init__(
        self,
        *,
        scenes: "SceneStore",
        turns: "TurnStore",
        swipes: "SwipeStore",
        answerer: "Answerer",
        swiper: "Swiper",
        pacing: "Pacing",
    ) -> None:
        self._scenes = scenes
        self._turns = turns
        self._swipes = swipes
        self._answerer = answerer
        self._swiper = swiper
        self._pacing = pacing
        self._jobs: dict[int, _Job] = {}
        self._outcomes: dict[int, asyncio.Future[Exception | None]] = {}
        self._stage: Stage | None = None
        self._closing = False

    @property
    def stage(self) -> "Stage | None":
        """Where replies are shown; None before the start."""
        return self._stage

    def set_stage(self, stage: "Stage") -> None:
        """Say where replies are shown; nothing is answered before."""
        self._stage = stage

    async def resume(self) -> int:
        """Answer what was stored and not answered before the last end; returns how many scenes."""
        scenes = await self._scenes.list_awaiting()
        for scene in scenes:
            self.wake(scene.id)
        return len(scenes)

    def wake(self, scene_id: int) -> "asyncio.Task[None] | None":
        """Have a scene answered soon; a burst of calls is one answer."""
        if self._closing or self._stage is None:
            return None
        job = self._jobs.get(scene_id)
        if job is None:
            task = asyncio.create_task(self._run(scene_id, self._stage), name=f"scene-{scene_id}")
            job = self._jobs[scene_id] = _Job(task)
        job.news.set()
        return job.task

    def expect(self, scene_id: int, turn_id: int) -> "asyncio.Future[Exception | None]":
        """Have an ordered alternative written soon; the future tells what went wrong, or None."""
        outcome: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        if self.wake(scene_id) is None:
            outcome.set_result(None)  # the next start writes it
        else:
            self._outcomes[turn_id] = outcome
        return outcome

    def stop(self, scene_id: int) -> bool:
        """End the reply that is being written, keep what is there; False if there is none."""
        job = self._jobs.get(scene_id)
        if job is None:
            return False
        job.progress.stop.set()
        return True

    def is_writing(self, scene_id: int) -> bool:
        """Whether a reply is being written in a scene, or has been and is being stored."""
        job = self._jobs.get(scene_id)
        return job is not None and job.progress.writing

    def take_back(self, scene_id: int) -> None:
        """Drop the reply that is being written, because what it answers was deleted."""
        if (job := self._jobs.get(scene_id)) is not None:
            job.progress.taken_back = True
            job.progress.stop.set()

    def end(self, scene_id: int) -> None:
        """Stop a scene's reply and answer nothing more in it, because the scene is over."""
        if (job := self._jobs.get(scene_id)) is not None:
            job.ending = True
            job.progress.stop.set()

    async def aclose(self) -> None:
        """Let replies finish for a while, then leave the rest to the next start.

        Called again, it does not wait any more.
        """
        writing = {job.task for job in self._jobs.values() if job.progress.writing}
        if writing and not self._closing:
            self._closing = True
            await asyncio.wait(writing, timeout=self._pacing.shutdown_seconds)
        self._closing = True
        tasks = [job.task for job in self._jobs.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, scene_id: int, stage: "Stage") -> None:
        """Answer until nothing awaits an answer."""
        job = self._jobs[scene_id]
        try:
            while await self._answer_next(scene_id, stage, job):
                pass
        except Exception:  # noqa: BLE001 - the outermost hook: one scene's fault stays its own
            _log.exception("scene %s was not answered", scene_id, extra={"action": "scene-failed"})
        finally:
            del self._jobs[scene_id]

    async def _answer_next(self, scene_id: int, stage: "Stage", job: _Job) -> bool:
        """Gather and answer once; False when there is nothing more to do."""
        if await self._swipe_next(scene_id, stage, job):
            return True
        await self._gather(job)
        if job.progress.taken_back:  # before it was answered: what is read next says so
            job.progress.reset()
        scene = await self._scenes.get(scene_id)
        turns = await self._turns.list(scene_id, from_turn_id=scene.anchor_turn_id)
        if self._closing or job.ending:
            return False
        if not any(turn.awaits_answer for turn in turns):
            # Something may have come while it was gathered for, or while the turns were read.
            is_ordered = await self._swipes.find_ordered(scene_id) is not None
            return is_ordered or job.news.is_set()
        try:
            return await self._answerer.answer(scene, turns, stage, job.progress)
        except StageError as error:
            _log.warning("scene %s: %s", scene_id, error, extra={"action": "stage-failed"})
            if error.is_permanent:
                await self._turns.clear_awaiting(scene_id, up_to=max(turn.id for turn in turns))
            # Otherwise the turns go on awaiting: a new message or connection tries again.
            return error.is_permanent
        finally:
            job.progress.reset()

    async def _swipe_next(self, scene_id: int, stage: "Stage", job: _Job) -> bool:
        """Write an alternative that was ordered; False if none was."""
        ordered = await self._swipes.find_ordered(scene_id)
        if ordered is None or self._closing or job.ending:
            return False
        scene = await self._scenes.get(scene_id)
        turns = await self._turns.list(scene_id, from_turn_id=scene.anchor_turn_id)
        outcome: Exception | None = None
        try:
            outcome = await self._swiper.swipe(scene, turns, ordered, stage, job.progress)
        except (StageError, TurnNotFoundError) as error:
            _log.warning("scene %s: %s", scene_id, error, extra={"action": "swipe-failed"})
            outcome = error
            await self._swipes.cancel(ordered[0].id)
        finally:
            job.progress.reset()
            expected = self._outcomes.pop(ordered[0].id, None)
            if expected is not None and not expected.done():
                expected.set_result(outcome)
        return True

    async def _gather(self, job: _Job) -> None:
        """Wait until no new message came for a moment, but not for ever."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._pacing.gather_limit_seconds
        while job.news.is_set() and not job.ending:
            job.news.clear()
            await asyncio.sleep(min(self._pacing.gather_seconds, max(0, deadline - loop.time())))
            if loop.time() >= deadline:
                job.news.clear()
