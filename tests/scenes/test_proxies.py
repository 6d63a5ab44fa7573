"""Which message a proxy's message replaces."""

from dataclasses import replace

import pytest

from bot.messages import IncomingMessage
from bot.scenes.proxies import Originals
from storage.records import DeletedTurn, Role, TurnRecord

ORIGINAL = IncomingMessage(
    message_id=1,
    scene_key="k",
    channel_id=2,
    guild_id=3,
    author_id=4,
    author_name="Noor",
    text="K: The lamp  is red. -k",
)
PROXIED = replace(
    ORIGINAL, message_id=9, author_id=70, author_name="Kay", text="The lamp is red.", is_bot=True
)
PICTURE = ("[image: cat.png]",)


class Clock:
    """Seconds that pass when a test says so."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def originals(clock):
    return Originals(seconds=10, clock=clock)


def find(originals, proxied=PROXIED):
    found = originals.take(proxied)
    return found and (found.message_id, found.person_id)


def test_the_original_is_found_once_by_its_words(originals):
    originals.note(ORIGINAL)
    assert find(originals) == (1, 4)
    assert find(originals) is None


@pytest.mark.parametrize(
    "proxied",
    [
        pytest.param(replace(PROXIED, text="The lamp is blue."), id="other-words"),
        pytest.param(replace(PROXIED, scene_key="elsewhere"), id="other-place"),
        pytest.param(replace(PROXIED, text="", additions=PICTURE), id="other-picture"),
        pytest.param(replace(PROXIED, text=""), id="nothing"),
    ],
)
def test_what_says_something_else_has_no_original(originals, proxied):
    originals.note(ORIGINAL)
    assert find(originals, proxied) is None


def test_a_picture_alone_is_found_by_the_picture(originals):
    originals.note(replace(ORIGINAL, text="K:", additions=PICTURE))
    assert find(originals, replace(PROXIED, text="", additions=PICTURE)) == (1, 4)


def test_of_several_the_newest_is_meant(originals):
    originals.note(replace(ORIGINAL, author_id=5))
    originals.note(replace(ORIGINAL, message_id=2))
    assert find(originals) == (2, 4)
    assert find(originals) == (1, 5)


def test_after_some_seconds_nothing_is_remembered(originals, clock):
    originals.note(ORIGINAL)
    clock.now += 10.5
    assert find(originals) is None


def test_a_deletion_or_an_edit_counts_anew(originals, clock):
    originals.note(ORIGINAL)
    originals.note(replace(ORIGINAL, message_id=2, text="K: Well?"))
    clock.now += 8
    originals.note_deleted("k", [1, 99], [])
    originals.note(replace(ORIGINAL, message_id=2, text="K: Well well?"))
    clock.now += 8
    assert find(originals) == (1, 4)
    assert find(originals, replace(PROXIED, text="Well well?")) == (2, 4)


@pytest.mark.parametrize("person", [4, None])
def test_an_old_message_of_the_story_is_known_from_its_turn(originals, person):
    turn = TurnRecord(
        id=3,
        scene_id=1,
        role=Role.PERSON,
        person_id=person,
        name="Noor",
        text=ORIGINAL.text,
        awaits_answer=False,
        created_at="",
    )
    originals.note_deleted("k", [1], [DeletedTurn(message_id=1, turn=turn)])
    assert find(originals) == ((1, 4) if person else None)
