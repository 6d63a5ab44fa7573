"""Ordered failures and rate limits."""

import asyncio

import discord
import pytest

from tests.fake_discord import FakeDiscord
from tests.fake_discord_itself.conftest import Bot, raw, running


async def test_a_429_on_an_edit_is_retried(fake, bot):
    sent = await bot.get_channel(fake.tavern.id).send("one")
    fake.fail_next("PATCH", "/channels/{c}/messages/{m}", retry_after=0.1)
    await sent.edit(content="two")
    edits = fake.requests_to("PATCH", "/channels/{channel}/messages/{message}")
    assert [edit.status for edit in edits] == [429, 200]
    assert edits[1].started - edits[0].ended >= 0.1
    assert [edit.content for edit in fake.tavern.messages[-1].edits] == ["two"]
    path = f"/channels/{fake.tavern.id}/messages/{sent.id}"
    fake.fail_next("PATCH", path, retry_after=0.05, global_=True)
    await sent.edit(content="three")
    assert fake.violations == []


async def test_ordered_failures_reach_the_client(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    other = fake.stage.add_channel("other")
    route = "/channels/{c}/messages"
    fake.fail_next("POST", route, status=403, channel=other)
    await channel.send("not for this channel")
    fake.fail_next("POST", route, status=404, code=10003, channel=fake.tavern)
    with pytest.raises(discord.NotFound) as unknown:
        await channel.send("x")
    assert unknown.value.code == 10003
    fake.fail_next("POST", route, status=503, channel=fake.tavern)
    with pytest.raises(discord.DiscordServerError):
        await channel.send("x")
    fake.fail_next("POST", route, status=None, delay=0.1, channel=fake.tavern)
    await channel.send("slow")
    request = fake.requests_to("POST", route)[-1]
    assert request.ended - request.started >= 0.1


async def test_a_send_that_only_seems_to_fail_is_not_doubled(fake, bot):
    channel = bot.get_channel(fake.tavern.id)
    fake.fail_next("POST", "/channels/{c}/messages", retry_after=0.01, carried_out=True)
    await channel.send("once")
    assert len(fake.requests_to("POST", "/channels/{c}/messages")) == 2
    assert [message.content for message in fake.tavern.messages] == ["once"]


async def test_a_client_paces_itself_by_the_limit_headers():
    async with FakeDiscord(pace=0.04) as fake:
        channel = fake.add_guild("Stage").add_channel("tavern")
        async with running(fake, Bot()) as client:
            loop = asyncio.get_running_loop()
            began = loop.time()
            for number in range(6):
                await client.get_channel(channel.id).send(str(number))
            assert loop.time() - began >= 0.2 * 0.9
        assert all(request.status != 429 for request in fake.requests)


async def test_the_sixth_message_in_five_seconds_is_a_429():
    async with FakeDiscord(pace=2) as fake:
        channel = fake.add_guild("Stage").add_channel("tavern")
        path, body = f"channels/{channel.id}/messages", {"content": "x"}
        status, headers, answer = await raw(fake, "POST", path, json=body, times=6)
        assert (status, answer["global"], headers["X-RateLimit-Remaining"]) == (429, False, "0")
        assert headers["Via"]
        assert 5 < answer["retry_after"] <= 10
        assert len(channel.messages) == 5


async def test_over_fifty_requests_a_second_are_a_global_429():
    async with FakeDiscord(pace=10) as fake:
        status, headers, answer = await raw(fake, "GET", "users/@me", times=51)
        assert (status, answer["global"]) == (429, True)
        assert headers["X-RateLimit-Global"] == "true"


async def test_two_edits_of_one_message_in_flight_are_a_violation(fake, bot):
    sent = await bot.get_channel(fake.tavern.id).send("one")
    await sent.edit(content="from now on discord.py knows the limit, and edits side by side")
    fake.fail_next("PATCH", "/channels/{c}/messages/{m}", status=None, delay=0.1)
    await asyncio.gather(sent.edit(content="two"), sent.edit(content="three"))
    assert fake.violations == [f"2 edits of message {sent.id} in flight at once"]


async def test_a_time_out_tells_the_state(fake):
    await fake.noor.say(fake.tavern, "to be seen in the report")
    with pytest.raises(AssertionError, match=r"in vain for a miracle(.|\n)*to be seen"):
        await fake.wait_for(lambda: False, timeout=0.01, what="a miracle")


async def test_an_unknown_route_is_a_violation(fake, bot):
    with pytest.raises(discord.NotFound):
        await bot.fetch_sticker(1)
    assert fake.violations == ["the fake has no route GET /stickers/1"]
