"""The worker that holds a GGML model, as a process."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.generation.engine import Endpoint
from tests.generation.workers.supervising import get_pid, is_alive, supervise

WORKER = "bot.generation.workers.ctransformers_worker"
PROMPT = "### Input:\nNoor: Who are you?\n\n### Response: (length = long)\nMaren:"


@pytest.fixture
async def worker(ggml_model: Path) -> AsyncIterator[Endpoint]:
    async with supervise(ggml_model, module=WORKER) as supervisor:
        yield await supervisor.get_endpoint()


@pytest.fixture
async def session(worker: Endpoint) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {worker.api_key}"}
    async with aiohttp.ClientSession(worker.url, headers=headers) as session:
        yield session


async def post(session: aiohttp.ClientSession, path: str, **body: Any) -> Any:
    async with session.post(path, json=body) as answer:
        return await answer.json() | ({} if answer.ok else {"status": answer.status})


async def test_it_listens_on_this_machine_only_and_asks_for_its_key(worker: Endpoint):
    assert worker.url.startswith("http://127.0.0.1:")
    async with aiohttp.ClientSession(worker.url) as stranger:
        assert (await stranger.get("/health")).status == 200
        for path in ("/props", "/nothing"):
            assert (await stranger.get(path)).status == 401
        answer = await stranger.post("/completion", json={"prompt": "a"})
        assert (await answer.json())["error"]["type"] == "authentication_error"
        headers = {"Authorization": "Bearer é"}
        assert (await stranger.get("/props", headers=headers)).status == 401


async def test_it_says_what_it_is(session: aiohttp.ClientSession, ggml_model: Path):
    props = await (await session.get("/props")).json()
    assert props["default_generation_settings"]["n_ctx"] == 512
    assert (props["total_slots"], props["model_alias"]) == (1, ggml_model.name)


async def test_text_becomes_tokens_and_tokens_text(session: aiohttp.ClientSession):
    text = "Well met 😀\n"
    tokens = (await post(session, "/tokenize", content=text))["tokens"]
    assert (await post(session, "/detokenize", tokens=tokens))["content"] == f" {text}"
    whole = await post(session, "/tokenize", content=text, add_special=True)
    assert whole["tokens"] == [1, *tokens]
    special = await post(session, "/tokenize", content="</s>", parse_special=True)
    assert special["tokens"] == [2]
    plain = await post(session, "/tokenize", content="</s>", parse_special=False)
    assert len(plain["tokens"]) > 2
    for wrong in ([99_999], [-1], "x", None, [1.5]):
        assert (await post(session, "/detokenize", tokens=wrong))["status"] == 400


async def test_a_second_prompt_costs_what_is_new(session: aiohttp.ClientSession):
    asked: dict[str, Any] = {"temperature": 0, "n_predict": 4}
    first = await post(session, "/completion", prompt=PROMPT, **asked)
    second = await post(session, "/completion", prompt=PROMPT, **asked)
    assert second["content"] == first["content"]
    assert first["timings"]["cache_n"] == 0
    assert second["timings"]["prompt_n"] == 1
    assert second["timings"]["cache_n"] == first["timings"]["prompt_n"] - 1
    assert first["timings"]["predicted_ms"] > 0


async def test_events_come_one_by_one(session: aiohttp.ClientSession):
    body = {"prompt": PROMPT, "stream": True, "n_predict": 5, "temperature": 0}
    async with session.post("/completion", json=body) as answer:
        assert answer.content_type == "text/event-stream"
        lines = [line async for line in answer.content if line.strip()]
    events = [json.loads(line.removeprefix(b"data: ")) for line in lines]
    assert events[0]["prompt_progress"]["processed"] == 0
    assert [event["stop"] for event in events].count(True) == 1
    assert events[-1]["stop"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="no-json"),
        pytest.param(b"[]", id="no-object"),
        pytest.param(b"{}", id="no-prompt"),
        pytest.param(b'{"prompt": [1, 2]}', id="a-list"),
        pytest.param(b'{"prompt": "a", "n_predict": "x"}', id="no-number"),
        pytest.param(b'{"prompt": "a", "temperature": "x"}', id="no-sampler"),
    ],
)
async def test_what_cannot_be_read_is_refused(session: aiohttp.ClientSession, body: bytes):
    assert (await session.post("/completion", data=body)).status == 400
    assert (await post(session, "/completion", prompt="a", n_predict=1))["stop"]


async def test_two_at_once_come_one_after_the_other(session: aiohttp.ClientSession):
    asked: dict[str, Any] = {"temperature": 0, "n_predict": 30}
    prompts = [PROMPT, PROMPT.replace("Who are you?", "Tell me a story"), PROMPT]
    together = await asyncio.gather(
        *(post(session, "/completion", prompt=prompt, **asked) for prompt in prompts)
    )
    alone = [await post(session, "/completion", prompt=prompt, **asked) for prompt in prompts]
    assert [a["content"] for a in together] == [a["content"] for a in alone]


async def test_who_hangs_up_frees_the_model(session: aiohttp.ClientSession):
    body = {"prompt": PROMPT, "stream": True, "n_predict": 400, "temperature": 5.0}
    for _ in range(5):
        async with session.post("/completion", json=body) as answer:
            await answer.content.readline()
            answer.close()
    async with asyncio.timeout(5):
        assert (await post(session, "/completion", prompt="a", n_predict=1))["stop"]


async def test_it_ends_with_its_standard_input(ggml_model: Path):
    async with supervise(ggml_model, module=WORKER) as supervisor:
        await supervisor.get_endpoint()
        pid = get_pid(supervisor)
    assert not is_alive(pid)


async def test_a_lone_half_of_a_character_is_no_error(session: aiohttp.ClientSession):
    body = b'{"content": "a\\ud83d", "prompt": "a\\ud83d", "n_predict": 1}'
    for path in ("/tokenize", "/completion"):
        assert (await session.post(path, data=body)).status == 200
