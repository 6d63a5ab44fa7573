import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing, suppress
from typing import Any

import pytest

from bot.generation.engine import Endpoint, Engine
from bot.generation.engines.llama_server import LlamaServerEngine
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
from bot.generation.types import (
    FinishReason,
    GenerationChunk,
    GenerationRequest,
    SamplerSettings,
    Timings,
)
from tests.fake_model import FakeModel

SILENCE = 0.1


def ask(**fields: Any) -> GenerationRequest:
    return GenerationRequest(**{"prompt": "Hello there.", "max_tokens": 100, **fields})


async def read(engine: Engine, **fields: Any) -> list[GenerationChunk]:
    async with aclosing(engine.generate(ask(**fields))) as chunks:
        return [chunk async for chunk in chunks]


async def read_text(engine: Engine, **fields: Any) -> str:
    return "".join(chunk.text for chunk in await read(engine, **fields))


@asynccontextmanager
async def engine_at(url: str, **options: Any) -> AsyncIterator[LlamaServerEngine]:
    """An engine without a key."""
    engine = LlamaServerEngine(StaticEndpoint(Endpoint(url=url)), name="elsewhere", **options)
    try:
        yield engine
    finally:
        await engine.aclose()


@asynccontextmanager
async def talker(*first: bytes, then: bytes = b"") -> AsyncIterator[str]:
    """A server that answers these bytes and then says the same again and again."""

    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, EOFError), closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.writelines(first)
            while then:
                writer.write(then)
                await writer.drain()
                await asyncio.sleep(SILENCE / 10)

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(talk(reader, writer)))

    async with await asyncio.start_server(begin, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"
    for task in talks:
        task.cancel()
    await asyncio.gather(*talks, return_exceptions=True)


async def wait_for_log(caplog: pytest.LogCaptureFixture) -> None:
    """Wait until something was logged."""
    logged = asyncio.Event()

    def note(_: logging.LogRecord) -> bool:
        logged.set()
        return True

    caplog.handler.addFilter(note)
    try:
        await logged.wait()
    finally:
        caplog.handler.removeFilter(note)


# A generation


async def test_text_comes_in_pieces_and_the_last_has_the_costs(engine: Engine, model: FakeModel):
    model.replies.append("One two 😀 three.")
    assert await read(engine) == [
        GenerationChunk(text="One"),
        GenerationChunk(text=" two"),
        GenerationChunk(text=" 😀"),
        GenerationChunk(text=" three."),
        GenerationChunk(
            text="",
            finish_reason=FinishReason.STOP,
            timings=Timings(prompt_tokens=5, cached_tokens=0, reply_tokens=9, seconds=0.0975),
        ),
    ]


async def test_a_request_says_all_that_was_asked_for(engine: Engine, model: FakeModel):
    sampler = SamplerSettings(
        temperature=0.7,
        top_k=40,
        top_p=0.9,
        min_p=0.1,
        typical_p=0.95,
        repetition_penalty=1.1,
        repetition_window=256,
    )
    await read(engine, sampler=sampler, stop_sequences=("\nSam:",), seed=7)
    assert model.requests == [
        {
            "prompt": "Hello there.",
            "stream": True,
            "cache_prompt": True,
            "n_predict": 100,
            "stop": ["\nSam:"],
            "seed": 7,
            "temperature": 0.7,
            "top_k": 40,
            "top_p": 0.9,
            "min_p": 0.1,
            "typical_p": 0.95,
            "repeat_penalty": 1.1,
            "repeat_last_n": 256,
        }
    ]


async def test_no_seed_lets_the_server_draw_one(engine: Engine, model: FakeModel):
    await read(engine)
    assert model.requests[0]["seed"] == -1


async def test_the_key_and_the_scenes_name_are_headers(engine: Engine, model: FakeModel):
    await read(engine, affinity="abc123")
    await read(engine)
    assert [headers["Authorization"] for headers in model.headers] == ["Bearer sesame"] * 2
    assert [headers.get("X-Session-ID") for headers in model.headers] == ["abc123", None]


async def test_without_a_key_there_is_no_key_header(model: FakeModel):
    async with engine_at(model.url) as engine:
        await read(engine)
    assert "Authorization" not in model.headers[0]


async def test_what_is_larger_than_a_line_is_read(engine: Engine, model: FakeModel):
    model.context_length = 10**6
    assert await read_text(engine, prompt="word " * 60_000) == model.default_reply


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ("Hello.\n### Input:\nSam", "Hello."),
        ("### Input:\nSam", ""),
        ("\n\n  Hello.", "Hello."),
        ("Hello.\n###", "Hello.\n###"),
        ("", ""),
        ("  \n ", ""),
    ],
)
async def test_a_reply_is_shown_up_to_a_stop(
    engine: Engine, model: FakeModel, reply: str, shown: str
):
    model.replies.append(reply)
    chunks = await read(engine, stop_sequences=("\n### Input",))
    assert "".join(chunk.text for chunk in chunks) == shown
    assert chunks[-1].finish_reason is FinishReason.STOP


async def test_a_stop_that_the_server_does_not_see_ends_the_work_there(
    engine: Engine, model: FakeModel
):
    model.piece_delay = 0.005
    model.replies.append("### Input: and on" + " and on" * 5000)
    model.context_length = 10**6
    last = (await read(engine, max_tokens=20_000, stop_sequences=("\n### Input",)))[-1]
    assert (last.text, last.finish_reason) == ("", FinishReason.STOP)
    await model.wait_for(lambda: model.aborted == 1 and not model.running, what="hanging up")


async def test_the_limit_is_a_reason_of_its_own(engine: Engine, model: FakeModel):
    chunks = await read(engine, max_tokens=3)
    assert "".join(chunk.text for chunk in chunks) == "The lantern"
    assert chunks[-1].finish_reason is FinishReason.LENGTH


@pytest.mark.parametrize("held", [True, False])
async def test_closing_ends_the_work_on_the_server(engine: Engine, model: FakeModel, *, held: bool):
    model.piece_delay = 0.001
    model.replies.append("on and " * 5000)
    model.context_length = 10**6
    chunks = engine.generate(ask(max_tokens=20_000))
    assert (await anext(chunks)).text == "on"
    if held:
        model.hold()
    await chunks.aclose()
    await model.wait_for(lambda: model.aborted == 1 and not model.running, what="hanging up")


async def test_cancelling_before_the_first_piece_ends_the_work_on_the_server(
    engine: Engine, model: FakeModel
):
    model.hold()
    task = asyncio.create_task(read(engine))
    await model.wait_for(lambda: model.running == 1, what="beginning")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await model.wait_for(lambda: model.aborted == 1 and not model.running, what="hanging up")


async def test_many_run_at_once(engine: Engine, model: FakeModel):
    model.hold()
    model.default_reply = str.upper
    tasks = [asyncio.create_task(read_text(engine, prompt=f"p{n}")) for n in range(120)]
    await model.wait_for(lambda: model.running == 120, what="all of them")
    model.release()
    assert await asyncio.gather(*tasks) == [f"P{number}" for number in range(120)]


# What goes wrong in one


async def test_a_prompt_that_is_too_long_is_told_with_both_numbers(
    engine: Engine, model: FakeModel
):
    model.context_length = 4
    with pytest.raises(ContextOverflowError) as caught:
        await read(engine, prompt="a b c")
    assert (caught.value.prompt_tokens, caught.value.context_length) == (6, 4)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(None, "told to fail", id="llama.cpp's own"),
        pytest.param({"error": {"code": 500}}, "{'code': 500}", id="no message"),
        pytest.param({"error": "plain"}, "plain", id="error as text"),
        pytest.param({"detail": "other"}, '{"detail": "other"}', id="another object"),
        pytest.param([1], "[1]", id="no object"),
        pytest.param("<h1>Bad Gateway</h1>", "<h1>Bad Gateway</h1>", id="page"),
        pytest.param("", "", id="nothing"),
        pytest.param("x" * 5000, "x" * 200, id="much"),
    ],
)
async def test_a_refusal_is_told_with_its_reason(
    engine: Engine, model: FakeModel, body: object, reason: str
):
    model.fail_next(500, body=body)
    with pytest.raises(EngineRequestError) as caught:
        await read(engine)
    assert (caught.value.status, caught.value.reason) == (500, reason)
    assert await read_text(engine) == model.default_reply


async def test_a_refusal_that_is_no_text_is_told(engine: Engine):
    del engine
    head = b"HTTP/1.1 500 Oh\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 2\r\n\r\n"
    async with talker(head + b"\xff\xfe") as url, engine_at(url) as stranger:
        with pytest.raises(EngineRequestError) as caught:
            await read(stranger)
    assert caught.value.status == 500


@pytest.mark.parametrize("pieces", [0, 1, 3])
async def test_a_connection_that_is_cut_means_the_engine_died(
    engine: Engine, model: FakeModel, pieces: int
):
    model.cut_next(after_pieces=pieces)
    chunks = engine.generate(ask())
    for text in ["The", " lantern", " swings."][:pieces]:
        assert await anext(chunks) == GenerationChunk(text=text)
    with pytest.raises(EngineDiedError):
        await anext(chunks)
    assert await read_text(engine) == model.default_reply


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        pytest.param([b"data: {\n\n"], EngineRequestError, id="half an object"),
        pytest.param([b"data: [1]\n\n"], EngineRequestError, id="no object"),
        pytest.param([b'data: {"content": "\xff"}\n\n'], EngineRequestError, id="no UTF-8"),
        pytest.param(
            [b'data: {"error": {"code": 500, "message": "slot lost"}}\n\n'],
            EngineRequestError,
            id="an error in the stream",
        ),
        pytest.param(
            [b'error: {"code": 500, "message": "slot lost"}\n\n'],
            EngineRequestError,
            id="an error in the stream of older servers",
        ),
        pytest.param(
            [b'data: {"error": {"type": "exceed_context_size_error", "n_ctx": 4}}\n\n'],
            ContextOverflowError,
            id="too long, told in the stream",
        ),
        pytest.param([], EngineDiedError, id="nothing"),
        pytest.param([b"data: [DONE]\n\n"], EngineDiedError, id="done without a last event"),
        pytest.param([b'data: {"content": "a"}\n\n'], EngineDiedError, id="no last event"),
    ],
)
async def test_a_stream_that_is_not_as_it_must_be(
    engine: Engine, model: FakeModel, chunks: list[bytes], error: type[Exception]
):
    model.send_next(*chunks)
    with pytest.raises(error):
        await read(engine)
    assert await read_text(engine) == model.default_reply


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([b'data: {"con', b'tent": "Hi \xf0\x9f', b'\x98\x80"}\n'], id="split emoji"),
        pytest.param([b": ping\n\n", b'data: {"content":"Hi \xf0\x9f\x98\x80"}\n\n'], id="comment"),
        pytest.param([b'data: {"content": null}\n', b'data: {"content":"Hi \xf0\x9f\x98\x80"}\n']),
        pytest.param([b"data: {}\n", b'data: {"content":"Hi \\ud83d\\ude00"}\n'], id="escaped"),
    ],
)
async def test_a_stream_that_is_odd_but_right(
    engine: Engine, model: FakeModel, chunks: list[bytes]
):
    model.send_next(*chunks, b'data: {"content": "", "stop": true, "timings": null}\n\n')
    read_chunks = await read(engine)
    assert "".join(chunk.text for chunk in read_chunks) == "Hi 😀"
    assert read_chunks[-1].timings is None


async def test_silence_is_bounded_before_the_first_piece(model: FakeModel):
    model.silent_next()
    async with engine_at(model.url, silence_seconds=SILENCE) as engine:
        with pytest.raises(GenerationTimeoutError) as caught:
            await read(engine)
        assert caught.value.seconds == SILENCE
        await model.wait_for(lambda: model.aborted == 1, what="hanging up")
        assert await read_text(engine) == model.default_reply


async def test_silence_is_bounded_between_pieces(model: FakeModel):
    async with engine_at(model.url, silence_seconds=SILENCE) as engine:
        chunks = engine.generate(ask())
        await anext(chunks)
        model.hold()
        with pytest.raises(GenerationTimeoutError):
            async for _ in chunks:
                pass


async def test_comments_do_not_make_up_for_silence():
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    async with (
        talker(head, then=b": ping\n\n") as url,
        engine_at(url, silence_seconds=SILENCE) as engine,
    ):
        with pytest.raises(GenerationTimeoutError):
            await read(engine)


async def test_nobody_there_means_the_engine_died(model: FakeModel):
    await model.aclose()
    async with engine_at(model.url) as engine:
        for call in (read(engine), engine.count_tokens("a")):
            with pytest.raises(EngineDiedError) as caught:
                await call
            assert caught.value.engine == "elsewhere"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="hangs up"),
        pytest.param(b"220 mail.example.org ESMTP\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", id="half an answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]", id="no object"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", id="a page"),
        pytest.param(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", id="not found"),
        pytest.param(b"HTTP/1.1 302 Go\r\nLocation: http:///\r\n\r\n", id="sends elsewhere"),
    ],
)
async def test_whatever_answers_there_the_error_is_one_of_ours(answer: bytes):
    async with talker(answer) as url, engine_at(url) as engine:
        for call in (read(engine), engine.count_tokens("a")):
            with pytest.raises((GenerationError, EngineError)):
                await call


# Counting, waiting, closing


async def test_tokens_are_counted_by_the_server(engine: Engine):
    assert await engine.count_tokens("Hello, 😀") == 4
    assert await engine.count_tokens("Hello, 😀", whole=True) == 5


async def test_it_waits_while_the_model_loads(engine: Engine, model: FakeModel):
    model.loading = True
    ready = asyncio.create_task(engine.wait_ready())
    await model.wait_for(lambda: model.routes.count("/props") == 2, what="asking again")
    assert not ready.done()
    model.loading = False
    info = await ready
    assert (info.name, info.context_length, info.slots) == ("fake-model", 1024, 2)


async def test_it_waits_until_the_server_is_there_and_says_so_once(
    model: FakeModel, caplog: pytest.LogCaptureFixture
):
    await model.aclose()
    async with engine_at(model.url) as engine:
        ready = asyncio.create_task(engine.wait_ready())
        await wait_for_log(caplog)
        async with FakeModel(port=model.port):
            assert (await ready).name == "fake-model"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "elsewhere does not answer yet" in caplog.text


async def test_a_key_that_is_refused_is_not_tried_again(model: FakeModel):
    model.api_key = "another"
    async with engine_at(model.url) as engine:
        with pytest.raises(EngineUnavailableError) as caught:
            await engine.wait_ready()
        assert caught.value.fix == "the server refuses the key"
        with pytest.raises(EngineRequestError) as refused:
            await read(engine)
        assert refused.value.status == 401


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"default_generation_settings": 3}'])
async def test_what_is_no_llama_server_is_not_waited_for(body: bytes):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with talker(head, body) as url, engine_at(url) as engine:
        with pytest.raises(EngineUnavailableError):
            await engine.wait_ready()


async def test_the_models_own_template_is_told_from_llama_cpps_stand_in(
    engine: Engine, model: FakeModel
):
    model.chat_template = "{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}"
    assert (await engine.wait_ready()).chat_template == model.chat_template
    model.chat_template = (
        "{%- for message in messages -%}\n  {{- '<|im_start|>' + message.role + '\n' + "
        "message.content + '<|im_end|>\n' -}}\n{%- endfor -%}"
    )
    assert (await engine.wait_ready()).chat_template == ""


async def test_a_sampler_that_llama_cpp_has_not_is_named_once(
    engine: Engine, model: FakeModel, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    tail_free = SamplerSettings(tail_free=0.92)
    for sampler in (SamplerSettings(), tail_free, tail_free, SamplerSettings(min_p=0.2)):
        await read(engine, sampler=sampler)
    assert [request["min_p"] for request in model.requests] == [0.0, 0.05, 0.05, 0.2]
    assert len(caplog.records) == 1
    assert "tail-free" in caplog.text


async def test_closing_ends_what_runs_and_nothing_begins_after(engine: Engine, model: FakeModel):
    model.hold()
    running = asyncio.create_task(read(engine))
    await model.wait_for(lambda: model.running == 1, what="beginning")
    await engine.aclose()
    with pytest.raises(EngineDiedError):
        await running
    for call in (read(engine), engine.count_tokens("a"), engine.wait_ready()):
        with pytest.raises(EngineUnavailableError):
            await call
    await engine.aclose()
