"""What edited and deleted messages do to the turns that they show."""

from dataclasses import replace

import pytest

from storage.messages import MessageStore
from storage.records import ChangedTurn, DeletedTurn, NewScene, NewTurn, ReplyFacts, Role, ShownTurn

PERSON = NewTurn(
    role=Role.PERSON, name="Ann", text="Hello.", person_id=10, channel_id=2, awaits_answer=True
)
REPLY = NewTurn(role=Role.PERSONA, name="Maren", text="One. Two. Three.", channel_id=2)


@pytest.fixture
def messages(database):
    return MessageStore(database)


@pytest.fixture
async def scene(scenes):
    new = NewScene(scene_key="k", persona_key="maren", opened_by_id=10, opened_by_name="Ann")
    return await scenes.open(new)


def say(text, *message_ids):
    return replace(PERSON, text=text, message_ids=message_ids)


async def reply(turns, scene, *message_ids):
    new = replace(REPLY, message_ids=message_ids)
    return await turns.append_reply(scene.id, new, facts=ReplyFacts(), answered_up_to=None)


async def texts(turns, scene):
    return [turn.text for turn in await turns.list(scene.id)]


def cut(turn, part, count):
    words = turn.text.split()
    assert len(words) == count
    return " ".join(words[:part] + words[part + 1 :])


async def test_a_turn_is_found_by_its_message_with_its_place(turns, scene, messages):
    first = await turns.append(scene.id, say("one", 11))
    await turns.append(scene.id, say("two", 12))
    await messages.delete([12], cut)
    await turns.append(scene.id, say("three", 13))
    assert await messages.find(11) == ShownTurn(turn=first, is_hidden=False, newer_turns=1)
    hidden = await messages.find(12)
    assert (hidden.is_hidden, hidden.newer_turns) == (True, 1)
    assert await messages.find(99) is None


async def test_an_edit_changes_the_text_once(turns, scene, messages):
    await turns.append(scene.id, say("one", 11))
    changed = ChangedTurn(scene_id=scene.id, is_shown_again=False, awaits_answer=True)
    assert await messages.change_text(11, lambda before: f"{before} more") == changed
    assert await messages.change_text(11, lambda before: before) is None
    assert await messages.change_text(99, lambda before: f"{before}!") is None
    assert await texts(turns, scene) == ["one more"]


async def test_an_edit_of_a_personas_message_is_none_of_a_persons(turns, scene, messages):
    await reply(turns, scene, 21)
    assert await messages.change_text(21, lambda _: "Forged.") is None
    assert await texts(turns, scene) == ["One. Two. Three."]


async def test_an_edit_that_leaves_nothing_hides_the_turn_until_the_next(turns, scene, messages):
    turn = await turns.append(scene.id, say("one", 11))
    assert await messages.change_text(11, lambda _: "") == ChangedTurn(
        scene_id=scene.id, is_shown_again=False, awaits_answer=False
    )
    assert await texts(turns, scene) == []
    assert await messages.change_text(11, lambda _: "again") == ChangedTurn(
        scene_id=scene.id, is_shown_again=True, awaits_answer=True
    )
    await turns.clear_awaiting(scene.id, up_to=turn.id)
    await messages.change_text(11, lambda _: "")
    assert await messages.change_text(11, lambda _: "late") == ChangedTurn(
        scene_id=scene.id, is_shown_again=True, awaits_answer=False
    )
    assert await texts(turns, scene) == ["late"]


async def test_an_edit_shows_nothing_that_was_hidden_otherwise(turns, scene, messages):
    await turns.append(scene.id, say("one", 11))
    await messages.delete([11], cut)
    assert await messages.change_text(11, lambda _: "") is None
    changed = await messages.change_text(11, lambda _: "back?")
    assert (changed.is_shown_again, changed.awaits_answer) == (False, False)
    assert await texts(turns, scene) == []
    assert (await messages.find(11)).turn.text == "back?"


async def test_deleted_messages_hide_their_turns_once(turns, scene, messages):
    answered = await turns.append(scene.id, say("answered", 10))
    await turns.clear_awaiting(scene.id, up_to=answered.id)
    waiting = await turns.append(scene.id, say("waits", 11))
    await turns.append(scene.id, say("waits too", 12))
    hidden = await messages.delete([10, 11, 99], cut)
    assert [(one.message_id, one.turn.id, one.turn.awaits_answer) for one in hidden] == [
        (10, answered.id, False),
        (11, waiting.id, True),
    ]
    assert await texts(turns, scene) == ["waits too"]
    assert await messages.delete([10, 11, 99], cut) == [], "a second time changes nothing"
    assert await messages.delete([], cut) == []
    assert (await messages.find(10)).turn.text == "answered", "it is kept"


async def test_a_scene_whose_waiting_turns_are_deleted_awaits_nothing(
    turns, scenes, scene, messages
):
    await turns.append(scene.id, say("waits", 11))
    assert await scenes.list_awaiting() == [scene]
    await messages.delete([11], cut)
    assert await scenes.list_awaiting() == []


async def test_of_a_long_reply_the_deleted_parts_go(turns, scene, messages):
    await reply(turns, scene, 21, 22, 23)
    assert await messages.delete([22], cut) == []
    assert await texts(turns, scene) == ["One. Three."]
    assert await messages.delete([22], cut) == [], "it is gone already"
    assert await messages.delete([23], cut) == []
    assert await texts(turns, scene) == ["One."]
    assert [one.turn.text for one in await messages.delete([21], cut)] == ["One."]
    assert await texts(turns, scene) == []


async def test_a_reply_that_is_deleted_whole_is_kept_whole(turns, scene, messages):
    turn = await reply(turns, scene, 21, 22, 23)
    assert await messages.delete([21, 22, 23], cut) == [DeletedTurn(message_id=21, turn=turn)]
    assert (await messages.find(22)).turn.text == "One. Two. Three."


async def test_of_a_hidden_reply_nothing_is_cut(turns, scene, messages, database):
    turn = await reply(turns, scene, 21, 22, 23)
    async with database.transaction() as connection:
        await connection.execute("UPDATE turns SET hidden = 1 WHERE id = ?", (turn.id,))
    assert await messages.delete([21], cut) == []
    assert (await messages.find(21)).turn.text == "One. Two. Three."


async def test_another_message_takes_a_persons_place(turns, scene, messages):
    first = await turns.append(scene.id, say("K: one", 11))
    taken = await messages.take_over(11, by=12, name="Kay", text="one")
    assert taken == replace(first, name="Kay", text="one")
    assert await messages.delete([11], cut) == [], "the first message does not count any more"
    assert await messages.change_text(11, lambda _: "K: two") is None
    assert await turns.append(scene.id, say("K: one", 11)) is None
    assert await texts(turns, scene) == ["one"]
    await messages.change_text(12, lambda _: "two")
    assert await texts(turns, scene) == ["two"]
    assert len(await messages.delete([12], cut)) == 1
    assert await texts(turns, scene) == []


async def test_a_place_is_taken_also_when_its_message_is_gone(turns, scene, messages):
    await turns.append(scene.id, say("K: one", 11))
    await messages.delete([11], cut)
    taken = await messages.take_over(11, by=12, name="Kay", text="one")
    assert (taken.name, taken.person_id, taken.awaits_answer) == ("Kay", 10, True)
    assert await texts(turns, scene) == ["one"]


async def test_no_place_is_taken_of_a_persona_or_nobody_or_twice(turns, scene, messages):
    await turns.append(scene.id, say("K: one", 11))
    await turns.append(scene.id, say("known", 12))
    await reply(turns, scene, 21)
    for first, second in ((21, 30), (99, 30), (11, 12)):
        assert await messages.take_over(first, by=second, name="Kay", text="x") is None
    assert await texts(turns, scene) == ["K: one", "known", "One. Two. Three."]


async def test_turns_of_bots_are_counted_since_a_person_spoke(turns, scene, messages):
    async def bot_says(message):
        await turns.append(scene.id, replace(say("beep", message), person_id=70))

    assert await messages.count_bot_turns(scene.id, [70]) == 0
    await bot_says(1)
    await reply(turns, scene, 21)
    await bot_says(2)
    assert await messages.count_bot_turns(scene.id, [70, 71]) == 2
    assert await messages.count_bot_turns(scene.id, []) == 0
    await turns.append(scene.id, say("Enough!", 3))
    assert await messages.count_bot_turns(scene.id, [70]) == 0
    await bot_says(4)
    await turns.append(scene.id, replace(say("by a proxy", 5), person_id=None))
    await bot_says(6)
    await messages.delete([6], cut)
    assert await messages.count_bot_turns(scene.id, [70]) == 0
