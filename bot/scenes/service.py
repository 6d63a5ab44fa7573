"""What people can do with scenes; whoever calls turns results and errors into words."""

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.generation.sampler_config import SamplerConfig
from bot.prompting.macros import replace_macros
from bot.prompting.untrusted import clean_name
from bot.scenes.tuning import read_scene_sampler, write_scene_sampler
from storage.records import Answers, NewScene, NewTurn, Role

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from bot.messages import IncomingMessage
    from bot.scenes.listening import StoryListener
    from bot.scenes.parts import SplitShown
    from bot.scenes.runner import SceneRunner
    from bot.scenes.stage import Stage
    from bot.scenes.steering import Steering
    from personas.library import PersonaLibrary
    from personas.persona import Persona
    from storage.records import SceneRecord, TurnRecord
    from storage.scenes import SceneStore
    from storage.turns import TurnStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a scene is played and who asks."""

    scene_key: str
    person_id: int
    person_name: str
    channel_id: int | None = None
    guild_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """What `/play` led to."""

    scene: "SceneRecord"
    persona: "Persona"
    is_new: bool
    """False when an earlier scene goes on."""
    was_open: bool = False
    """True when this persona was playing here already."""
    greeting: "TurnRecord | None" = None
    """To be posted, of a new scene whose persona has one."""


class SceneService:
    """The life of scenes: opened, heard, answered, begun anew."""

    def __init__(  # noqa: PLR0913 - where all parts of a scene meet
        self,
        *,
        scenes: "SceneStore",
        turns: "TurnStore",
        library: "PersonaLibrary",
        runner: "SceneRunner",
        listener: "StoryListener",
        steering: "Steering",
        default_length: str | None,
    ) -> None:
        self._scenes = scenes
        self._turns = turns
        self._library = library
        self._runner = runner
        self.steering = steering
        """What people do with replies that are there."""
        self._listener = listener
        self._locks = listener.locks
        self._default_length = default_length

    @property
    def library(self) -> "PersonaLibrary":
        """The personas that can be played."""
        return self._library

    async def start(self, stage: "Stage") -> int:
        """Begin to answer on a stage, first what was left unanswered; returns how many scenes."""
        self._runner.set_stage(stage)
        return await self.resume()

    async def resume(self) -> int:
        """Answer what still awaits an answer; returns how many scenes."""
        return await self._runner.resume()

    async def hear(self, message: "IncomingMessage") -> "asyncio.Task[None] | None":
        """Take a message in; the work on the scene's answer, or None if it is not answered."""
        return await self._listener.hear(message)

    async def change(self, message: "IncomingMessage") -> None:
        """A message was edited: so is the story."""
        await self._listener.change(message)

    async def take_back(
        self, scene_key: str, message_ids: "Sequence[int]", *, split: "SplitShown"
    ) -> None:
        """Messages were deleted: they leave the story. `split` is how a persona's are shown."""
        await self._listener.take_back(scene_key, message_ids, split=split)

    async def find(self, scene_key: str) -> "SceneRecord | None":
        """The scene that is played in a place."""
        return await self._scenes.find_open(scene_key)

    async def play(self, place: Place, persona: "Persona") -> Playing:
        """Start a scene, or switch to a persona: its earlier scene in this place goes on."""
        async with self._locks.get(place.scene_key):
            return await self._play(place, persona)

    async def _play(self, place: Place, persona: "Persona") -> Playing:
        current = await self._scenes.find_open(place.scene_key)
        if current is not None and current.persona_key == persona.key:
            if current.answers is not Answers.ALL:
                await self._scenes.set_answers(current.id, Answers.ALL)
            return Playing(scene=current, persona=persona, is_new=False, was_open=True)
        earlier = await self._scenes.find_set_aside(place.scene_key, persona.key)
        if earlier is not None:
            scene = await self._scenes.resume(earlier.id)
            self._end(current)
            return Playing(scene=scene, persona=persona, is_new=False)
        greeting = _write_greeting(persona, place.person_name, place.channel_id)
        scene = await self._scenes.open(
            NewScene(
                scene_key=place.scene_key,
                persona_key=persona.key,
                opened_by_id=place.person_id,
                opened_by_name=place.person_name,
                guild_id=place.guild_id,
                channel_id=place.channel_id,
                length_word=self._default_length,
            ),
            greeting=greeting,
        )
        self._end(current)
        return await self._describe_new(scene, persona)

    async def withdraw(self, playing: Playing) -> None:
        """Undo a new scene whose greeting could not be posted: nobody saw it begin."""
        await self._scenes.close(playing.scene.id)

    async def reset(self, scene: "SceneRecord") -> Playing:
        """Close a scene and begin it anew with the same persona and person, and what was set.

        Raises:
            PersonaNotFoundError: If its persona is no longer there.
        """
        persona = self._library.get(scene.persona_key)
        greeting = _write_greeting(persona, scene.opened_by_name, scene.channel_id)
        async with self._locks.get(scene.scene_key):
            fresh = await self._scenes.reset(scene.id, greeting=greeting)
        self._end(scene)
        return await self._describe_new(fresh, persona)

    async def attach_greeting(
        self, greeting: "TurnRecord", message_ids: tuple[int, ...], channel_id: int | None
    ) -> None:
        """Note which messages show a greeting."""
        await self._turns.attach_messages(greeting.id, message_ids, channel_id)

    async def set_length(self, scene: "SceneRecord", word: str | None) -> None:
        """Set how long replies are from now on; None leaves it to the model."""
        await self._scenes.set_length(scene.id, word)

    async def set_format(self, scene: "SceneRecord", name: str | None) -> None:
        """Set how prompts are written from now on; None leaves it to the model."""
        await self._scenes.set_prompt_format(scene.id, name)

    async def set_sampler(self, scene: "SceneRecord", name: str, config: SamplerConfig) -> None:
        """Set one of a scene's own sampler settings, or take it away where `config` has none."""
        async with self._locks.get(scene.scene_key):  # two settings at once: both count
            current = await self._scenes.get(scene.id)
            own = read_scene_sampler(current.sampler) or SamplerConfig()
            own = own.model_copy(update={name: getattr(config, name)})
            await self._scenes.set_sampler(scene.id, write_scene_sampler(own))

    async def list_turns(self, scene: "SceneRecord") -> "list[TurnRecord]":
        """What was said."""
        return await self._turns.list(scene.id)

    def stop(self, scene: "SceneRecord") -> bool:
        """End the reply that is being written; False if there is none."""
        return self._runner.stop(scene.id)

    async def aclose(self) -> None:
        """Let replies finish for a while, then stop."""
        await self._runner.aclose()

    def _end(self, scene: "SceneRecord | None") -> None:
        """After another scene took its place, so that what is said meanwhile reaches that one."""
        if scene is not None:
            self._runner.end(scene.id)

    async def _describe_new(self, scene: "SceneRecord", persona: "Persona") -> Playing:
        turns = await self._turns.list(scene.id)
        greeting = turns[0] if turns and turns[0].role is Role.PERSONA else None
        return Playing(scene=scene, persona=persona, is_new=True, greeting=greeting)


def _write_greeting(persona: "Persona", person_name: str, channel_id: int | None) -> NewTurn | None:
    """The card's greeting with names put in, as it will be posted; None if it has none.

    Its other greetings are alternatives of that turn.
    """
    name, chance = clean_name(persona.spoken_name), random.SystemRandom()
    texts = [
        replace_macros(text, char=name, user=clean_name(person_name), chance=chance).strip()
        for text in (persona.greeting, *persona.alternate_greetings)
    ]
    first, *others = [text for text in texts if text] or [""]
    if not first:
        return None
    return NewTurn(
        role=Role.PERSONA,
        name=name,
        text=first,
        channel_id=channel_id,
        alternatives=tuple(others),
    )
