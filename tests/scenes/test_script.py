"""What is stored of a reply: also how its words were chosen."""

import json
from dataclasses import asdict, replace
from typing import Any

from bot.generation.sampler_config import SamplerConfig
from bot.generation.types import FinishReason, SamplerSettings
from bot.scenes.performer import Reply
from bot.scenes.script import write_facts, write_script
from personas.library import PersonaLibrary
from personas.persona import Persona
from storage.records import Answers, SceneRecord, SceneState

SCENE = SceneRecord(
    id=1,
    scene_key="k",
    guild_id=None,
    channel_id=None,
    persona_key="maren",
    state=SceneState.OPEN,
    answers=Answers.ALL,
    opened_by_id=1,
    opened_by_name="Ann",
    length_word=None,
    prompt_format="chatml",
    sampler='{"temperature": 0.9}',
    anchor_turn_id=None,
    opened_at="",
    closed_at=None,
)
LIBRARY = PersonaLibrary([Persona(key="maren", name="Maren")])


def test_a_scenes_own_settings_come_into_its_script():
    script = write_script(SCENE, (), LIBRARY)
    assert script.format_name == "chatml"
    assert script.sampler == SamplerConfig(temperature=0.9)
    plain = write_script(replace(SCENE, prompt_format=None, sampler=None), (), LIBRARY)
    assert (plain.format_name, plain.sampler) == (None, None)


def test_a_reply_is_stored_with_the_settings_that_it_was_made_with():
    used = SamplerSettings(temperature=0.9, dry_sequence_breakers=("\n",))
    reply = Reply(text="Aye.", finish_reason=FinishReason.STOP, seed=7, sampler=used)
    facts = write_facts(SCENE, reply, engine_name="m")
    stored: dict[str, Any] = json.loads(facts.sampler or "")
    assert stored == {**asdict(used), "dry_sequence_breakers": ["\n"]}


def test_of_a_reply_that_was_stopped_they_are_not_known():
    reply = Reply(text="Ay", finish_reason=FinishReason.ABORT)
    assert write_facts(SCENE, reply, engine_name="m").sampler is None
