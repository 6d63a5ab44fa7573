import asyncio
from dataclasses import replace

import pytest

from storage.errors import SceneNotFoundError, StorageError
from storage.records import Answers, NewScene, NewTurn, Role, SceneState
from storage.scenes import SceneStore

MAREN = NewScene(
    scene_key="guild:1/channel:2",
    persona_key="maren",
    opened_by_id=10,
    opened_by_name="Ann",
    guild_id=1,
    channel_id=2,
    answers=Answers.ADDRESSED,
    length_word="short",
    prompt_format="chatml",
    sampler='{"temperature": 0.9}',
)
TILDA = replace(MAREN, persona_key="tilda")
ELSEWHERE = replace(MAREN, scene_key="guild:1/channel:3", channel_id=3)
GREETING = NewTurn(role=Role.PERSONA, name="Maren", text="The sea is calm.")
MESSAGE = NewTurn(role=Role.PERSON, name="Ann", text="Hello.", person_id=10, awaits_answer=True)


async def count_open_replies(database, scene_id):
    sql = "SELECT count(*) FROM open_replies WHERE scene_id = ?"
    return (await database.read(sql, (scene_id,)))[0][0]


async def test_an_opened_scene_is_found_as_it_was_given(scenes):
    scene = await scenes.open(MAREN)
    assert await scenes.find_open(MAREN.scene_key) == scene
    assert await scenes.get(scene.id) == scene
    for field in MAREN.__slots__:
        assert getattr(scene, field) == getattr(MAREN, field), field
    assert scene.state is SceneState.OPEN
    assert scene.opened_at == "2026-01-02T03:04:05.000000+00:00"
    assert scene.closed_at is None
    assert scene.anchor_turn_id is None


async def test_nothing_is_found_where_nothing_is(scenes):
    assert await scenes.find_open("nowhere") is None
    assert await scenes.find_set_aside("nowhere", "maren") is None
    assert await scenes.list_awaiting() == []


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda scenes: scenes.get(7), id="get"),
        pytest.param(lambda scenes: scenes.resume(7), id="resume"),
        pytest.param(lambda scenes: scenes.reset(7, greeting=None), id="reset"),
        pytest.param(lambda scenes: scenes.close(7), id="close"),
        pytest.param(lambda scenes: scenes.set_length(7, "long"), id="set_length"),
        pytest.param(lambda scenes: scenes.set_prompt_format(7, "chatml"), id="set_prompt_format"),
        pytest.param(lambda scenes: scenes.set_sampler(7, "{}"), id="set_sampler"),
        pytest.param(lambda scenes: scenes.set_answers(7, Answers.ALL), id="set_answers"),
        pytest.param(lambda scenes: scenes.set_anchor(7, 1), id="set_anchor"),
    ],
)
async def test_an_unknown_scene_is_an_error(scenes, ask):
    with pytest.raises(SceneNotFoundError) as caught:
        await ask(scenes)
    assert caught.value.scene_id == 7


async def test_the_greeting_is_the_first_turn(scenes, turns):
    scene = await scenes.open(MAREN, greeting=replace(GREETING, message_ids=(5,)))
    (greeting,) = await turns.list(scene.id)
    assert (greeting.role, greeting.name, greeting.text) == (
        Role.PERSONA,
        "Maren",
        "The sea is calm.",
    )
    assert greeting.created_at == scene.opened_at
    assert await turns.find_by_message(5) == greeting


async def test_a_greeting_that_cannot_be_stored_opens_nothing(scenes):
    first = await scenes.open(MAREN)
    with pytest.raises(StorageError):
        await scenes.open(TILDA, greeting=replace(GREETING, message_ids=(2**63,)))
    assert await scenes.find_open(MAREN.scene_key) == first


async def test_opening_sets_the_open_scene_aside(scenes):
    maren = await scenes.open(MAREN)
    elsewhere = await scenes.open(ELSEWHERE)
    tilda = await scenes.open(TILDA)
    assert await scenes.find_open(MAREN.scene_key) == tilda
    assert await scenes.find_open(ELSEWHERE.scene_key) == elsewhere
    aside = await scenes.find_set_aside(MAREN.scene_key, "maren")
    assert aside == replace(maren, state=SceneState.SET_ASIDE)
    assert await scenes.find_set_aside(MAREN.scene_key, "tilda") is None


async def test_an_older_scene_of_the_persona_that_was_set_aside_is_closed(scenes):
    first = await scenes.open(MAREN)
    second = await scenes.open(MAREN)
    third = await scenes.open(MAREN)
    closed = await scenes.get(first.id)
    assert closed.state is SceneState.CLOSED
    assert closed.closed_at == third.opened_at
    aside = await scenes.find_set_aside(MAREN.scene_key, "maren")
    assert aside is not None
    assert aside.id == second.id
    assert await scenes.find_open(MAREN.scene_key) == third


async def test_resuming_swaps_two_scenes(scenes, turns):
    maren = await scenes.open(MAREN, greeting=GREETING)
    tilda = await scenes.open(TILDA)
    assert await scenes.resume(maren.id) == maren
    assert await scenes.find_open(MAREN.scene_key) == maren
    assert (await scenes.get(tilda.id)).state is SceneState.SET_ASIDE
    assert len(await turns.list(maren.id)) == 1
    assert await scenes.resume(tilda.id) == tilda
    assert (await scenes.get(maren.id)).state is SceneState.SET_ASIDE


async def test_resuming_swaps_two_scenes_of_one_persona(scenes):
    first = await scenes.open(MAREN)
    second = await scenes.open(MAREN)
    assert await scenes.resume(first.id) == first
    assert await scenes.get(second.id) == replace(second, state=SceneState.SET_ASIDE)


async def test_resuming_the_open_scene_changes_nothing(scenes, turns):
    scene = await scenes.open(MAREN)
    await turns.append(scene.id, MESSAGE)
    assert await scenes.resume(scene.id) == scene
    assert await scenes.list_awaiting() == [scene]


async def test_a_closed_scene_is_neither_resumed_nor_reset(scenes):
    scene = await scenes.open(MAREN)
    await scenes.close(scene.id)
    with pytest.raises(SceneNotFoundError):
        await scenes.resume(scene.id)
    with pytest.raises(SceneNotFoundError):
        await scenes.reset(scene.id, greeting=GREETING)
    assert await scenes.find_open(MAREN.scene_key) is None


async def test_a_reset_scene_begins_again_with_what_was_set(scenes, turns):
    old = await scenes.open(MAREN, greeting=GREETING)
    await turns.append(old.id, MESSAGE)
    await scenes.set_anchor(old.id, 1)
    await scenes.set_length(old.id, "huge")
    await scenes.set_prompt_format(old.id, "alpaca")
    await scenes.set_sampler(old.id, '{"min_p": 0.1}')
    await scenes.set_answers(old.id, Answers.ALL)
    fresh = await scenes.reset(old.id, greeting=GREETING)
    closed = await scenes.get(old.id)
    assert closed.state is SceneState.CLOSED
    assert closed.closed_at == fresh.opened_at
    assert fresh == replace(
        old,
        id=fresh.id,
        length_word="huge",
        prompt_format="alpaca",
        sampler='{"min_p": 0.1}',
        answers=Answers.ALL,
        opened_at=fresh.opened_at,
    )
    assert [turn.text for turn in await turns.list(fresh.id)] == [GREETING.text]
    assert len(await turns.list(old.id)) == 2
    assert await scenes.list_awaiting() == []


async def test_resetting_a_scene_that_is_set_aside_brings_it_back(scenes):
    maren = await scenes.open(MAREN)
    tilda = await scenes.open(TILDA)
    fresh = await scenes.reset(maren.id, greeting=None)
    assert await scenes.find_open(MAREN.scene_key) == fresh
    assert fresh.persona_key == "maren"
    assert (await scenes.get(tilda.id)).state is SceneState.SET_ASIDE


async def test_closing_twice_keeps_the_first_time(scenes):
    scene = await scenes.open(MAREN)
    await scenes.close(scene.id)
    closed = await scenes.get(scene.id)
    assert closed.closed_at is not None
    await scenes.close(scene.id)
    assert await scenes.get(scene.id) == closed
    assert await scenes.find_open(MAREN.scene_key) is None


async def test_awaiting_scenes_come_longest_waiting_first(scenes, turns):
    first, second, third = [
        await scenes.open(replace(MAREN, scene_key=key)) for key in ("a", "b", "c")
    ]
    for scene in (second, first, second, third):
        await turns.append(scene.id, MESSAGE)
    await turns.append(third.id, replace(MESSAGE, awaits_answer=False))
    assert await scenes.list_awaiting() == [second, first, third]
    (oldest, _) = await turns.list(second.id)
    await turns.clear_awaiting(second.id, up_to=oldest.id)
    assert await scenes.list_awaiting() == [first, second, third]


async def test_hidden_turns_await_nothing(scenes, turns, database):
    scene = await scenes.open(MAREN)
    await turns.append(scene.id, MESSAGE)
    async with database.transaction() as connection:
        await connection.execute("UPDATE turns SET hidden = 1")
    assert await scenes.list_awaiting() == []


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(lambda scenes, scene: scenes.open(TILDA), id="open another"),
        pytest.param(lambda scenes, scene: scenes.close(scene.id), id="close"),
        pytest.param(lambda scenes, scene: scenes.reset(scene.id, greeting=None), id="reset"),
    ],
)
async def test_a_scene_that_is_left_waits_for_nothing(scenes, turns, database, leave):
    scene = await scenes.open(MAREN)
    other = await scenes.open(ELSEWHERE)
    for each in (scene, other):
        await turns.append(each.id, MESSAGE)
        await turns.note_open_message(each.id, 100 + each.id, 0)
    await leave(scenes, scene)
    assert [turn.awaits_answer for turn in await turns.list(scene.id)] == [False]
    assert await count_open_replies(database, scene.id) == 0
    assert await scenes.list_awaiting() == [other]
    assert await count_open_replies(database, other.id) == 1


async def test_a_scene_left_by_a_resume_waits_for_nothing(scenes, turns, database):
    maren = await scenes.open(MAREN)
    tilda = await scenes.open(TILDA)
    await turns.append(tilda.id, MESSAGE)
    await turns.note_open_message(tilda.id, 100, 0)
    await scenes.resume(maren.id)
    assert await scenes.list_awaiting() == []
    assert await count_open_replies(database, tilda.id) == 0


async def test_scenes_opened_at_once_leave_one_open(scenes, database):
    news = [replace(MAREN, persona_key=f"persona {number % 7}") for number in range(40)]
    opened = await asyncio.gather(*(scenes.open(new, greeting=GREETING) for new in news))
    assert len({scene.id for scene in opened}) == 40
    rows = await database.read(
        "SELECT state, count(*) AS scenes, count(DISTINCT persona_key) AS personas"
        " FROM scenes GROUP BY state ORDER BY state"
    )
    assert [tuple(row) for row in rows] == [("closed", 32, 7), ("open", 1, 1), ("set_aside", 7, 7)]


async def test_of_two_resets_at_once_one_counts(scenes):
    scene = await scenes.open(MAREN)
    results = await asyncio.gather(
        *(scenes.reset(scene.id, greeting=GREETING) for _ in range(2)), return_exceptions=True
    )
    assert sum(isinstance(result, SceneNotFoundError) for result in results) == 1
    assert await scenes.find_open(MAREN.scene_key) in results


async def test_two_connections_cannot_both_have_a_scene_open(scenes, reopen):
    await scenes.open(MAREN)
    other = await reopen()
    await asyncio.gather(*(store.open(MAREN) for store in (scenes, SceneStore(other)) * 5))
    rows = await other.read("SELECT count(*) FROM scenes WHERE state = 'open'")
    assert rows[0][0] == 1


async def test_turns_go_with_their_scene(scenes, turns, database):
    scene = await scenes.open(MAREN, greeting=replace(GREETING, message_ids=(5,)))
    await turns.note_open_message(scene.id, 6, 0)
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM scenes")
    for table in ("turns", "alternatives", "turn_messages", "open_replies"):
        assert await database.read(f"SELECT * FROM {table}") == [], table  # noqa: S608


def test_stores_keep_nothing_but_the_database(scenes, turns):
    assert set(vars(scenes)) == set(vars(turns)) == {"_database", "_now"}
