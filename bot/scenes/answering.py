"""One answer of one scene: prompt, reply, what is shown meanwhile, and what is stored of it."""

import asyncio
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
from bot.scenes.performer import Reply, Turn
from bot.scenes.script import write_facts, write_script, write_turn
from personas.errors import PersonaError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.generation.types import QueuePlace
    from bot.messages import Pacing
    from bot.prompting.prompt import Prompt
    from bot.scenes.performer import Performer
    from bot.scenes.stage import ReplyDisplay, Stage
    from personas.library import PersonaLibrary
    from storage.records import SceneRecord, TurnRecord
    from storage.scenes import SceneStore
    from storage.turns import TurnStore

_ATTEMPTS = 3
"""A prompt that makes the engine die this often is not tried again."""


@dataclass(slots=True)
class Progress:
    """What is asked of an answer while it is made, and how far it is."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: what was said so far is the reply."""
    writing: bool = False
    """The model writes, or what it wrote is being shown: worth waiting for at the end."""
    taken_back: bool = False
    """What is being answered was deleted: the reply goes, and what else waits is answered anew."""

    def reset(self) -> None:
        """Forget what was asked of the last answer."""
        self.stop.clear()
        self.taken_back = False


class Answerer:
    """Makes answers; it holds nothing that the database does not know."""

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
        """Keep the parts.

        Args:
            scenes: Where the anchor is stored.
            turns: Where replies are stored.
            library: Whose personas speak.
            performer: Writes replies.
            pacing: How soon a person is told that the model is not there.
            affinity: A stable name for a scene key that says nothing about it.
        """
        self._scenes = scenes
        self._turns = turns
        self._library = library
        self._performer = performer
        self._pacing = pacing
        self._affinity = affinity

    async def answer(
        self,
        scene: "SceneRecord",
        turns: "Sequence[TurnRecord]",
        stage: "Stage",
        progress: Progress,
    ) -> bool:
        """Answer all turns of a scene; False if it must wait for the operator.

        Raises:
            StageError: If the reply could not be shown; its turns still await an answer.
        """
        display = await stage.open_reply(
            scene,
            persona_name=self._find_persona_name(scene),
            message_ids=await self._turns.list_open_messages(scene.id),
            note_message=lambda message, part: self._turns.note_open_message(
                scene.id, message, part
            ),
        )
        up_to = max(turn.id for turn in turns)  # what is said from now on has a greater one
        try:
            reply = await self._perform_until_stopped(scene, turns, display, progress)
            if progress.taken_back:
                await display.discard()
                await self._turns.clear_awaiting(scene.id, up_to=0)  # its messages only
            else:
                await self._conclude(scene, reply, display, up_to)
        except EngineUnavailableError as error:
            # The turns go on awaiting: when the operator has mended it, the next start answers.
            await display.fail(error)
            return False
        except (GenerationError, EngineDiedError, PersonaError) as error:
            await display.fail(error)
            # After the line, whose message would otherwise be taken for an unfinished reply's.
            await self._turns.clear_awaiting(scene.id, up_to=up_to)
        finally:
            progress.writing = False
            await display.aclose()
        return True

    async def _conclude(
        self, scene: "SceneRecord", reply: Reply | None, display: "ReplyDisplay", up_to: int
    ) -> None:
        """Show the whole reply, then store it; without one, take away what was shown."""
        if reply is None:
            await display.discard()
            await self._turns.clear_awaiting(scene.id, up_to=up_to)
            return
        message_ids = await display.finish(reply.text)
        await self._turns.append_reply(
            scene.id,
            write_turn(
                scene,
                reply,
                persona_name=self._find_persona_name(scene),
                message_ids=message_ids,
            ),
            facts=write_facts(scene, reply, engine_name=self._performer.engine.name),
            answered_up_to=up_to,
        )

    async def _perform_until_stopped(
        self,
        scene: "SceneRecord",
        turns: "Sequence[TurnRecord]",
        display: "ReplyDisplay",
        progress: Progress,
    ) -> Reply | None:
        """Perform, unless somebody asks to stop: then what was said so far is the reply."""
        shown = _Shown(display, self._pacing.notice_seconds)
        performing = asyncio.ensure_future(self._perform(scene, turns, shown, progress))
        stopping = asyncio.ensure_future(progress.stop.wait())
        try:
            await asyncio.wait({performing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if performing.done():
                return performing.result()
        finally:
            shown.cancel_notice()
            await _cancel(performing, stopping)
        if not shown.text:
            return None
        return Reply(text=shown.text, finish_reason=FinishReason.ABORT)

    async def _perform(
        self,
        scene: "SceneRecord",
        turns: "Sequence[TurnRecord]",
        shown: "_Shown",
        progress: Progress,
    ) -> Reply:
        """Write the reply, again if the engine dies meanwhile."""
        persona_name = self._find_persona_name(scene)
        for attempt in range(_ATTEMPTS):
            await self._wait_for_engine(shown.display)
            try:
                prompt = await self._prepare(scene, turns)
                progress.writing = True
                reply = await self._performer.speak(
                    prompt,
                    persona_name=persona_name,
                    show=shown,
                    turn=Turn(
                        affinity=self._affinity(scene.scene_key),
                        person=_find_asker(turns),
                        tell=shown.note_place,
                    ),
                )
            except EngineDiedError:
                progress.writing = False
                if attempt == _ATTEMPTS - 1:
                    raise
                shown.text = ""
                shown.display.wait_for_engine(EngineState.RESTARTING)
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
                display.wait_for_engine(engine.state)
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
    """Remembers what the display was last given, and says after a moment that a reply waits."""

    def __init__(self, display: "ReplyDisplay", notice_seconds: float) -> None:
        self.display = display
        self.text = ""
        self._notice_seconds = notice_seconds
        self._place: QueuePlace | None = None
        self._notice: asyncio.TimerHandle | None = None
        self._noticed = False

    def __call__(self, text: str) -> None:
        self.text = text
        self.display.show(text)

    def note_place(self, place: "QueuePlace | None") -> None:
        """Take the place in the queue; None is the end of waiting."""
        self._place = place
        if place is None:
            self.cancel_notice()
        elif self._noticed:
            self.display.wait_in_queue(place)
        elif self._notice is None:
            loop = asyncio.get_running_loop()
            self._notice = loop.call_later(self._notice_seconds, self._say_place)

    def cancel_notice(self) -> None:
        """Say nothing about the queue any more."""
        if self._notice is not None:
            self._notice.cancel()
            self._notice = None
        self._noticed = False

    def _say_place(self) -> None:
        if self._place is not None:
            self._noticed = True
            self.display.wait_in_queue(self._place)


def _find_asker(turns: "Sequence[TurnRecord]") -> int | None:
    """Who is answered: the person of the newest turn that awaits it."""
    return next((turn.person_id for turn in reversed(turns) if turn.awaits_answer), None)


async def _cancel(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel what still runs and wait until it has ended, so that nothing works on behind us."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
