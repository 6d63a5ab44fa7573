"""Answers scenes: one reply at a time in each, a burst of messages gathered into one answer.

Nothing here outlives the process that the database does not know: which turns await an answer is
stored with them, and so are the messages of a reply that is being written.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.generation.errors import (
    EmptyReplyError,
    EngineDiedError,
    EngineUnavailableError,
    GenerationError,
)
from bot.generation.types import EngineState, FinishReason
from bot.prompting.untrusted import clean_name
from bot.scenes.performer import Reply
from bot.scenes.script import write_facts, write_script, write_turn
from bot.scenes.stage import StageError
from personas.errors import PersonaError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.messages import Pacing
    from bot.prompting.prompt import Prompt
    from bot.scenes.performer import Performer
    from bot.scenes.stage import ReplyDisplay, Stage
    from personas.library import PersonaLibrary
    from storage.records import SceneRecord, TurnRecord
    from storage.scenes import SceneStore
    from storage.turns import TurnStore

_log = logging.getLogger(__name__)

_ATTEMPTS = 3
"""A prompt that makes the engine die this often is not tried again."""


@dataclass(slots=True)
class _Job:
    """A scene that is being answered."""

    task: "asyncio.Task[None]"
    news: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    writing: bool = False


class SceneRunner:
    """Runs at most one generation per scene, and one more waits as turns that await an answer."""

    def __init__(
        self,
        *,
        scenes: "SceneStore",
        turns: "TurnStore",
        library: "PersonaLibrary",
        performer: "Performer",
        pacing: "Pacing",
        affinity: "Callable[[str], str]",
    ) -> None:
        self._scenes = scenes
        self._turns = turns
        self._library = library
        self._performer = performer
        self._pacing = pacing
        self._affinity = affinity
        self._jobs: dict[int, _Job] = {}
        self._stage: Stage | None = None
        self._closing = False

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

    def stop(self, scene_id: int) -> bool:
        """End the reply that is being written, keep what is there; False if there is none."""
        job = self._jobs.get(scene_id)
        if job is None:
            return False
        job.stop.set()
        return True

    async def drop(self, scene_id: int) -> None:
        """End a scene's reply, because the scene itself ends; what was said of it is kept."""
        if (job := self._jobs.get(scene_id)) is not None:
            job.stop.set()
            await asyncio.wait([job.task], timeout=self._pacing.shutdown_seconds)
            job.task.cancel()
            await asyncio.wait([job.task])

    async def aclose(self) -> None:
        """Let replies finish for a while, then leave the rest to the next start."""
        self._closing = True
        writing = {job.task for job in self._jobs.values() if job.writing}
        if writing:
            await asyncio.wait(writing, timeout=self._pacing.shutdown_seconds)
        tasks = [job.task for job in self._jobs.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, scene_id: int, stage: "Stage") -> None:
        """Answer until nothing awaits an answer."""
        job = self._jobs[scene_id]
        try:
            while not self._closing:
                await self._gather(job)
                scene = await self._scenes.get(scene_id)
                turns = await self._turns.list(scene_id)
                if not any(turn.awaits_answer for turn in turns):
                    if job.news.is_set():  # a message came while the turns were read
                        continue
                    return
                job.writing = True
                if not await self._answer(scene, turns, stage, job):
                    return
                job.writing = False
        except StageError as error:
            # The turns go on awaiting: the next message, or the next start, tries again.
            _log.warning("scene %s: %s", scene_id, error, extra={"action": "stage-failed"})
        except Exception:  # noqa: BLE001 - the outermost hook: one scene's fault stays its own
            _log.exception("scene %s was not answered", scene_id, extra={"action": "scene-failed"})
        finally:
            del self._jobs[scene_id]

    async def _gather(self, job: _Job) -> None:
        """Wait until no new message came for a moment."""
        while job.news.is_set():
            job.news.clear()
            await asyncio.sleep(self._pacing.gather_seconds)

    async def _answer(
        self, scene: "SceneRecord", turns: "Sequence[TurnRecord]", stage: "Stage", job: _Job
    ) -> bool:
        """Answer all turns up to the last; False if the scene must wait for the operator."""
        persona_name = self._find_persona_name(scene)
        display = await stage.open_reply(
            scene,
            persona_name=persona_name,
            message_ids=await self._turns.list_open_messages(scene.id),
            note_message=lambda message, part: self._turns.note_open_message(
                scene.id, message, part
            ),
        )
        up_to = max(turn.id for turn in turns)  # what is said from now on has a greater one
        try:
            reply = await self._perform_until_stopped(scene, turns, display, job)
            if reply is None:
                await display.discard()
                await self._turns.clear_awaiting(scene.id, up_to=up_to)
                return True
            message_ids = await display.finish(reply.text)
            await self._turns.append_reply(
                scene.id,
                write_turn(scene, reply, persona_name=persona_name, message_ids=message_ids),
                facts=write_facts(scene, reply, engine_name=self._performer.engine.name),
                answered_up_to=up_to,
            )
        except EngineUnavailableError as error:
            # The turns go on awaiting: when the operator has mended it, the next start answers.
            await display.fail(error)
            return False
        except (GenerationError, EngineDiedError, PersonaError) as error:
            await display.fail(error)
            # After the line, whose message would otherwise be taken for an unfinished reply's.
            await self._turns.clear_awaiting(scene.id, up_to=up_to)
        finally:
            job.stop.clear()
            await display.aclose()
        return True

    async def _perform_until_stopped(
        self,
        scene: "SceneRecord",
        turns: "Sequence[TurnRecord]",
        display: "ReplyDisplay",
        job: _Job,
    ) -> Reply | None:
        """Perform, unless somebody asks to stop: then what was said so far is the reply."""
        shown = _Shown(display)
        performing = asyncio.ensure_future(self._perform(scene, turns, display, shown))
        stopping = asyncio.ensure_future(job.stop.wait())
        try:
            await asyncio.wait({performing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if performing.done():
                return performing.result()
        finally:
            await _cancel(performing, stopping)
        if not shown.text:
            return None
        return Reply(text=shown.text, finish_reason=FinishReason.ABORT, seed=0)

    async def _perform(
        self,
        scene: "SceneRecord",
        turns: "Sequence[TurnRecord]",
        display: "ReplyDisplay",
        shown: "_Shown",
    ) -> Reply:
        """Write the reply, again if the engine dies meanwhile."""
        persona_name = self._find_persona_name(scene)
        for attempt in range(_ATTEMPTS):
            await self._wait_for_engine(display)
            try:
                prompt = await self._prepare(scene, turns)
                reply = await self._performer.speak(
                    prompt,
                    persona_name=persona_name,
                    show=shown,
                    affinity=self._affinity(scene.scene_key),
                )
            except EngineDiedError:
                if attempt == _ATTEMPTS - 1:
                    raise
                shown.text = ""
                display.wait_for_engine(restarting=True)
            else:
                if not reply.text:
                    raise EmptyReplyError
                return reply
        raise AssertionError  # the last attempt returned or raised

    async def _wait_for_engine(self, display: "ReplyDisplay") -> None:
        """Say after a moment that the model is not there, and wait until it is."""
        engine = self._performer.engine
        ready = asyncio.ensure_future(engine.wait_ready())
        try:
            done, _ = await asyncio.wait({ready}, timeout=self._pacing.notice_seconds)
            if not done:
                restarting = engine.state is not EngineState.LOADING
                display.wait_for_engine(restarting=restarting)
            await ready
        finally:
            await _cancel(ready)

    async def _prepare(self, scene: "SceneRecord", turns: "Sequence[TurnRecord]") -> "Prompt":
        """Build the prompt, and store where it begins before anything is generated from it."""
        current = await self._scenes.get(scene.id)
        script = write_script(current, turns, self._library)
        prompt = await self._performer.prepare(script)
        if prompt.anchor_turn_id != current.anchor_turn_id:
            await self._scenes.set_anchor(scene.id, prompt.anchor_turn_id)
        return prompt

    def _find_persona_name(self, scene: "SceneRecord") -> str:
        persona = self._library.find(scene.persona_key)
        return clean_name(persona.spoken_name) if persona else scene.persona_key


class _Shown:
    """Remembers what the display was last given."""

    def __init__(self, display: "ReplyDisplay") -> None:
        self._display = display
        self.text = ""

    def __call__(self, text: str) -> None:
        self.text = text
        self._display.show(text)


async def _cancel(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel what still runs and wait until it has ended, so that nothing works on behind us."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
