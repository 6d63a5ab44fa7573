"""Writes one reply: waits for the model, asks again if it dies, ends when somebody asks to."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bot.generation.errors import EmptyReplyError, EngineDiedError
from bot.generation.types import EngineState, FinishReason
from bot.prompting.untrusted import clean_name
from bot.scenes.performer import Reply, Turn
from bot.scenes.script import write_script
from storage.records import SwipeKind, SwipeOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.generation.types import QueuePlace
    from bot.messages import Pacing
    from bot.prompting.prompt import Prompt
    from bot.scenes.performer import Performer
    from bot.scenes.stage import ReplyDisplay
    from personas.library import PersonaLibrary
    from storage.records import SceneRecord, TurnRecord
    from storage.scenes import SceneStore

_ATTEMPTS = 3
"""A prompt that makes the engine die this often is not tried again."""


@dataclass(slots=True)
class Progress:
    """What is asked of a reply while it is made, and how far it is."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: what was said so far is the reply."""
    writing: bool = False
    """The model writes, or what it wrote is being shown: worth waiting for at the end."""
    taken_back: bool = False
    """What is being answered was deleted: the reply goes, and what else waits is answered anew."""

    def reset(self) -> None:
        """Forget what was asked of the last reply."""
        self.stop.clear()
        self.taken_back = False


class ReplyWriter:
    """Makes a reply's text; it shows it while it grows and stores nothing of it."""

    def __init__(
        self,
        *,
        scenes: "SceneStore",
        library: "PersonaLibrary",
        performer: "Performer",
        pacing: "Pacing",
        affinity: "Callable[[str], str]",
    ) -> None:
        """Keep the parts.

        Args:
            scenes: Where the anchor is stored.
            library: Whose personas speak.
            performer: Writes replies.
            pacing: How soon a person is told that the model is not there.
            affinity: A stable name for a scene key that says nothing about it.
        """
        self._scenes = scenes
        self._library = library
        self._performer = performer
        self._pacing = pacing
        self._affinity = affinity

    @property
    def engine_name(self) -> str:
        """What writes, to be kept with what it wrote."""
        return self._performer.engine.name

    async def write(
        self,
        scene: "SceneRecord",
        turns: "Sequence[TurnRecord]",
        display: "ReplyDisplay",
        progress: Progress,
        order: SwipeOrder | None = None,
    ) -> Reply | None:
        """Write, unless somebody asks to stop: then what was said so far is the reply.

        Args:
            scene: Where.
            turns: What came before; what is gone on with is the last of them.
            display: Where it is shown while it grows.
            progress: Is told when the model writes, and tells when to stop.
            order: What is wanted other than the next turn of the scene.

        Raises:
            GenerationError: If it failed; PersonaError, EngineError likewise.
        """
        shown = _Shown(display, self._pacing.notice_seconds)
        performing = asyncio.ensure_future(self._perform(scene, turns, shown, progress, order))
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
        order: SwipeOrder | None,
    ) -> Reply:
        """Write the reply, again if the engine dies meanwhile."""
        persona_name = self.find_persona_name(scene)
        begun = turns[-1].text if order and order.kind is SwipeKind.MORE else ""
        for attempt in range(_ATTEMPTS):
            await self._wait_for_engine(shown.display)
            try:
                prompt = await self._prepare(scene, turns, order)
                progress.writing = True
                reply = await self._performer.speak(
                    prompt,
                    persona_name=persona_name,
                    show=shown,
                    begun=begun,
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
                if reply.text == begun.strip():
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

    async def _prepare(
        self, scene: "SceneRecord", turns: "Sequence[TurnRecord]", order: SwipeOrder | None
    ) -> "Prompt":
        """Build the prompt, and store where it begins before anything is generated from it."""
        current = await self._scenes.get(scene.id)
        script = write_script(current, turns, self._library)
        if order is not None:
            script = replace(
                script,
                length_word=order.length_word or script.length_word,
                hint=order.hint,
                goes_on=order.kind is SwipeKind.MORE,
            )
        prompt = await self._performer.prepare(script)
        if prompt.anchor_turn_id != current.anchor_turn_id:
            await self._scenes.set_anchor(scene.id, prompt.anchor_turn_id)
        return prompt

    def find_persona_name(self, scene: "SceneRecord") -> str:
        """What the persona of a scene is called in it."""
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
