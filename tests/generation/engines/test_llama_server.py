import asyncio

import pytest

from bot.generation.engine import Engine
from bot.generation.errors import (
    EngineDiedError,
    EngineRequestError,
    EngineUnavailableError,
)
from bot.generation.types import (
    FinishReason,
    GenerationChunk,
    SamplerSettings,
    Timings,
)
from tests.fake_model import FakeModel
from tests.generation.engines.asking import (
    ask,
    engine_at,
    read,
    read_text,
    talker,
    wait_for_log,
)


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
            timings=Timings(
                prompt_tokens=5,
                cached_tokens=0,
                reply_tokens=9,
                seconds=0.0975,
                prompt_seconds=0.0075,
            ),
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
    [request] = model.requests
    expected = {
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
    assert {name: request[name] for name in expected} == expected


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


async def test_the_models_own_template_is_told_from_llama_cpps_stand_in(model: FakeModel):
    model.chat_template = "{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}"
    async with engine_at(model.url) as engine:
        assert (await engine.wait_ready()).chat_template == model.chat_template
    model.chat_template = (
        "{%- for message in messages -%}\n  {{- '<|im_start|>' + message.role + '\n' + "
        "message.content + '<|im_end|>\n' -}}\n{%- endfor -%}"
    )
    async with engine_at(model.url) as engine:
        assert (await engine.wait_ready()).chat_template == ""


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


async def test_a_server_is_asked_of_its_model_once_for_a_reply_and_again_after_an_error(
    engine: Engine, model: FakeModel
):
    infos = [await engine.wait_ready() for _ in range(4)]
    assert infos == [infos[0]] * 4
    assert model.routes.count("/props") == 1
    model.fail_next(500)
    with pytest.raises(EngineRequestError):
        await read(engine)
    await engine.wait_ready()
    assert model.routes.count("/props") == 2
