"""A server that says nothing: replaced if it is ours, waited for no longer if it is not."""

import asyncio

import pytest

from bot.generation.errors import EngineDiedError, GenerationTimeoutError
from tests.fake_model import FakeModel
from tests.generation.engines.asking import (
    SILENCE,
    ask,
    engine_at,
    engine_of_ours,
    read,
    read_text,
    talker,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"
PROGRESS = b'data: {"content":"","tokens":[0],"stop":false,"prompt_progress":{"total":811}}\n\n'


async def test_silence_of_a_server_of_ours_is_a_hang(model: FakeModel):
    model.silent_next()
    async with engine_of_ours(model.url, silence_seconds=SILENCE) as (engine, source):
        with pytest.raises(EngineDiedError):
            await read(engine)
        assert source.hangs == ["/completion said nothing for 0.1 s"]
        assert await read_text(engine) == model.default_reply


async def test_silence_in_mid_reply_is_a_hang_too(model: FakeModel):
    async with engine_of_ours(model.url, silence_seconds=SILENCE) as (engine, source):
        chunks = engine.generate(ask())
        await anext(chunks)
        model.hold()
        with pytest.raises(EngineDiedError):
            async for _ in chunks:
                pass
        assert source.hangs == ["/completion said nothing for 0.1 s"]


@pytest.mark.parametrize("call", ["count_tokens", "wait_ready"])
async def test_short_answers_must_come_soon(call: str):
    async with (
        talker(ENDLESS, then=b" ") as url,
        engine_of_ours(url, answer_seconds=SILENCE) as ours,
    ):
        engine, source = ours
        if call == "wait_ready":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5 * SILENCE):
                    await engine.wait_ready()
        else:
            with pytest.raises(EngineDiedError):
                await engine.count_tokens("a")
    path = "/props" if call == "wait_ready" else "/tokenize"
    assert source.hangs[0] == f"{path} said nothing for 0.1 s"


async def test_a_server_elsewhere_may_only_be_slow():
    async with talker(ENDLESS, then=b" ") as url, engine_at(url, answer_seconds=SILENCE) as engine:
        with pytest.raises(GenerationTimeoutError) as caught:
            await engine.count_tokens("a")
    assert caught.value.seconds == SILENCE


async def test_a_server_of_ours_where_nothing_listens_is_reported(model: FakeModel):
    await model.aclose()
    async with engine_of_ours(model.url) as (engine, source):
        with pytest.raises(EngineDiedError):
            await engine.count_tokens("a")
    assert source.hangs == ["it accepts no connection"]


async def test_a_server_that_hangs_up_does_not_hang():
    async with talker() as url, engine_of_ours(url) as (engine, source):
        with pytest.raises(EngineDiedError):
            await read(engine)
    assert source.hangs == []


async def test_progress_with_the_prompt_is_a_sign_of_life():
    silence = 0.5
    async with (
        talker(HEAD, then=PROGRESS) as url,
        engine_of_ours(url, silence_seconds=silence) as (
            engine,
            source,
        ),
    ):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5 * silence):
                await read(engine)
    assert source.hangs == []


async def test_a_server_that_works_for_others_is_not_replaced(model: FakeModel):
    silence = 0.3
    model.piece_delay = 0.01
    model.context_length = 10**6
    model.replies += ["on and " * 5000, "never said"]
    async with engine_of_ours(model.url, silence_seconds=silence) as (engine, source):
        working = engine.generate(ask(max_tokens=20_000))
        await anext(working)
        model.silent_next()
        waiting = asyncio.create_task(read(engine))
        while not waiting.done():
            await anext(working)
        with pytest.raises(GenerationTimeoutError):
            await waiting
        await working.aclose()
    assert source.hangs == []


async def test_an_engine_says_how_far_its_model_is(model: FakeModel):
    async with engine_of_ours(model.url) as (engine, source):
        assert engine.progress is None
        source.progress = 0.25
        assert engine.progress == 0.25
