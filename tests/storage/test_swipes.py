import pytest

from storage.errors import TurnNotFoundError
from storage.records import NewScene, NewTurn, ReplyFacts, Role, SwipeKind, SwipeOrder
from storage.swipes import SwipeStore

ORDER = SwipeOrder(kind=SwipeKind.MORE, hint="rain", length_word="tiny")


@pytest.fixture
def swipes(database, now):
    return SwipeStore(database, now)


@pytest.fixture
async def scene(scenes):
    return await scenes.open(
        NewScene(scene_key="k", persona_key="mira", opened_by_id=1, opened_by_name="Ann")
    )


@pytest.fixture
async def reply(scene, turns):
    """A person's turn and the reply to it, in two messages."""
    asked = await turns.append(
        scene.id, NewTurn(role=Role.PERSON, name="Ann", text="a", person_id=7, message_ids=(10,))
    )
    return await turns.append_reply(
        scene.id,
        NewTurn(role=Role.PERSONA, name="Mira", text="b", message_ids=(11, 12)),
        facts=ReplyFacts(length_word="short"),
        answered_up_to=asked.id,
    )


async def finish(swipes, turn, text, **facts):
    return await swipes.finish(
        turn.id, text, facts=ReplyFacts(**facts), message_ids=(11,), channel_id=None
    )


async def test_a_turn_has_one_alternative_at_first(swipes, scene, reply):
    state = await swipes.count(reply.id)
    assert (state.shown, state.count, state.is_awaited) == (0, 1, False)
    assert (state.scene_id, state.length_word) == (scene.id, "short")
    assert await swipes.list_messages(reply.id) == [11, 12]
    assert await swipes.find_asker(reply.id) == 7
    assert (await swipes.find_newest_reply(scene.id)).id == reply.id


async def test_what_is_ordered_is_known_until_it_is_there(swipes, scene, reply, turns):
    assert await swipes.order(reply.id, ORDER)
    found, order = await swipes.find_ordered(scene.id)
    assert (found.id, order) == (reply.id, ORDER)
    assert (await swipes.count(reply.id)).is_awaited
    assert not await swipes.order(reply.id, ORDER), "one at a time"
    assert await finish(swipes, reply, "c", length_word="tiny") == 1
    assert await swipes.find_ordered(scene.id) is None
    state = await swipes.count(reply.id)
    assert (state.shown, state.count, state.length_word) == (1, 2, "tiny")
    assert [turn.text for turn in await turns.list(scene.id)] == ["a", "c"]
    assert await swipes.list_messages(reply.id) == [11], "it has fewer parts"


async def test_of_two_who_know_of_one_alternative_the_second_gets_none(swipes, reply):
    assert await swipes.order(reply.id, SwipeOrder(), expected=1)
    await finish(swipes, reply, "c")
    assert not await swipes.order(reply.id, SwipeOrder(), expected=1)
    assert await swipes.order(reply.id, SwipeOrder(), expected=2)


async def test_the_shown_one_is_what_the_scene_has(swipes, scene, reply, turns):
    await swipes.order(reply.id, SwipeOrder())
    assert await swipes.show(reply.id, 0) is None, "not while another one is awaited"
    await finish(swipes, reply, "c")
    assert (await swipes.show(reply.id, 0)).text == "b"
    assert [turn.text for turn in await turns.list(scene.id)] == ["a", "b"]
    assert await swipes.show(reply.id, 2) is None
    assert (await swipes.add(reply.id, "own")).text == "own"
    assert (await swipes.count(reply.id)).count == 3


async def test_own_words_wait_for_what_is_awaited(swipes, reply):
    await swipes.order(reply.id, SwipeOrder())
    assert await swipes.add(reply.id, "own") is None
    await swipes.cancel(reply.id)
    assert (await swipes.add(reply.id, "own")).text == "own"


async def test_nothing_is_ordered_of_a_person_or_in_a_scene_that_is_over(
    swipes, scene, scenes, reply, turns
):
    asked = (await turns.list(scene.id))[0]
    assert not await swipes.order(asked.id, SwipeOrder())
    assert await swipes.order(reply.id, SwipeOrder())
    await scenes.close(scene.id)
    assert await swipes.find_ordered(scene.id) is None, "the end of a scene takes it back"
    assert not await swipes.order(reply.id, SwipeOrder())


async def test_who_waits_for_an_alternative_waits_after_a_restart(swipes, scene, scenes, reply):
    assert await scenes.list_awaiting() == []
    await swipes.order(reply.id, SwipeOrder())
    assert [each.id for each in await scenes.list_awaiting()] == [scene.id]
    await swipes.cancel(reply.id)
    assert await scenes.list_awaiting() == []


async def test_a_greeting_brings_its_alternatives_along(swipes, scenes):
    greeting = NewTurn(role=Role.PERSONA, name="Mira", text="a", alternatives=("b", "c"))
    new = NewScene(scene_key="g", persona_key="mira", opened_by_id=1, opened_by_name="Ann")
    scene = await scenes.open(new, greeting=greeting)
    turn = await swipes.find_newest_reply(scene.id)
    assert (await swipes.count(turn.id)).count == 3
    assert (await swipes.show(turn.id, 2)).text == "c"
    assert await swipes.find_asker(turn.id) is None


async def test_a_turn_that_is_not_there_is_an_error(swipes, scene):
    assert await swipes.find_newest_reply(scene.id) is None
    with pytest.raises(TurnNotFoundError):
        await swipes.count(99)
    with pytest.raises(TurnNotFoundError):
        await swipes.add(99, "x")
    with pytest.raises(TurnNotFoundError):
        await swipes.finish(99, "x", facts=ReplyFacts(), message_ids=(), channel_id=None)
    assert not await swipes.order(99, SwipeOrder())
