"""What is played: messages, scenes, and how a sliding history moves."""

from dataclasses import dataclass, field
from itertools import islice
from types import SimpleNamespace

import pytest

from benchmarks.engine.scenes import (
    Scene,
    find_next_start,
    iterate_messages,
    open_scenes,
    slide,
    trim_block,
)
from bot.prompting.builder import Script
from bot.prompting.prompt import PromptTurn
from storage.records import Role

TURNS = [PromptTurn(role=Role.PERSON, name="Ana", text="hi", turn_id=id_) for id_ in (4, 7, 9)]
KEPT = 2
ROOM = 4


@dataclass
class FakePerformer:
    """Keeps two of the turns from the anchor on where they are more than four."""

    scripts: list[Script] = field(default_factory=list)

    async def prepare(self, script):
        self.scripts.append(script)
        ids = [
            turn.turn_id for turn in script.turns if turn.turn_id >= (script.anchor_turn_id or 0)
        ]
        trimmed = len(ids) > ROOM
        return SimpleNamespace(anchor_turn_id=ids[-KEPT] if trimmed else script.anchor_turn_id)


@pytest.fixture
def scene():
    [scene] = open_scenes(1)
    return scene


def test_a_scene_begins_with_its_greeting(scene: Scene):
    assert [(turn.role, turn.turn_id) for turn in scene.turns] == [(Role.PERSONA, 1)]
    assert scene.person in scene.turns[0].text
    assert "{{" not in scene.turns[0].text


def test_scenes_differ_in_persona_or_person():
    scenes = open_scenes(12)
    assert len({(scene.persona.key, scene.person) for scene in scenes}) == 12
    assert len({scene.key for scene in scenes}) == 12


@pytest.mark.parametrize(("start", "expected"), [(None, 7), (4, 7), (7, 9)])
def test_the_next_start_is_one_turn_later(start: int | None, expected: int):
    assert find_next_start(TURNS, start) == expected


async def test_a_sliding_history_drops_as_many_turns_as_come(scene: Scene):
    performer, anchors = FakePerformer(), []
    for _ in range(8):
        scene.add(Role.PERSON, "hello")
        await slide(performer, scene)  # pyright: ignore[reportArgumentType]
        anchors.append(scene.anchor)
    assert anchors == [None, None, None, 2, 3, 4, 5, 6]


async def test_a_block_is_dropped_once_and_its_anchor_kept(scene: Scene):
    performer, anchors = FakePerformer(), []
    for _ in range(8):
        scene.add(Role.PERSON, "hello")
        await trim_block(performer, scene)  # pyright: ignore[reportArgumentType]
        anchors.append(scene.anchor)
    assert anchors == [None, None, None, 4, 4, 4, 7, 7]
    assert [script.anchor_turn_id for script in performer.scripts] == [None, *anchors[:-1]]


def test_messages_are_the_same_for_the_same_seed():
    first = list(islice(iterate_messages(1), 50))
    assert first == list(islice(iterate_messages(1), 50))
    assert first != list(islice(iterate_messages(2), 50))
    assert all(text.strip() for text in first)
