import pytest

from bot.generation.engine import Engine
from bot.generation.errors import (
    ContextOverflowError,
    EngineDiedError,
    EngineError,
    EngineRequestError,
    GenerationError,
    GenerationTimeoutError,
)
from bot.generation.types import (
    GenerationChunk,
)
from tests.fake_model import FakeModel
from tests.generation.engines.asking import SILENCE, ask, engine_at, read, read_text, talker


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
        pytest.param({"detail": "other"}, "{'detail': 'other'}", id="another object"),
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
