from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.generation.fair_queue import FairQueue, Ticket


def serve_all(queue: FairQueue) -> list[Ticket]:
    """One slot: each is served to its end before the next is taken."""
    served: list[Ticket] = []
    while ticket := queue.take():
        served.append(ticket)
        queue.leave(ticket)
    return served


def fill(queue: FairQueue, *asked: str) -> None:
    """Each is a scene's letter and a person's digit."""
    for scene, person in asked:
        queue.add(scene=scene, person=person)


def names(tickets: list[Ticket]) -> list[str]:
    return [f"{ticket.scene}{ticket.person}" for ticket in tickets]


def test_people_with_many_scenes_wait_for_the_others():
    queue = FairQueue()
    fill(queue, "a1", "b1", "c1", "d1", "e2", "f3")
    assert names(serve_all(queue)) == ["a1", "e2", "f3", "b1", "c1", "d1"]


def test_a_scene_with_many_people_waits_for_the_others():
    queue = FairQueue()
    fill(queue, "a1", "a2", "a3", "a4", "b5", "c6")
    assert names(serve_all(queue)) == ["a1", "b5", "c6", "a2", "a3", "a4"]


def test_a_scene_keeps_its_order():
    queue = FairQueue()
    fill(queue, "a1", "a1", "a2", "b2")
    assert [t.number for t in serve_all(queue) if t.scene == "a"] == [1, 2, 3]


def test_a_scene_is_not_served_twice_at_once():
    queue = FairQueue()
    fill(queue, "a1", "a2")
    first = queue.take()
    assert first is not None
    assert queue.take() is None
    queue.leave(first)
    assert queue.take() is not None


def test_the_order_is_foretold():
    queue = FairQueue()
    fill(queue, "a1", "b1", "c2", "a3", "d2")
    foretold = names(list(queue.order()))
    assert len(queue) == 5, "looking changes nothing"
    assert foretold == names(serve_all(queue))


def test_a_warm_scene_goes_first_but_not_for_ever():
    queue = FairQueue()
    queue.keep_warm(1)
    fill(queue, "a1")
    first = queue.take()
    assert first is not None
    fill(queue, "b2")
    served: list[str] = []
    for _ in range(6):  # the warm scene asks again each time it was served
        queue.leave(first)
        fill(queue, "a1")
        first = queue.take()
        assert first is not None
        served.append(str(first.scene))
    assert served[0] == "a", "its prefix is still in the slot"
    assert "b" in served[:3], "and still the other is served soon"


def test_one_who_left_is_not_served():
    queue = FairQueue()
    fill(queue, "a1", "b2")
    first, second = queue.order()
    queue.leave(first)
    assert queue.take() is second
    queue.leave(second)
    queue.leave(second)
    assert len(queue) == queue.serving == 0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 3)), max_size=12))
def test_whoever_waits_is_served_however_many_come(asked: list[tuple[str, int]]):
    """A crowd of newcomers, each with a new scene and a new name, keeps the queue full."""
    queue = FairQueue()
    queue.keep_warm(2)
    for scene, person in asked:
        queue.add(scene=scene, person=person)
    left = {ticket.number for ticket in queue.order()}
    for newcomer in range(600):
        if not left:
            break
        while len(queue) < 15:
            queue.add(scene=f"new{newcomer}-{len(queue)}", person=f"new{newcomer}-{len(queue)}")
        ticket = queue.take()
        assert ticket is not None
        left.discard(ticket.number)
        queue.leave(ticket)
    assert not left


@given(st.lists(st.integers(1, 3), min_size=1, max_size=30))
def test_nobody_is_served_much_more_often_than_others_who_wait(people: list[int]):
    """While all three always have something waiting, turns are equal but for one."""
    queue = FairQueue()
    turns: Counter[int] = Counter()
    for number in range(12):
        queue.add(scene=f"s{number}", person=number % 3)
    for extra in people:  # who asks more often gets no more turns
        queue.add(scene=f"x{extra}-{len(queue)}", person=extra - 1)
    for _ in range(9):
        ticket = queue.take()
        assert ticket is not None
        assert isinstance(ticket.person, int)
        turns[ticket.person] += 1
        queue.leave(ticket)
    assert max(turns.values()) - min(turns.values()) <= 1
