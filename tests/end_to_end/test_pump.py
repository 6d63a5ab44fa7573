"""Many replies at once against Discord's real limits, all of them times the pace."""

import asyncio
import itertools
from statistics import median

import pytest

from bot.messages import Pacing
from tests.end_to_end.conftest import PACE
from tests.end_to_end.test_scenes import persona_texts, play
from tests.fake_model import FakeModel

CHANNELS = 20
WORDS = 200
MINUTE_SECONDS = 60 * PACE
PACING = Pacing.scaled(PACE)


@pytest.fixture
async def model():
    async with FakeModel(context_length=8192, slots=CHANNELS) as server:
        server.piece_delay = MINUTE_SECONDS / WORDS
        yield server


def find_edits(fake, channel):
    """Requests that changed the newest message of a channel, oldest first."""
    path = f"/messages/{channel.messages[-1].id}"
    return [
        request
        for request in fake.requests
        if request.method == "PATCH" and request.path.partition("?")[0].endswith(path)
    ]


async def test_twenty_replies_grow_for_a_minute_without_one_429(bot, fake, model, guild):
    channels = [guild.add_channel(f"room-{number}") for number in range(CHANNELS)]
    people = [guild.add_member(f"Guest {number}") for number in range(CHANNELS)]
    for person, channel in zip(people, channels, strict=True):
        await play(person, channel, "maren")
        await (await person.slash(channel, "length", word="unlimited")).answer()
    text = " ".join(f"word{number}." for number in range(WORDS))
    model.default_reply = text
    began = len(fake.requests)
    said = [person.say(channel, "Go on.") for person, channel in zip(people, channels, strict=True)]
    await asyncio.gather(*said)
    await fake.wait_for(
        lambda: all(persona_texts(fake, one)[-1] == f"**Maren**\n{text}" for one in channels),
        timeout=5 * MINUTE_SECONDS,
        what="twenty whole texts",
    )
    assert [request for request in fake.requests[began:] if request.status == 429] == []
    assert model.most_running == CHANNELS
    for channel in channels:
        starts = [request.started for request in find_edits(fake, channel)]
        gaps = [late - early for early, late in itertools.pairwise(starts)]
        assert len(gaps) >= 20  # it grew, and did not come in one go
        assert min(gaps) >= PACING.edit_seconds * 0.95
        assert median(gaps) < PACING.edit_seconds * 2


async def test_a_429_makes_the_edits_that_follow_rarer(bot, fake, model, noor, tavern):
    await play(noor, tavern, "maren")
    await (await noor.slash(tavern, "length", word="unlimited")).answer()
    text = " ".join(f"word{number}." for number in range(60))
    model.replies.append(text)
    route = ("PATCH", "/webhooks/{w}/{t}/messages/{m}")
    fake.fail_next(*route, status=429, retry_after=0.05)
    await noor.say(tavern, "Go on.")
    await fake.wait_for(
        lambda: persona_texts(fake, tavern)[-1] == f"**Maren**\n{text}", what="the whole text"
    )
    starts = [request.started for request in fake.requests_to(*route) if request.status == 200]
    gaps = [late - early for early, late in itertools.pairwise(starts)]
    assert max(gaps[:2]) > PACING.edit_seconds * 1.5
