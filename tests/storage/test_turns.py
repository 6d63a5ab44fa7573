import asyncio
from dataclasses import astuple, fields, replace

import pytest

from storage.errors import SceneNotFoundError, StorageError
from storage.records import NewScene, NewTurn, ReplyFacts, Role, TurnRecord

PERSON = NewTurn(
    role=Role.PERSON,
    name="Ann",
    text="Hello \U0001f30a\x00 ((not cut))",
    person_id=10,
    message_ids=(1_000_000_000_000_000_001,),
    channel_id=2,
    awaits_answer=True,
)
REPLY = NewTurn(role=Role.PERSONA, name="Maren", text="Ahoy.", message_ids=(501, 502), channel_id=2)
FACTS = ReplyFacts(
    length_word="short",
    seed=42,
    finish_reason="stop",
    model="demo.gguf",
    prompt_tokens=100,
    cached_tokens=90,
    reply_tokens=3,
    seconds=0.25,
    sampler='{"temperature": 0.7}',
)


@pytest.fixture
async def scene(scenes):
    new = NewScene(scene_key="k", persona_key="maren", opened_by_id=10, opened_by_name="Ann")
    return await scenes.open(new)


def say(text, *message_ids, awaits_answer=True):
    return replace(PERSON, text=text, message_ids=message_ids, awaits_answer=awaits_answer)


async def append_all(turns, scene, *texts):
    return [await turns.append(scene.id, say(text)) for text in texts]


async def read_messages(database):
    rows = await database.read("SELECT * FROM turn_messages ORDER BY message_id")
    return [tuple(row) for row in rows]


async def test_a_turn_is_read_as_it_was_written(turns, scene, database):
    turn = await turns.append(scene.id, PERSON)
    assert turn == TurnRecord(
        id=turn.id,
        scene_id=scene.id,
        role=Role.PERSON,
        person_id=10,
        name="Ann",
        text=PERSON.text,
        awaits_answer=True,
        created_at="2026-01-02T03:04:06.000000+00:00",
    )
    assert await turns.list(scene.id) == [turn]
    assert await read_messages(database) == [(1_000_000_000_000_000_001, turn.id, 2, 0)]
    ((number, text),) = await database.read("SELECT number, text FROM alternatives")
    assert (number, text) == (0, PERSON.text)


async def test_a_message_that_comes_twice_is_stored_once(turns, scene, database):
    first = await turns.append(scene.id, say("Hello.", 1, 2))
    assert await turns.append(scene.id, say("Hello.", 1, 2)) is None
    assert await turns.append(scene.id, say("Hello.", 3, 2)) is None
    assert await turns.list(scene.id) == [first]
    assert [row[0] for row in await read_messages(database)] == [1, 2]


async def test_a_message_that_comes_twice_at_once_is_stored_once(turns, scene):
    stored = await asyncio.gather(*(turns.append(scene.id, say("Hello.", 1)) for _ in range(20)))
    assert [turn for turn in stored if turn] == await turns.list(scene.id)
    assert stored.count(None) == 19


async def test_a_turn_without_messages_is_always_new(turns, scene):
    await append_all(turns, scene, "Hello.", "Hello.")
    assert len(await turns.list(scene.id)) == 2


async def test_a_turn_needs_a_scene(turns, database):
    with pytest.raises(SceneNotFoundError):
        await turns.append(7, PERSON)
    with pytest.raises(SceneNotFoundError):
        await turns.append_reply(7, REPLY, facts=FACTS, answered_up_to=None)
    assert await database.read("SELECT * FROM turns") == []


async def test_a_scene_that_is_not_open_awaits_nothing_new(turns, scenes, scene):
    await scenes.close(scene.id)
    turn = await turns.append(scene.id, PERSON)
    assert turn.text == PERSON.text
    assert not turn.awaits_answer
    await turns.note_open_message(scene.id, 9, 0)
    assert await turns.list_open_messages(scene.id) == []


async def test_turns_are_listed_in_the_order_of_a_scene(turns, scenes, scene):
    other = await scenes.open(
        NewScene(scene_key="other", persona_key="maren", opened_by_id=10, opened_by_name="Ann")
    )
    first, second, third = await append_all(turns, scene, "1", "2", "3")
    await append_all(turns, other, "elsewhere")
    assert await turns.list(scene.id) == [first, second, third]
    assert await turns.list(scene.id, from_turn_id=second.id) == [second, third]
    assert await turns.list(scene.id, from_turn_id=12345) == [first, second, third]
    assert await turns.list(12345) == []


async def test_a_reply_comes_before_what_was_said_while_it_was_written(turns, scene):
    first, meanwhile = await append_all(turns, scene, "Hello", "And another thing")
    reply = await turns.append_reply(scene.id, REPLY, facts=FACTS, answered_up_to=first.id)
    listed = await turns.list(scene.id)
    assert [turn.id for turn in listed] == [first.id, reply.id, meanwhile.id]
    assert [turn.awaits_answer for turn in listed] == [False, False, True]


async def test_hidden_turns_are_not_listed(turns, scene, database):
    first, second = await append_all(turns, scene, "1", "2")
    async with database.transaction() as connection:
        await connection.execute("UPDATE turns SET hidden = 1 WHERE id = ?", (first.id,))
    assert await turns.list(scene.id) == [second]


async def test_the_text_is_that_of_the_shown_alternative(turns, scene, database):
    turn = await turns.append(scene.id, PERSON)
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO alternatives (turn_id, number, text, created_at) VALUES (?, 1, 'B', '')",
            (turn.id,),
        )
        await connection.execute("UPDATE turns SET shown_alternative = 1")
    shown = replace(turn, text="B")
    assert await turns.list(scene.id) == [shown]
    assert await turns.find_by_message(PERSON.message_ids[0]) == shown


async def test_a_reply_is_stored_with_its_facts_and_messages(turns, scene, database):
    reply = await turns.append_reply(scene.id, REPLY, facts=FACTS, answered_up_to=None)
    assert (reply.role, reply.text, reply.person_id) == (Role.PERSONA, "Ahoy.", None)
    assert await turns.list(scene.id) == [reply]
    names = [field.name for field in fields(ReplyFacts)]
    (row,) = await database.read("SELECT * FROM alternatives")
    assert tuple(row[name] for name in names) == astuple(FACTS)
    assert await read_messages(database) == [(501, reply.id, 2, 0), (502, reply.id, 2, 1)]


async def test_a_reply_answers_what_came_before_it_began(turns, scenes, scene):
    first, second, later = await append_all(turns, scene, "1", "2", "3")
    await turns.append_reply(scene.id, REPLY, facts=FACTS, answered_up_to=second.id)
    waiting = [turn.id for turn in await turns.list(scene.id) if turn.awaits_answer]
    assert waiting == [later.id]
    assert await scenes.list_awaiting() == [scene]
    again = replace(REPLY, message_ids=(503,))
    await turns.append_reply(scene.id, again, facts=FACTS, answered_up_to=later.id)
    assert await scenes.list_awaiting() == []
    assert first.id < second.id < later.id


async def test_a_reply_to_nothing_answers_nothing(turns, scenes, scene):
    await append_all(turns, scene, "1")
    await turns.note_open_message(scene.id, 501, 0)
    await turns.append_reply(scene.id, REPLY, facts=ReplyFacts(), answered_up_to=None)
    assert await scenes.list_awaiting() == [scene]
    assert await turns.list_open_messages(scene.id) == []


async def test_a_reply_does_not_touch_other_scenes(turns, scenes, scene):
    other = await scenes.open(
        NewScene(scene_key="other", persona_key="maren", opened_by_id=10, opened_by_name="Ann")
    )
    await append_all(turns, other, "elsewhere")
    await turns.note_open_message(other.id, 9, 0)
    await turns.append_reply(scene.id, REPLY, facts=FACTS, answered_up_to=10_000)
    assert await scenes.list_awaiting() == [other]
    assert await turns.list_open_messages(other.id) == [9]


async def test_a_reply_that_cannot_be_stored_changes_nothing(turns, scenes, scene):
    (turn,) = await append_all(turns, scene, "1")
    await turns.attach_messages(turn.id, (502,), None)
    await turns.note_open_message(scene.id, 501, 0)
    with pytest.raises(StorageError):
        await turns.append_reply(scene.id, REPLY, facts=FACTS, answered_up_to=turn.id)
    assert await turns.list(scene.id) == [turn]
    assert await scenes.list_awaiting() == [scene]
    assert await turns.list_open_messages(scene.id) == [501]


async def test_waiting_is_cleared_up_to_a_turn(turns, scene):
    _, second, _ = await append_all(turns, scene, "1", "2", "3")
    await turns.note_open_message(scene.id, 501, 0)
    await turns.clear_awaiting(scene.id, up_to=second.id)
    assert [turn.awaits_answer for turn in await turns.list(scene.id)] == [False, False, True]
    assert await turns.list_open_messages(scene.id) == []


async def test_messages_of_an_open_reply_come_in_order_of_the_parts(turns, scene):
    await turns.note_open_message(scene.id, 900, 0)
    await turns.note_open_message(scene.id, 700, 2)
    await turns.note_open_message(scene.id, 800, 1)
    await turns.note_open_message(scene.id, 800, 1)
    assert await turns.list_open_messages(scene.id) == [900, 800, 700]
    assert await turns.list_open_messages(12345) == []


async def test_a_turn_is_found_by_each_of_its_messages(turns, scene):
    reply = await turns.append_reply(scene.id, REPLY, facts=FACTS, answered_up_to=None)
    assert await turns.find_by_message(501) == reply
    assert await turns.find_by_message(502) == reply
    assert await turns.find_by_message(503) is None


async def test_messages_are_attached_once(turns, scene, database):
    first = await turns.append(scene.id, say("1", 1))
    greeting = await turns.append(scene.id, say("Welcome."))
    await turns.attach_messages(greeting.id, (5,), 2)
    await turns.attach_messages(greeting.id, (5, 6, 1), 2)
    assert await read_messages(database) == [
        (1, first.id, 2, 0),
        (5, greeting.id, 2, 0),
        (6, greeting.id, 2, 1),
    ]
    assert await turns.find_by_message(6) == greeting
    assert await turns.append(scene.id, say("Welcome.", 6)) is None


async def test_messages_are_attached_to_turns_only(turns, database):
    with pytest.raises(StorageError):
        await turns.attach_messages(7, (5,), 2)
    assert await read_messages(database) == []


async def test_ids_are_never_given_twice(turns, scene, database):
    first, second = await append_all(turns, scene, "1", "2")
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM turns")
    (third,) = await append_all(turns, scene, "3")
    assert first.id < second.id < third.id


async def test_a_cancelled_append_is_stored_whole_or_not_at_all(turns, scene, database):
    tasks = [asyncio.create_task(turns.append(scene.id, say(str(n), n + 1))) for n in range(200)]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0.0003 if number % 3 else 0)
        if number % 2:
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    stored = await turns.list(scene.id)
    returned = [turn for turn in results if isinstance(turn, TurnRecord)]
    assert {turn.id for turn in returned} <= {turn.id for turn in stored}
    for table in ("turns", "alternatives", "turn_messages"):
        ((rows,),) = await database.read(f"SELECT count(*) FROM {table}")  # noqa: S608
        assert rows == len(stored), table
    assert await turns.append(scene.id, say("after", 999))
