"""Scenes that are played to measure with, and two ways to let go of what no longer fits."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.demo_model.judge import read_held_out
from bot.prompting.builder import Script
from bot.prompting.macros import replace_macros
from bot.prompting.prompt import Person, Prompt, PromptTurn
from bot.scenes.performer import Performer
from personas.library import PersonaLibrary
from personas.persona import Persona
from storage.records import Role

LENGTH_WORD = "medium"
"""What a new scene has by default."""
_MOST_SENTENCES = 3


@dataclass(slots=True, kw_only=True)
class Scene:
    """One exchange, kept as the database would keep it."""

    key: str
    persona: Persona
    person: str
    turns: list[PromptTurn]
    anchor: int | None = None

    @classmethod
    def open(cls, key: str, persona: Persona, person: str) -> "Scene":
        """Return a scene that has its greeting."""
        scene = cls(key=key, persona=persona, person=person, turns=[])
        greeting = replace_macros(persona.greeting, char=persona.name, user=person)
        if greeting:
            scene.add(Role.PERSONA, greeting)
        return scene

    def add(self, role: Role, text: str) -> PromptTurn:
        """Append a turn, with the next id."""
        name = self.persona.name if role is Role.PERSONA else self.person
        turn = PromptTurn(role=role, name=name, text=text, turn_id=len(self.turns) + 1)
        self.turns.append(turn)
        return turn

    def write_script(self) -> Script:
        """Return what a prompt is built from."""
        return Script(
            persona=self.persona,
            person=Person(name=self.person),
            turns=self.turns,
            length_word=LENGTH_WORD,
            anchor_turn_id=self.anchor,
        )


Strategy = Callable[[Performer, Scene], Awaitable[Prompt]]
"""Builds the prompt for a scene's next reply, and notes in the scene where it begins."""


async def trim_block(performer: Performer, scene: Scene) -> Prompt:
    """Build as Troupe does: the builder drops a block, and its anchor is kept."""
    prompt = await performer.prepare(scene.write_script())
    scene.anchor = prompt.anchor_turn_id
    return prompt


async def slide(performer: Performer, scene: Scene) -> Prompt:
    """Build as other bots do: the newest turns that fit, so one message goes for each that comes.

    The builder is asked until it has nothing to drop itself.
    """
    while True:
        prompt = await performer.prepare(scene.write_script())
        if prompt.anchor_turn_id == scene.anchor:
            return prompt
        scene.anchor = find_next_start(scene.turns, scene.anchor)


def find_next_start(turns: Sequence[PromptTurn], start: int | None) -> int:
    """Return the id of the turn at which a history begins that drops one turn more.

    Args:
        turns: All of a scene, oldest first.
        start: The id at which it began so far; None is the first turn.
    """
    ids = [turn.turn_id for turn in turns]
    return ids[ids.index(start) + 1 if start is not None else 1]


def iterate_messages(seed: int) -> Iterator[str]:
    """Yield what people say, without end: one to three sentences each, no two alike for long."""
    rng = Random(seed)
    topics = read_held_out()["topics"].values()
    sentences = [prompt for topic in topics for prompt in topic["prompts"]]
    while True:
        yield " ".join(rng.sample(sentences, rng.randint(1, _MOST_SENTENCES)))


def open_scenes(count: int) -> list[Scene]:
    """Return new scenes with the bundled personas in turn, each with a person of its own."""
    personas, people = PersonaLibrary.open([]).list(), read_held_out()["people"]
    return [
        Scene.open(f"scene-{n}", personas[n % len(personas)], people[n % len(people)])
        for n in range(count)
    ]
