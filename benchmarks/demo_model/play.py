"""Ask the demo model through Troupe's own prompts and worker, and cut nothing off its replies."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.demo_model.judge import Asked, Reply
from bot.engine_room import open_performer
from bot.generation.config import LlamaCppConfig
from bot.generation.types import FinishReason, GenerationRequest
from bot.prompting.builder import Script
from bot.prompting.macros import replace_macros
from bot.prompting.prompt import LENGTH_WORDS, Person, PromptTurn
from bot.scenes.performer import Performer
from bot.settings import Settings
from personas.library import PersonaLibrary
from personas.persona import Persona
from storage.records import Role

LONGEST_REPLY = 400
"""Tokens; twice what the longest length word means to the model."""
CHATTY_TOPICS = ("weather", "work")
"""What a reply of every length is asked for."""


class Player:
    """One model and the personas that play on it."""

    def __init__(self, performer: Performer, personas: dict[str, Persona]) -> None:
        """Keep both."""
        self._performer = performer
        self._personas = personas

    async def ask(self, asked: Asked, seed: int) -> Reply:
        """Return the raw reply to the first message of a scene."""
        persona = self._personas[asked.persona]
        greeting = replace_macros(persona.greeting, char=persona.name, user=asked.person)
        turns = [PromptTurn(role=Role.PERSON, name=asked.person, text=asked.text)]
        if greeting:
            turns.insert(0, PromptTurn(role=Role.PERSONA, name=persona.name, text=greeting))
        script = Script(
            persona=persona,
            person=Person(name=asked.person),
            turns=turns,
            length_word=asked.length,
        )
        prompt = await self._performer.prepare(script)
        engine = self._performer.engine
        request = GenerationRequest(
            prompt=prompt.text,
            max_tokens=LONGEST_REPLY,
            sampler=self._performer.get_manner(await engine.wait_ready()).sampler,
            seed=seed,
        )
        text, reason = "", None
        async with aclosing(engine.generate(request)) as chunks:
            async for chunk in chunks:
                text += chunk.text
                reason = chunk.finish_reason or reason
        return Reply(asked=asked, text=text.strip(), ended=reason is FinishReason.STOP)


@asynccontextmanager
async def open_player(held_out: dict[str, Any], model: Path) -> AsyncGenerator[Player]:
    """Open a model as `make chat` does, with bundled and made-up personas."""
    settings = Settings(engine=LlamaCppConfig(model=model))
    async with open_performer(settings) as performer:
        yield Player(performer, make_personas(held_out))


def bundled_names() -> list[str]:
    """Return the names of the personas that ship."""
    return [persona.name for persona in PersonaLibrary.open([]).list()]


def make_personas(held_out: dict[str, Any]) -> dict[str, Persona]:
    """Return the bundled personas and one for each held-out name, by name."""
    personas = {persona.name: persona for persona in PersonaLibrary.open([]).list()}
    blueprints = held_out["blueprints"]
    names = (*held_out["plain_names"], *held_out["complex_names"])
    for index, name in enumerate(names):
        blueprint = blueprints[index % len(blueprints)]
        personas[name] = Persona(key=f"made-up-{index}", name=name, **blueprint)
    return personas


def list_questions(held_out: dict[str, Any]) -> Iterator[Asked]:
    """Yield everything that is asked, group by group."""
    people, bundled = held_out["people"], bundled_names()
    groups = {"bundled": bundled * 2} | {
        group: held_out[f"{group}_names"] for group in ("plain", "complex")
    }
    for group, names in groups.items():
        for index, name in enumerate(names):
            for turn, text in enumerate(held_out["who"]):
                person = people[(index + turn) % len(people)]
                yield Asked(group=f"who {group}", persona=name, person=person, text=text)
    yield from _list_topics(held_out)
    for index, name in enumerate(bundled):
        asked = Asked(group="first", persona=name, person=people[index % len(people)], text="")
        for text in held_out["first_messages"]:
            yield replace(asked, text=text)
        for topic in CHATTY_TOPICS:
            text = held_out["topics"][topic]["prompts"][index % 3]
            for word in LENGTH_WORDS:
                yield replace(asked, group="length", text=text, length=word)


def _list_topics(held_out: dict[str, Any]) -> Iterator[Asked]:
    """Yield the sixty prompts: each to two bundled personas and to a made-up one."""
    people, bundled, made_up = held_out["people"], bundled_names(), held_out["plain_names"]
    index = 0
    for topic, rule in held_out["topics"].items():
        for text in rule["prompts"]:
            names = (bundled[index % 6], bundled[(index + 3) % 6], made_up[index % len(made_up)])
            for name in names:
                person = people[index % len(people)]
                yield Asked(group="topic", persona=name, person=person, text=text, topic=topic)
            index += 1
