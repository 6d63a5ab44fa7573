"""What can be told about a scene and the model at this moment."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.generation.errors import EngineError, GenerationError
from bot.generation.types import EngineState
from bot.scenes.script import write_script
from personas.errors import PersonaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.generation.scheduler import Load
    from bot.generation.types import QueuePlace
    from bot.prompting.prompt import Prompt
    from bot.scenes.performer import Performer, SceneManner
    from personas.library import PersonaLibrary
    from storage.records import ReplyFacts, SceneRecord
    from storage.scenes import SceneStore
    from storage.turns import TurnStore

_PATIENCE_SECONDS = 1.5
"""For the engine to count tokens; a command must be answered within three seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How things are; None is not known, or not there."""

    engine_name: str
    engine_state: EngineState
    progress: float | None
    """Of loading, 0 to 1."""
    load: "Load"
    scene: "SceneRecord | None" = None
    place: "QueuePlace | None" = None
    """Where the scene waits."""
    last: "ReplyFacts | None" = None
    """How its newest reply came to be."""
    prompt: "Prompt | None" = None
    """The one that an answer would be made from now."""
    context_length: int | None = None
    manner: "SceneManner | None" = None
    """How the model is spoken to in the scene."""


class StatusReader:
    """Looks without changing anything."""

    def __init__(
        self,
        *,
        scenes: "SceneStore",
        turns: "TurnStore",
        library: "PersonaLibrary",
        performer: "Performer",
        affinity: "Callable[[str], str]",
    ) -> None:
        self._scenes = scenes
        self._turns = turns
        self._library = library
        self._performer = performer
        self._affinity = affinity

    async def read(self, scene_key: str) -> Status:
        """How things are in a place."""
        engine = self._performer.engine
        scene = await self._scenes.find_open(scene_key)
        manner, (prompt, context_length) = await asyncio.gather(
            self.read_manner(scene), self._measure(scene)
        )
        return Status(
            engine_name=engine.name,
            engine_state=engine.state,
            progress=engine.progress,
            load=self._performer.load,
            scene=scene,
            place=self._performer.find_place(self._affinity(scene_key)),
            last=await self._turns.find_last_facts(scene.id) if scene else None,
            prompt=prompt,
            context_length=context_length,
            manner=manner,
        )

    async def read_manner(self, scene: "SceneRecord | None") -> "SceneManner | None":
        """How the model is spoken to in a scene, if it is there to say what it is."""
        engine = self._performer.engine
        if scene is None or engine.state is not EngineState.READY:
            return None
        with contextlib.suppress(TimeoutError, EngineError, GenerationError, PersonaError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                info = await engine.wait_ready()
            script = write_script(scene, (), self._library)
            return self._performer.get_scene_manner(info, script)
        return None

    async def _measure(self, scene: "SceneRecord | None") -> "tuple[Prompt | None, int | None]":
        """The scene's prompt and window, if the engine is there to count."""
        engine = self._performer.engine
        if scene is None or engine.state is not EngineState.READY:
            return None, None
        turns = await self._turns.list(scene.id, from_turn_id=scene.anchor_turn_id)
        with contextlib.suppress(TimeoutError, EngineError, GenerationError, PersonaError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                info = await engine.wait_ready()
                script = write_script(scene, turns, self._library)
                return await self._performer.prepare(script), info.context_length
        return None, None
