"""Everything that a server with OpenAI's API can do wrong, and whether it is asked again."""

import asyncio
from contextlib import aclosing

import pytest

from bot.generation.engine import Endpoint
from bot.generation.errors import (
    ContextOverflowError,
    EngineDiedError,
    EngineError,
    EngineRequestError,
    EngineUnavailableError,
    GenerationError,
    GenerationTimeoutError,
)
from bot.generation.factory import StaticEndpoint
from bot.generation.types import FinishReason
from tests.fake_model import write_event
from tests.fake_openai import DONE, FakeOpenai
from tests.generation.engines.asking import SILENCE, ask, openai_at, read, read_text, talker


@pytest.fixture
async def server():
    async with FakeOpenai("vllm") as server:
        yield server


@pytest.fixture
async def engine(server):
    async with openai_at(server.url) as engine:
        yield engine


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_the_operators_business(server, engine, status):
    await engine.wait_ready()
    server.fail_next(status)
    with pytest.raises(EngineUnavailableError) as caught:
        await read(engine)
    assert "set TROUPE_ENGINE__API_KEY" in caught.value.fix
    assert len(server.requests) == 1


async def test_a_wrong_key_is_told_before_anything_is_asked(server):
    server.api_key = "sesame"
    async with openai_at(server.url, api_key="open") as engine:
        with pytest.raises(EngineUnavailableError, match="set TROUPE_ENGINE__API_KEY"):
            await engine.wait_ready()
    async with openai_at(server.url, api_key="sesame") as engine:
        assert await read_text(engine) == server.default_reply


async def test_no_such_api_is_told_with_the_setting():
    head = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
    async with talker(head) as url, openai_at(url) as engine:
        with pytest.raises(EngineUnavailableError, match="check TROUPE_ENGINE__URL"):
            await engine.wait_ready()


async def test_a_model_that_went_away_is_told_with_the_settings(server, engine):
    await engine.wait_ready()
    server.name = "another/model"
    with pytest.raises(EngineUnavailableError) as caught:
        await read(engine)
    assert "TROUPE_ENGINE__MODEL" in caught.value.fix
    assert "TROUPE_ENGINE__API" in caught.value.fix


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("pause", ["0", None, "tomorrow"])
async def test_a_busy_server_is_asked_again(server, engine, status, pause):
    server.retry_after = pause
    server.fail_next(status, times=2)
    assert await read_text(engine) == server.default_reply
    assert len(server.requests) == 3


async def test_the_servers_own_pause_is_kept(server):
    async with openai_at(server.url, pause=3600) as engine:
        server.retry_after = "0"
        server.fail_next(429)
        async with asyncio.timeout(5):
            assert await read_text(engine) == server.default_reply


async def test_a_server_that_wants_to_be_left_alone_for_long_is_believed(server, engine):
    server.retry_after = "86400"
    server.fail_next(429)
    with pytest.raises(EngineRequestError) as caught:
        await read(engine)
    assert (caught.value.status, caught.value.retry_after_seconds) == (429, 86400)
    assert len(server.requests) == 1


async def test_a_server_that_stays_busy_is_given_up(server, engine):
    server.fail_next(429, times=5)
    with pytest.raises(EngineRequestError) as caught:
        await read(engine)
    assert caught.value.status == 429
    assert len(server.requests) == 3


async def test_a_fault_is_tried_again_and_named_when_it_stays(server, engine):
    server.fail_next(500)
    assert await read_text(engine) == server.default_reply
    server.fail_next(500, times=3)
    with pytest.raises(EngineRequestError) as caught:
        await read(engine)
    assert caught.value.status == 500


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_what_would_be_refused_again_is_not_tried_again(server, engine, status):
    server.fail_next(status, body={"detail": [{"msg": "too much"}]})
    with pytest.raises(EngineRequestError, match="too much"):
        await read(engine)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [502, 504])
async def test_a_gateway_without_a_server_behind_it_means_it_died(server, engine, status):
    server.fail_next(status, body="<h1>Bad Gateway</h1>")
    with pytest.raises(EngineDiedError):
        await read(engine)


@pytest.mark.parametrize("program", ["vllm", "tabbyapi"])
async def test_a_prompt_that_is_too_long_is_told_with_both_numbers(program):
    async with FakeOpenai(program) as server, openai_at(server.url) as engine:
        await engine.wait_ready()
        server.context_length = 4
        with pytest.raises(ContextOverflowError) as caught:
            await read(engine, prompt="a b c d e")
    assert caught.value.prompt_tokens >= 5
    assert caught.value.context_length == 1024


@pytest.mark.parametrize("pieces", [0, 1, 3])
async def test_a_connection_that_is_cut_means_the_engine_died(server, engine, pieces):
    server.cut_next(after_pieces=pieces)
    chunks = engine.generate(ask())
    for _ in range(pieces):
        await anext(chunks)
    with pytest.raises(EngineDiedError):
        await anext(chunks)
    assert await read_text(engine) == server.default_reply


SAID = write_event({"choices": [{"text": "Hi", "finish_reason": None}]})
END = write_event({"choices": [{"text": "", "finish_reason": "stop"}]})
ERROR = write_event({"error": {"message": "lost", "code": 500}})


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        pytest.param([b"data: {\n\n"], EngineRequestError, id="half an object"),
        pytest.param([b"data: [1]\n\n"], EngineRequestError, id="no object"),
        pytest.param([b'data: {"choices": "\xff"}\n\n'], EngineRequestError, id="no UTF-8"),
        pytest.param([SAID, ERROR, DONE], EngineRequestError, id="an error after words"),
        pytest.param([], EngineDiedError, id="nothing"),
        pytest.param([DONE], EngineDiedError, id="done without a reason"),
        pytest.param([SAID, DONE], EngineDiedError, id="words and no reason"),
        pytest.param([SAID], EngineDiedError, id="words and no end"),
        pytest.param([write_event({"choices": []}), DONE], EngineDiedError, id="no choice"),
        pytest.param([write_event({"choices": 3}), DONE], EngineDiedError, id="odd choices"),
    ],
)
async def test_a_stream_that_is_not_as_it_must_be(server, engine, chunks, error):
    server.send_next(*chunks)
    with pytest.raises(error):
        await read(engine)
    assert await read_text(engine) == server.default_reply


async def test_an_error_before_the_first_word_is_tried_again(server, engine):
    server.send_next(ERROR, DONE)
    assert await read_text(engine) == server.default_reply


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([SAID, END, DONE], id="no usage although asked"),
        pytest.param([SAID, END], id="no end mark"),
        pytest.param([b": ping\n\n", SAID, b": ping\n\n", END, DONE], id="comments"),
        pytest.param(
            [SAID, write_event({"choices": [{"text": None, "finish_reason": "eos"}]}), DONE],
            id="a reason of its own",
        ),
        pytest.param(
            [SAID, END, write_event({"choices": [], "usage": {"prompt_tokens": None}}), DONE],
            id="usage without numbers",
        ),
        pytest.param(
            [write_event({"choices": [{"delta": {"content": "Hi"}, "text": ""}]}), END, DONE],
            id="a message's piece",
        ),
    ],
)
async def test_a_stream_that_is_odd_but_right(server, engine, chunks):
    server.send_next(*chunks)
    found = await read(engine)
    assert "".join(chunk.text for chunk in found) == "Hi"
    assert found[-1].finish_reason is FinishReason.STOP


async def test_a_server_that_keeps_the_line_open_after_the_end_keeps_nobody_waiting():
    async with FakeOpenai("llama_cpp_python") as server:
        server.send_next(SAID, END, b": ping\n\n" * 3)
        async with openai_at(server.url, context_length=512) as engine, asyncio.timeout(5):
            assert await read_text(engine) == "Hi"


async def test_silence_is_bounded(server):
    async with openai_at(server.url, silence_seconds=SILENCE) as engine:
        await engine.wait_ready()
        server.silent_next()
        with pytest.raises(GenerationTimeoutError):
            await read(engine)
        await server.wait_for(lambda: server.aborted == 1, what="hanging up")
        assert await read_text(engine) == server.default_reply


async def test_comments_do_not_make_up_for_silence():
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    async with (
        talker(head, then=b": ping\n\n") as url,
        FakeOpenai("vllm") as server,
        openai_at(server.url, silence_seconds=SILENCE) as engine,
    ):
        await engine.wait_ready()
        engine._source = StaticEndpoint(Endpoint(url=url))
        with pytest.raises(GenerationTimeoutError):
            await read(engine)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]", id="no object"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", id="a page"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", id="an empty object"),
        pytest.param(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", id="bad request"),
    ],
)
async def test_whatever_answers_there_the_error_is_one_of_ours(answer):
    async with talker(answer) as url, openai_at(url, context_length=512) as engine:
        for call in (read(engine), engine.count_tokens("a"), engine.wait_ready()):
            with pytest.raises((GenerationError, EngineError)):
                async with asyncio.timeout(3):
                    await call


async def test_a_count_that_is_refused_is_told(server, engine):
    await engine.wait_ready()
    await server.aclose()
    with pytest.raises(EngineDiedError):
        await engine.count_tokens("a b c")


async def test_closing_during_a_pause_ends_it(server):
    async with openai_at(server.url, pause=3600) as engine:
        server.fail_next(500)
        async with aclosing(engine.generate(ask())) as chunks:
            asking = asyncio.ensure_future(anext(chunks))
            await server.wait_for(lambda: len(server.requests) == 1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
