"""What every engine keeps to: on a server without a model, and on the model that ships."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from bot.generation.config import (
    DEMO_MODEL,
    CtransformersConfig,
    LlamaCppConfig,
    LlamaServerConfig,
)
from bot.generation.engine import Engine
from bot.generation.errors import ContextOverflowError
from bot.generation.factory import open_engine
from bot.generation.remote_config import OpenaiConfig
from bot.generation.types import (
    EngineState,
    FinishReason,
    GenerationChunk,
    GenerationRequest,
    SamplerSettings,
)
from bot.generation.workers.child import WorkerSettings
from bot.generation.workers.supervisor import WorkerSupervisor
from tests.fake_model import FakeModel

PROMPT = "### Input:\nSam: Hello, who are you?\n\n### Response:\nMaren:"
WINDOW = 512
CHAOS = SamplerSettings(temperature=5.0)
"""Nearly every token is as likely as another, so that a reply does not end by itself."""


@asynccontextmanager
async def openai_on_llamacpp() -> AsyncIterator[Engine]:
    """The client for OpenAI's API on llama.cpp's own server, which has that API too."""
    settings = WorkerSettings(
        model=str(DEMO_MODEL), api_key="", parent_pid=0, context_length=WINDOW, slots=1,
        gpu_layers=0, threads=1,
    )  # fmt: skip
    worker = WorkerSupervisor("bot.generation.workers.llamacpp_worker", settings)
    worker.start()
    try:
        endpoint = await worker.get_endpoint()
        config = {"kind": "openai", "url": f"{endpoint.url}/v1", "api_key": endpoint.api_key}
        engine = open_engine(OpenaiConfig.model_validate(config | {"slots": 1}))
        yield engine
        await engine.aclose()
    finally:
        await worker.aclose()


@pytest.fixture(params=["fake", "llamacpp", "ctransformers", "openai"])
async def engine(request: pytest.FixtureRequest, ggml_model: Path) -> AsyncIterator[Engine]:
    if request.param == "openai":
        async with openai_on_llamacpp() as engine:
            yield engine
        return
    async with FakeModel(context_length=WINDOW, slots=1) as model:
        model.default_reply = lambda _: "Well met, traveller. 😀 Sit by the fire with me. " * 200
        model.piece_delay = 0.001
        configs = {
            "fake": LlamaServerConfig.model_validate({"kind": "llama_server", "url": model.url}),
            "llamacpp": LlamaCppConfig(context_length=WINDOW, slots=1, threads=1),
            "ctransformers": CtransformersConfig(
                model=ggml_model, context_length=WINDOW, threads=1
            ),
        }
        engine = open_engine(configs[request.param])
        yield engine
        await engine.aclose()


async def read(engine: Engine, request: GenerationRequest) -> list[GenerationChunk]:
    await engine.wait_ready()
    async with aclosing(engine.generate(request)) as chunks:
        return [chunk async for chunk in chunks]


async def test_it_says_what_it_has(engine: Engine):
    info = await engine.wait_ready()
    assert (info.context_length, info.slots) == (WINDOW, 1)
    assert info.name
    assert info.chat_template == ""
    assert engine.state is EngineState.READY


async def test_the_last_chunk_and_only_it_says_why_it_ended(engine: Engine):
    chunks = await read(engine, GenerationRequest(prompt=PROMPT, max_tokens=30, sampler=CHAOS))
    assert chunks[-1].finish_reason is not None
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


async def test_a_reply_is_as_long_as_it_may_be_at_most(engine: Engine):
    request = GenerationRequest(prompt=PROMPT, max_tokens=7, sampler=CHAOS, seed=1)
    last = (await read(engine, request))[-1]
    assert last.finish_reason is FinishReason.LENGTH
    assert last.timings is not None
    assert last.timings.reply_tokens == 7
    assert last.timings.seconds > 0
    whole = await engine.count_tokens(PROMPT, whole=True)
    assert last.timings.prompt_tokens + last.timings.cached_tokens == whole


async def test_prompt_and_reply_share_the_window(engine: Engine):
    request = GenerationRequest(prompt=PROMPT, max_tokens=5000, sampler=CHAOS, seed=1)
    last = (await read(engine, request))[-1]
    assert last.timings is not None
    room = WINDOW - await engine.count_tokens(PROMPT, whole=True)
    assert last.timings.reply_tokens <= room
    if last.finish_reason is FinishReason.LENGTH:
        assert last.timings.reply_tokens >= room - 1


@pytest.mark.parametrize("stop", ["e", "\n", "We", "ll"])
async def test_no_stop_sequence_is_shown(engine: Engine, stop: str):
    for seed in range(3):
        request = GenerationRequest(prompt=PROMPT, max_tokens=60, stop_sequences=(stop,), seed=seed)
        chunks = await read(engine, request)
        assert stop not in "".join(chunk.text for chunk in chunks)


async def test_a_whole_prompt_has_a_start_token_that_a_piece_has_not(engine: Engine):
    await engine.wait_ready()
    piece = await engine.count_tokens("Hello, who are you?")
    assert await engine.count_tokens("Hello, who are you?", whole=True) == piece + 1
    assert await engine.count_tokens("") == 0
    assert await engine.count_tokens("😀" * 300) >= 300


async def test_closing_frees_the_slot_within_a_bounded_time(engine: Engine):
    await engine.wait_ready()
    request = GenerationRequest(prompt=PROMPT, max_tokens=400, sampler=CHAOS)
    for _ in range(3):
        async with aclosing(engine.generate(request)) as chunks:
            await anext(chunks)
    async with asyncio.timeout(5):
        chunks = await read(engine, GenerationRequest(prompt=PROMPT, max_tokens=2, sampler=CHAOS))
    assert chunks[-1].finish_reason is FinishReason.LENGTH


async def test_a_prompt_that_is_too_long_is_refused_with_both_numbers(engine: Engine):
    await engine.wait_ready()
    prompt = "Once upon a time. " * 400
    tokens = await engine.count_tokens(prompt, whole=True)
    with pytest.raises(ContextOverflowError) as caught:
        await read(engine, GenerationRequest(prompt=prompt, max_tokens=5))
    assert (caught.value.prompt_tokens, caught.value.context_length) == (tokens, WINDOW)


async def test_one_seed_gives_one_reply(engine: Engine):
    request = GenerationRequest(
        prompt=PROMPT, max_tokens=24, sampler=SamplerSettings(temperature=0), seed=7
    )
    replies = ["".join(c.text for c in await read(engine, request)) for _ in range(2)]
    assert replies[0] == replies[1] != ""


async def test_closing_twice_is_no_error(engine: Engine):
    await engine.wait_ready()
    await engine.aclose()
    await engine.aclose()
