"""The client for OpenAI's API, on each program that it knows."""

import asyncio
import json
from contextlib import aclosing

import pytest

from bot.generation.errors import EngineUnavailableError
from bot.generation.types import (
    ChatMessage,
    FinishReason,
    GenerationChunk,
    SamplerSettings,
)
from tests.fake_openai import FakeOpenai
from tests.generation.engines.asking import ask, openai_at, read, read_text, wait_for_log

PROGRAMS = [
    "llama_cpp", "llama_cpp_python", "koboldcpp", "text_generation_webui", "lm_studio",
    "tabbyapi", "vllm", "transformers",
]  # fmt: skip
TELL_WINDOW = {"llama_cpp", "koboldcpp", "lm_studio", "tabbyapi", "vllm"}
COUNT = set(PROGRAMS) - {"lm_studio", "transformers"}
ODD = SamplerSettings(
    temperature=0.7, top_k=40, top_p=0.9, min_p=0.05, typical_p=0.9, tail_free=0.92,
    repetition_penalty=1.1, repetition_window=256, presence_penalty=-0.5, frequency_penalty=0.25,
    mirostat=2, xtc_probability=0.5, dry_multiplier=0.8,
)  # fmt: skip


@pytest.fixture(params=PROGRAMS)
async def server(request):
    async with FakeOpenai(request.param) as server:
        yield server


def connect(server, **fields):
    """An engine with as little set as this program lets one leave."""
    if server.program not in TELL_WINDOW:
        fields.setdefault("context_length", 1024)
    if server.program == "transformers":  # nothing tells it apart
        fields.setdefault("server", "transformers")
        fields.setdefault("model", "fake/model")  # nor tells it which model it has
    return openai_at(server.url, **fields)


async def test_it_finds_out_what_answers_and_what_it_serves(server):
    async with connect(server) as engine:
        info = await engine.wait_ready()
    assert (info.server, info.name) == (server.program, "fake/model")
    assert info.context_length == 1024
    assert info.slots == (1 if server.program == "llama_cpp_python" else 4)
    assert not info.takes_messages


async def test_the_models_own_template_is_told_where_the_server_tells_it(server):
    server.chat_template = "{{ messages }}"
    async with connect(server) as engine:
        template = (await engine.wait_ready()).chat_template
    telling = {"llama_cpp", "koboldcpp", "tabbyapi"}
    assert template == ("{{ messages }}" if server.program in telling else "")


@pytest.mark.parametrize("api", ["completions", "chat"])
async def test_a_reply_comes_in_pieces_and_ends_with_its_costs(server, api):
    async with connect(server, api=api) as engine:
        messages = (ChatMessage(role="user", content="Hi"),)
        chunks = await read(engine, messages=messages)
    assert "".join(chunk.text for chunk in chunks) == server.default_reply
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert len(chunks) > 3
    assert chunks[-1].finish_reason is FinishReason.STOP
    timings = chunks[-1].timings
    if server.program == "llama_cpp_python":
        assert timings is None
        return
    assert timings is not None
    whole = server.count(server.prompts[0], whole=True)
    assert timings.prompt_tokens + timings.cached_tokens == whole
    assert timings.cached_tokens == (3 if server.program == "vllm" else 0)
    assert timings.reply_tokens == server.count(server.default_reply) + 1  # its end, too
    assert 0 < timings.prompt_seconds <= timings.seconds


async def test_a_reply_that_is_cut_short_says_so(server):
    async with connect(server) as engine:
        last = (await read(engine, max_tokens=2))[-1]
    assert last.finish_reason is FinishReason.LENGTH


async def test_strict_servers_take_what_is_sent(server):
    """The fake refuses what the real one refuses: too many stops, negative numbers, odd fields."""
    stops = tuple(f"\n{name}:" for name in "ABCDEFGH")
    async with connect(server) as engine:
        reply = await read_text(engine, sampler=ODD, stop_sequences=stops, seed=3)
    assert reply == server.default_reply
    [request] = server.requests
    assert request["stop"] == list(stops)[: 4 if server.program == "vllm" else None]
    assert request["seed"] == 3
    assert request["model"] == "fake/model"


async def test_stops_that_were_not_sent_are_found_here():
    async with FakeOpenai("vllm") as server, openai_at(server.url) as engine:
        server.default_reply = "I nod.\nEve: Hello"
        stops = tuple(f"\n{name}:" for name in ("Ann", "Ben", "Cid", "Dan", "Eve"))
        assert await read_text(engine, stop_sequences=stops) == "I nod."
        assert len(server.requests[0]["stop"]) == 4


async def test_every_program_gets_its_own_names(server):
    async with connect(server) as engine:
        await read(engine, sampler=ODD)
    [request] = server.requests
    nested = json.loads(request.get("generation_config", "{}"))
    sent = {name: value for name, value in (request | nested).items() if name not in _FRAME}
    assert sent == _EXPECTED[server.program]


_FRAME = {
    "model", "prompt", "max_tokens", "stream", "stream_options", "generation_config",
    "replace_instruct_placeholders",
}  # fmt: skip
_PLAIN = {"temperature": 0.7, "top_p": 0.9, "presence_penalty": -0.5, "frequency_penalty": 0.25}
_DRY = {"dry_multiplier": 0.8, "dry_base": 1.75, "dry_allowed_length": 2}
_XTC = {"xtc_probability": 0.5, "xtc_threshold": 0.1}
_MIROSTAT = {"mirostat_mode": 2, "mirostat_tau": 5.0, "mirostat_eta": 0.1}
_BREAKERS = {"dry_penalty_last_n": 1024, "dry_sequence_breakers": ["\n", ":", '"', "*"]}
_EXPECTED = {
    "llama_cpp": {
        **_PLAIN, **_DRY, **_XTC, **_BREAKERS, "top_k": 40, "min_p": 0.05, "typical_p": 0.9,
        "repeat_penalty": 1.1, "repeat_last_n": 256, "dynatemp_range": 0.0,
        "dynatemp_exponent": 1.0, "mirostat": 2, "mirostat_tau": 5.0, "mirostat_eta": 0.1,
        "grammar": "",
    },
    "llama_cpp_python": {
        **_PLAIN, **_MIROSTAT, "top_k": 40, "min_p": 0.05, "repeat_penalty": 1.1, "grammar": "",
    },
    "koboldcpp": {
        "temperature": 0.7, "top_p": 0.9, "presence_penalty": -0.5, **_DRY, **_XTC, **_MIROSTAT,
        **_BREAKERS, "top_k": 40, "min_p": 0.05, "typical": 0.9, "tfs": 0.92, "rep_pen": 1.1,
        "rep_pen_range": 256, "dynatemp_range": 0.0, "dynatemp_exponent": 1.0, "grammar": "",
    },
    "text_generation_webui": {
        **_PLAIN, **_DRY, **_XTC, **_MIROSTAT, "top_k": 40, "min_p": 0.05, "typical_p": 0.9,
        "tfs": 0.92, "repetition_penalty": 1.1, "repetition_penalty_range": 256,
        "grammar_string": "",
    },
    "lm_studio": {**_PLAIN, "top_k": 40, "repeat_penalty": 1.1},
    "tabbyapi": {
        "temperature": 0.7, "top_p": 0.9, "presence_penalty": 0.0, "frequency_penalty": 0.25,
        **_DRY, **_XTC, **_MIROSTAT, **_BREAKERS, "top_k": 40, "min_p": 0.05, "typical": 0.9,
        "tfs": 0.92, "repetition_penalty": 1.1, "penalty_range": 256, "grammar_string": "",
    },
    "vllm": {**_PLAIN, "top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1},
    "transformers": {
        "temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "typical_p": 0.9,
        "repetition_penalty": 1.1, "do_sample": True,
    },
}  # fmt: skip


async def test_the_scene_is_named_in_the_header_and_where_it_is_set_in_the_body():
    async with FakeOpenai("vllm") as server:
        async with openai_at(server.url) as engine:
            await read(engine, affinity="a1b2")
        async with openai_at(server.url, session_field="session_id") as engine:
            await read(engine, affinity="a1b2")
    assert [headers["X-Session-ID"] for headers in server.headers] == ["a1b2", "a1b2"]
    assert "session_id" not in server.requests[0]
    assert server.requests[1]["session_id"] == "a1b2"


async def test_the_operators_own_fields_win():
    extra = {"top_a": 0.2, "temperature": 0.1}
    async with (
        FakeOpenai("koboldcpp") as server,
        openai_at(server.url, extra_body=json.dumps(extra)) as engine,
    ):
        await read(engine)
    assert {name: server.requests[0][name] for name in extra} == extra


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
async def test_the_address_may_end_in_v1_or_not(ending):
    async with FakeOpenai("vllm") as server, openai_at(server.url + ending) as engine:
        assert await read_text(engine) == server.default_reply
        assert await engine.count_tokens("a b") == 3


async def test_tokens_are_counted_by_the_server_where_it_can(server):
    async with connect(server) as engine:
        piece = await engine.count_tokens("Hello there, you.")
        whole = await engine.count_tokens("Hello there, you.", whole=True)
    exact = server.count("Hello there, you.")
    assert whole >= exact + 1
    if server.program in COUNT:
        assert whole == exact + 1
        has_switch = server.program not in {"llama_cpp_python", "text_generation_webui"}
        assert piece == (exact if has_switch else exact + 1)


async def test_a_count_that_a_router_does_not_pass_on_is_estimated(caplog):
    async with FakeOpenai("vllm") as server, openai_at(server.url) as engine:
        server.hides_count = True
        assert await engine.count_tokens("Hello there.") >= 4
        assert await engine.count_tokens("Hello there.") >= 4
        assert server.routes.count("/tokenize") == 1
    assert [r.message for r in caplog.records if r.action == "tokens-estimated"] == [
        "openai has no /tokenize: tokens are estimated from here on"
    ]


async def test_messages_are_sent_to_the_chat_route_and_nothing_else_is():
    messages = (
        ChatMessage(role="system", content="You are Maren."),
        ChatMessage(role="user", content="Ann: Hi"),
    )
    async with FakeOpenai("tabbyapi") as server, openai_at(server.url, api="chat") as engine:
        assert (await engine.wait_ready()).takes_messages
        await read(engine, messages=messages)
    [request] = server.requests
    assert "prompt" not in request
    assert request["messages"] == [
        {"role": "system", "content": "You are Maren."},
        {"role": "user", "content": "Ann: Hi"},
    ]


async def test_a_set_model_is_asked_for_and_one_that_is_not_served_is_refused():
    async with FakeOpenai("vllm") as server:
        server.models = [
            {"id": "one", "owned_by": "vllm", "max_model_len": 512},
            {"id": "fake/model", "owned_by": "vllm", "max_model_len": 2048},
        ]
        async with openai_at(server.url, model="fake/model") as engine:
            info = await engine.wait_ready()
            assert (info.name, info.context_length) == ("fake/model", 2048)
            assert await read_text(engine) == server.default_reply
        async with openai_at(server.url, model="three") as engine:
            with pytest.raises(EngineUnavailableError) as caught:
                await engine.wait_ready()
    assert caught.value.fix == "it serves one, fake/model, and not TROUPE_ENGINE__MODEL=three"


async def test_a_set_window_counts_more_than_the_servers():
    async with FakeOpenai("vllm") as server, openai_at(server.url, context_length=700) as engine:
        assert (await engine.wait_ready()).context_length == 700


async def test_a_window_that_nobody_tells_has_to_be_set():
    async with FakeOpenai("text_generation_webui") as server, openai_at(server.url) as engine:
        with pytest.raises(EngineUnavailableError) as caught:
            await engine.wait_ready()
    assert "set TROUPE_ENGINE__CONTEXT_LENGTH" in caught.value.fix


@pytest.mark.parametrize("program", ["vllm", "transformers"])
async def test_a_model_that_nobody_names_has_to_be_set(program):
    async with (
        FakeOpenai(program) as server,
        openai_at(server.url, server=program, context_length=512) as engine,
    ):
        if program == "vllm":
            server.models = [{"object": "model"}]
        with pytest.raises(EngineUnavailableError, match="name it in TROUPE_ENGINE__MODEL"):
            await engine.wait_ready()


async def test_it_waits_for_a_server_that_is_not_there_yet(caplog):
    async with FakeOpenai("vllm") as server, openai_at(server.url) as engine:
        server.loading = True
        waiting = asyncio.create_task(engine.wait_ready())
        async with asyncio.timeout(5):
            await wait_for_log(caplog)
        server.loading = False
        async with asyncio.timeout(5):
            assert (await waiting).name == "fake/model"
    [record] = [r for r in caplog.records if r.action == "engine-silent"]
    assert record.message.startswith("openai does not answer yet")


async def test_what_is_known_is_not_asked_again_until_something_fails():
    async with FakeOpenai("vllm") as server, openai_at(server.url) as engine:
        for _ in range(3):
            await engine.wait_ready()
            await read(engine)
        assert server.routes.count("/v1/models") == 1
        server.cut_next()
        with pytest.raises(Exception, match="ended while"):
            await read(engine)
        server.name = "another"
        assert (await engine.wait_ready()).name == "another"


async def test_leaving_hangs_up():
    async with FakeOpenai("vllm") as server, openai_at(server.url) as engine:
        server.piece_delay = 0.01
        server.default_reply = "on and on " * 500
        async with aclosing(engine.generate(ask())) as chunks:
            assert await anext(chunks) == GenerationChunk(text="on")
        await server.wait_for(lambda: server.aborted == 1, what="hanging up")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("org/model-7b", "openai org/model-7b"),
        ("/home/olga/models/my-model", "openai my-model"),
        ("C:\\models\\my-model", "openai my-model"),
    ],
)
async def test_players_are_told_the_model_and_neither_folders_nor_address(name, shown):
    async with FakeOpenai("vllm") as server, openai_at(server.url) as engine:
        assert engine.name == "openai"
        server.name = name
        assert (await engine.wait_ready()).name == name
        assert engine.name == shown
