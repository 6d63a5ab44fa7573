"""The spacing of writes, on a clock that only the test moves."""

import asyncio

import pytest

from bot.cogs.pump import Pace, note_refusal, read_seconds
from bot.messages import Pacing

HERE, THERE = 10**17, 10**17 + 1
PACING = Pacing()


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(PACING, clock)


def open_streams(pace, count, channel=None):
    """Lanes that wrote once, in this channel or each in its own."""
    lanes = [pace.open_lane(channel or 10**18 + n) for n in range(count)]
    for lane in lanes:
        lane.note_write()
    return lanes


def test_a_new_reply_may_be_written_at_once(pace, clock):
    assert pace.open_lane(HERE).next_at <= clock.now


def test_one_reply_is_written_at_the_usual_spacing(pace, clock):
    [lane] = open_streams(pace, 1, HERE)
    assert lane.next_at == clock.now + PACING.edit_seconds


def test_two_replies_in_a_channel_share_what_it_may_take(pace, clock):
    lane, other = open_streams(pace, 2, HERE)
    assert lane.next_at == clock.now + 2 * PACING.edit_seconds
    other.close()
    other.close()
    assert lane.next_at == clock.now + PACING.edit_seconds


@pytest.mark.parametrize(
    ("streams", "spacing"),
    [
        pytest.param(20, PACING.edit_seconds, id="as-usual"),
        pytest.param(100, 100 * PACING.write_seconds, id="many"),
    ],
)
def test_spacing_widens_with_the_replies_that_grow_at_once(pace, clock, streams, spacing):
    lanes = open_streams(pace, streams)
    assert lanes[0].next_at == pytest.approx(clock.now + spacing)
    for lane in lanes[1:]:
        lane.close()
    assert lanes[0].next_at == clock.now + PACING.edit_seconds


def test_a_reply_that_only_waits_takes_nothing_from_the_others(pace, clock):
    [lane] = open_streams(pace, 1, HERE)
    waiting = pace.open_lane(HERE)
    assert lane.next_at == clock.now + PACING.edit_seconds
    waiting.close()
    waiting.note_write()
    assert lane.next_at == clock.now + PACING.edit_seconds


def test_a_429_holds_its_channel_and_widens_its_spacing_for_a_while(pace, clock):
    [lane] = open_streams(pace, 1, HERE)
    [other] = open_streams(pace, 1, THERE)
    pace.note_limit(30.0, HERE)
    assert lane.next_at == clock.now + 30.0
    assert other.next_at == clock.now + PACING.edit_seconds
    clock.now += 1
    assert pace.get_spacing(HERE) > 1.9 * PACING.edit_seconds
    clock.now += 60
    assert pace.get_spacing(HERE) == PACING.edit_seconds


def test_spacing_is_widened_at_most_eightfold(pace):
    for _ in range(20):
        pace.note_limit(0.1, HERE)
    assert pace.get_spacing(HERE) == 8 * PACING.edit_seconds


def test_what_is_held_for_all_is_held_everywhere(pace, clock):
    pace.note_limit(3.0)
    assert pace.open_lane(HERE).next_at == clock.now + 3.0
    assert pace.get_spacing(THERE) == 2 * PACING.edit_seconds


@pytest.mark.parametrize(
    ("path", "is_global", "here", "there"),
    [
        pytest.param(f"/api/v10/channels/{HERE}/messages/5", False, 4, 0, id="a-channel"),
        pytest.param(f"/api/v10/channels/{HERE}/messages", True, 4, 4, id="all"),
        pytest.param("/api/v10/webhooks/7/token/messages/5", False, 4, 4, id="a-webhook"),
        pytest.param(f"/api/v10/channels/{HERE}/typing", False, 0, 0, id="no-message"),
        pytest.param("/api/v10/applications/7/commands", False, 0, 0, id="something-else"),
    ],
)
def test_a_refusal_is_noted_for_what_it_concerns(pace, clock, path, is_global, here, there):
    note_refusal(pace, path=path, is_global=is_global, seconds=4)
    held = [max(0, pace.get_held_until(channel) - clock.now) for channel in (HERE, THERE)]
    assert held == [here, there]


@pytest.mark.parametrize(
    ("value", "seconds"), [("1.5", 1.5), ("2", 2), ("", 0), ("soon", 0), ("-1", 0)]
)
def test_a_header_is_read_as_seconds(value, seconds):
    assert read_seconds(value) == seconds


async def test_writes_of_all_replies_are_spread_over_the_second(pace, clock, monkeypatch):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    for _ in range(60):
        await pace.open_lane(HERE).take_place()
    at_once = 60 - len(waits)
    assert at_once <= 12
    in_a_second = at_once + sum(seconds <= 1 for seconds in waits)
    assert in_a_second <= 40  # of Discord's 50: the rest is for commands, typing and deletions
    clock.now += 10
    await pace.open_lane(HERE).take_place()
    assert len(waits) == 60 - at_once
