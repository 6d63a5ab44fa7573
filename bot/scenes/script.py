"""Between what is stored and what is performed: scripts from records, records from replies."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from bot.prompting.builder import Script
from bot.prompting.prompt import Person, PromptTurn
from bot.scenes.tuning import read_scene_sampler
from storage.records import NewTurn, ReplyFacts, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.scenes.performer import Reply
    from personas.library import PersonaLibrary
    from storage.records import SceneRecord, TurnRecord


def write_script(
    scene: "SceneRecord", turns: "Sequence[TurnRecord]", library: "PersonaLibrary"
) -> Script:
    """What is stored, in the values that a prompt is built from.

    Raises:
        PersonaNotFoundError: If the scene's persona is no longer there.
    """
    return Script(
        persona=library.get(scene.persona_key),
        person=Person(name=scene.opened_by_name),
        turns=[
            PromptTurn(role=turn.role, name=turn.name, text=turn.text, turn_id=turn.id)
            for turn in turns
        ],
        length_word=scene.length_word,
        anchor_turn_id=scene.anchor_turn_id,
        format_name=scene.prompt_format,
        sampler=read_scene_sampler(scene.sampler),
    )


def write_turn(
    scene: "SceneRecord", reply: "Reply", *, persona_name: str, message_ids: "Sequence[int]"
) -> NewTurn:
    """A reply as the persona's turn."""
    return NewTurn(
        role=Role.PERSONA,
        name=persona_name,
        text=reply.text,
        message_ids=tuple(message_ids),
        channel_id=scene.channel_id,
    )


def write_facts(scene: "SceneRecord", reply: "Reply", *, engine_name: str) -> ReplyFacts:
    """How a reply came to be."""
    timings = reply.timings
    return ReplyFacts(
        length_word=scene.length_word,
        seed=reply.seed,
        finish_reason=reply.finish_reason,
        model=engine_name,
        prompt_tokens=timings.prompt_tokens if timings else None,
        cached_tokens=timings.cached_tokens if timings else None,
        reply_tokens=timings.reply_tokens if timings else None,
        seconds=timings.seconds if timings else None,
        waited_seconds=timings.waited_seconds if timings else None,
        prompt_seconds=timings.prompt_seconds if timings else None,
        sampler=json.dumps(asdict(reply.sampler)) if reply.sampler else None,
    )
