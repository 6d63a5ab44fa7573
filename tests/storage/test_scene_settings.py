"""What is set for one scene: stored, cleared, and still there after a restart."""

from dataclasses import replace

from storage.records import Answers, NewScene
from storage.scenes import SceneStore

MAREN = NewScene(
    scene_key="guild:1/channel:2",
    persona_key="maren",
    opened_by_id=10,
    opened_by_name="Ann",
    length_word="short",
    prompt_format="chatml",
    sampler='{"temperature": 0.9}',
)


async def test_settings_of_a_scene_are_stored(scenes, database, reopen):
    scene = await scenes.open(MAREN)
    await scenes.set_length(scene.id, "massive")
    await scenes.set_answers(scene.id, Answers.ALL)
    await scenes.set_anchor(scene.id, 17)
    await scenes.set_prompt_format(scene.id, "limarp")
    await scenes.set_sampler(scene.id, "{}")
    expected = replace(
        scene,
        length_word="massive",
        answers=Answers.ALL,
        anchor_turn_id=17,
        prompt_format="limarp",
        sampler="{}",
    )
    assert await scenes.get(scene.id) == expected
    await database.aclose()
    assert await SceneStore(await reopen()).get(scene.id) == expected


async def test_settings_of_a_scene_are_cleared(scenes):
    scene = await scenes.open(MAREN)
    await scenes.set_anchor(scene.id, 17)
    await scenes.set_length(scene.id, None)
    await scenes.set_anchor(scene.id, None)
    await scenes.set_prompt_format(scene.id, None)
    await scenes.set_sampler(scene.id, None)
    cleared = replace(scene, length_word=None, prompt_format=None, sampler=None)
    assert await scenes.get(scene.id) == cleared
