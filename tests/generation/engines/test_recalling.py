"""Before a shortened prompt is asked, the scene's cache entry is taken back into a slot."""

import asyncio
import json
from contextlib import aclosing

import pytest

from bot.generation.engines.llama_server import LlamaServerEngine, Traits
from tests.fake_model import FakeModel
from tests.generation.engines.asking import ask, engine_at, read, read_text

HEAD = "Maren keeps the light at Gull Point.\n"
LINES = [f"Noor: This is what I say on day {day} of the storm.\n" for day in range(12)]
LONG = HEAD + "".join(LINES)
CUT = HEAD + "".join(LINES[6:]) + "Noor: And now?\n"
LAST = {
    "content": "",
    "stop": True,
    "id_slot": 1,
    "timings": {"prompt_n": 3, "cache_n": 150, "prompt_ms": 20.0},
}


def sse(*events: object) -> bytes:
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()


def progress(cache: int, total: int = 200) -> dict[str, object]:
    return {"content": "", "prompt_progress": {"cache": cache, "total": total}}


async def tell_long(engine: LlamaServerEngine, model: FakeModel, affinity: str = "a") -> str:
    model.replies.append("Wait it out.")
    return await read_text(engine, prompt=LONG, affinity=affinity)


async def test_a_shortened_scene_is_taken_back_first(model: FakeModel):
    async with engine_at(model.url, traits=Traits(recalls=True)) as engine:
        said = await tell_long(engine, model)
        model.send_next(sse(progress(199), LAST))
        chunks = await read(engine, prompt=CUT, affinity="a")
    _, recall, asked = model.requests
    assert recall["prompt"] == LONG + said
    assert recall["n_predict"] == 0
    assert asked["prompt"] == CUT
    assert asked["id_slot"] == 1
    assert "".join(chunk.text for chunk in chunks) == model.default_reply
    costs = chunks[-1].timings
    assert costs is not None
    assert costs.prompt_tokens == model.count(CUT, whole=True) + 3  # what taking it back cost
    assert costs.prompt_seconds == pytest.approx(costs.seconds - 0.01 * costs.reply_tokens)


@pytest.mark.parametrize(
    ("prompt", "affinity"),
    [
        pytest.param(LONG + "Maren: Wait it out.\nNoor: Until when? " * 9, "a", id="goes-on"),
        pytest.param(CUT, "b", id="another-scene"),
        pytest.param(CUT, "", id="no-scene"),
        pytest.param("Something else. " * 30, "a", id="nothing-in-common"),
        pytest.param(HEAD + LINES[11], "a", id="too-little-in-common"),
    ],
)
async def test_only_a_scenes_own_shortened_prompt_is(model: FakeModel, prompt: str, affinity: str):
    async with engine_at(model.url, traits=Traits(recalls=True)) as engine:
        await tell_long(engine, model, "" if not affinity else "a")
        await read_text(engine, prompt=prompt, affinity=affinity)
    assert [request["prompt"] for request in model.requests] == [LONG, prompt]
    assert "id_slot" not in model.requests[1]


async def test_a_server_that_keeps_nothing_is_not_asked(model: FakeModel):
    async with engine_at(model.url) as engine:
        await tell_long(engine, model)
        await read_text(engine, prompt=CUT, affinity="a")
    assert model.prompts == [LONG, CUT]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(sse(progress(60), LAST), id="it-left-the-cache"),
        pytest.param(sse({"error": {"message": "no room"}}), id="refused"),
    ],
)
async def test_what_cannot_be_taken_back_is_left(model: FakeModel, answer: bytes):
    async with engine_at(model.url, traits=Traits(recalls=True)) as engine:
        await tell_long(engine, model)
        model.send_next(answer)
        assert await read_text(engine, prompt=CUT, affinity="a") == model.default_reply
    assert len(model.requests) == 3
    assert "id_slot" not in model.requests[2]


async def test_what_was_said_before_a_hang_up_is_in_the_cache_too(model: FakeModel):
    async with engine_at(model.url, traits=Traits(recalls=True)) as engine:
        model.replies.append("Wait it out.")
        async with aclosing(engine.generate(ask(prompt=LONG, affinity="a"))) as chunks:
            first = await anext(chunks)
        model.send_next(sse(progress(199), LAST))
        await read_text(engine, prompt=CUT, affinity="a")
    assert model.prompts[1] == LONG + first.text


async def test_nobody_takes_the_slot_in_between(model: FakeModel):
    async with engine_at(model.url, traits=Traits(recalls=True)) as engine:
        await tell_long(engine, model)
        model.hold()  # only what is no raw answer waits for it
        model.send_next(sse(progress(199), LAST))
        shortened = asyncio.create_task(read_text(engine, prompt=CUT, affinity="a"))
        await model.wait_for(lambda: len(model.requests) == 3, what="the shortened prompt")
        other = asyncio.create_task(read_text(engine, prompt="Hello.", affinity="b"))
        with pytest.raises(AssertionError):
            await model.wait_for(lambda: len(model.requests) > 3, timeout=0.3)
        model.release()
        assert await shortened == await other == model.default_reply
    assert model.prompts[3] == "Hello."


async def test_who_waits_for_the_slot_can_leave(model: FakeModel):
    async with engine_at(model.url, traits=Traits(recalls=True)) as engine:
        await tell_long(engine, model)
        model.hold()
        model.send_next(sse(progress(199), LAST))
        shortened = asyncio.create_task(read_text(engine, prompt=CUT, affinity="a"))
        await model.wait_for(lambda: len(model.requests) == 3, what="the shortened prompt")
        shortened.cancel()
        await asyncio.wait([shortened])
        model.release()
        assert await read_text(engine, prompt="Hello.", affinity="b") == model.default_reply
