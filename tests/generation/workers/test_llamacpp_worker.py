"""The llama.cpp worker: settings onto llama.cpp's objects, and what one that runs makes of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.generation.config import DEMO_MODEL, LlamaCppTuning
from bot.generation.engine import Endpoint
from bot.generation.llama_protocol import _write_sampler, write_request
from bot.generation.sizing.fitting import Gpu
from bot.generation.types import GenerationRequest, SamplerSettings
from bot.generation.workers.child import WorkerSettings
from bot.generation.workers.llamacpp_worker import build_params
from bot.generation.workers.supervisor import WorkerSupervisor
from tests.generation.lora_file import write_lora

ROOT = Path(__file__).parents[3]
PROMPT = "### Input:\nSam: Hello, who are you?\n\n### Response:\nMaren:"
GREEDY = SamplerSettings(temperature=0)
CPU: tuple[Gpu, ...] = ()
GPU = (Gpu(name="tested", free_bytes=0),)


def settings(*, context_length: int = 512, slots: int = 2, **tuning: Any) -> WorkerSettings:
    return WorkerSettings(
        model=str(DEMO_MODEL),
        api_key="sesame",
        parent_pid=0,
        context_length=context_length,
        slots=slots,
        gpu_layers=0,
        threads=1,
        tuning=LlamaCppTuning.model_validate(tuning),
    )


def read_param(params: Any, name: str) -> object:
    value = getattr(params, name)
    return getattr(value, "name", value)


# Onto llama.cpp's objects


@pytest.mark.parametrize(
    ("tuning", "expected"),
    [
        pytest.param({"flash_attention": "on"}, {"flash_attn_type": "ENABLED"}, id="flash-on"),
        pytest.param({"flash_attention": "off"}, {"flash_attn_type": "DISABLED"}, id="flash-off"),
        pytest.param({}, {"flash_attn_type": "AUTO"}, id="flash-auto"),
        pytest.param(
            {"cache_type_k": "iq4_nl", "cache_type_v": "q8_0"},
            {"cache_type_k": "GGML_TYPE_IQ4_NL", "cache_type_v": "GGML_TYPE_Q8_0"},
            id="cache-types",
        ),
        pytest.param({"kv_unified": "true"}, {"kv_unified": True, "kv_unified_per_slot": 512}),
        pytest.param({}, {"kv_unified": False, "kv_unified_per_slot": 0, "n_ctx": 1024}, id="kv"),
        pytest.param({}, {"n_cache_reuse": 32, "cache_ram_mib": 1024}, id="cache-as-it-is"),
        pytest.param(
            {"cache_reuse": "0", "cache_ram_mib": "-1"},
            {"n_cache_reuse": 0, "cache_ram_mib": -1},
            id="cache",
        ),
        pytest.param({}, {"split_mode": "LAYER", "main_gpu": 0, "load_mode": "AUTO"}, id="devices"),
        pytest.param(
            {"split_mode": "row", "main_gpu": "1"}, {"split_mode": "ROW", "main_gpu": 1}, id="split"
        ),
        pytest.param({"load_mode": "mlock"}, {"load_mode": "LLAMA_LOAD_MODE_MLOCK"}, id="mlock"),
        pytest.param({"load_mode": "mmap+mlock"}, {"load_mode": "MMAP_MLOCK"}, id="both"),
        pytest.param({"load_mode": "dio"}, {"load_mode": "DIRECT_IO"}, id="direct"),
        pytest.param({"load_mode": "none"}, {"load_mode": "LOAD_MODE_NONE"}, id="read"),
        pytest.param(
            {},
            {"rope_scaling_type": "UNSPECIFIED", "rope_freq_base": 0.0, "rope_freq_scale": 0.0},
            id="the model's own positions",
        ),
        pytest.param(
            {"rope_freq_base": "10000", "rope_freq_scale": "0.5"},
            {"rope_freq_base": 1e4, "rope_freq_scale": 0.5, "rope_scaling_type": "YARN"},
            id="llama-2-70b",
        ),
        pytest.param(
            {"rope_freq_scale": 0.5, "rope_scaling": "linear"},
            {"rope_scaling_type": "YARN", "yarn_ext_factor": 0.0},
            id="linear-is-yarn-without-extrapolation",
        ),
        pytest.param({"rope_scaling": "linear"}, {"rope_scaling_type": "LINEAR"}, id="linear"),
        pytest.param({"rope_scaling": "none"}, {"rope_scaling_type": "NONE"}, id="no-scaling"),
        pytest.param(
            {
                "rope_scaling": "yarn",
                "rope_freq_scale": 0.25,
                "yarn_orig_ctx": 4096,
                "yarn_ext_factor": 1,
                "yarn_attn_factor": 0.5,
                "yarn_beta_fast": 32,
                "yarn_beta_slow": 2,
            },
            {
                "rope_scaling_type": "YARN",
                "rope_freq_scale": 0.25,
                "yarn_orig_ctx": 4096,
                "yarn_ext_factor": 1.0,
                "yarn_attn_factor": 0.5,
                "yarn_beta_fast": 32.0,
                "yarn_beta_slow": 2.0,
            },
            id="yarn",
        ),
        pytest.param(
            {"rope_scaling": "yarn"},
            {"yarn_ext_factor": -1.0, "yarn_attn_factor": -1.0, "yarn_orig_ctx": 0},
            id="yarn-by-llama-cpp",
        ),
    ],
)
def test_a_setting_arrives(tuning: dict[str, Any], expected: dict[str, object]):
    params = build_params(settings(**tuning))
    for name, value in expected.items():
        found = read_param(params, name)
        if isinstance(value, str):
            assert str(found).endswith(value)
        else:
            assert found == value, name


def test_every_cache_type_is_one_of_llama_cpps():
    for name in ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"):
        params = build_params(settings(cache_type_k=name, cache_type_v=name))
        assert str(read_param(params, "cache_type_k")) == f"GGML_TYPE_{name.upper()}"


def test_shares_of_gpus_fill_the_list_up():
    shares = build_params(settings(tensor_split="3,1")).tensor_split
    assert (shares[:2], sum(shares)) == ([3.0, 1.0], 4.0)
    assert sum(build_params(settings()).tensor_split) == 0


def test_adapters_arrive_in_their_order():
    loras = [{"path": "/a.gguf", "scale": 0.5}, {"path": "/b.gguf"}]
    adapters = build_params(settings(loras=loras)).lora_adapters
    assert [(adapter.path, adapter.scale) for adapter in adapters] == [
        ("/a.gguf", 0.5),
        ("/b.gguf", 1.0),
    ]


@pytest.mark.parametrize(
    ("device", "tuning", "batches"),
    [
        pytest.param(CPU, {}, (256, 256), id="cpu"),
        pytest.param(GPU, {}, (2048, 512), id="gpu"),
        pytest.param(CPU, {"batch_size": 1024}, (1024, 512), id="cpu-by-choice"),
        pytest.param(GPU, {"batch_size": 128}, (128, 128), id="small"),
        pytest.param(GPU, {"batch_size": 4096, "ubatch_size": 2048}, (4096, 2048), id="both"),
        pytest.param(CPU, {"ubatch_size": 512}, (256, 256), id="no-more-than-a-whole-step"),
    ],
)
def test_batches_are_small_on_a_cpu(
    device: tuple[Gpu, ...], tuning: dict[str, Any], batches: tuple[int, int]
):
    params = build_params(settings(**tuning), device)
    assert (params.n_batch, params.n_ubatch) == batches


# Running


@asynccontextmanager
async def run(given: WorkerSettings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    monkeypatch.chdir(ROOT)  # where Python finds the worker's module
    supervisor = WorkerSupervisor("bot.generation.workers.llamacpp_worker", given)
    supervisor.start()
    try:
        yield await supervisor.get_endpoint()
    finally:
        await supervisor.aclose()


async def call(endpoint: Endpoint, path: str, body: object = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {endpoint.api_key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request("POST" if body else "GET", endpoint.url + path, json=body) as response,
    ):
        return await response.json()


async def complete(
    endpoint: Endpoint, sampler: SamplerSettings = GREEDY, **fields: Any
) -> dict[str, Any]:
    given = {"prompt": PROMPT, "max_tokens": 16, "seed": 1, **fields}
    request = GenerationRequest(sampler=sampler, **given)
    return await call(endpoint, "/completion", {**write_request(request), "stream": False})


async def answer(given: WorkerSettings, monkeypatch: pytest.MonkeyPatch) -> str:
    async with run(given, monkeypatch) as endpoint:
        return (await complete(endpoint))["content"]


async def test_an_adapter_changes_what_is_said_by_its_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write_lora(tmp_path / "lora.gguf")
    plain, none, whole = await asyncio.gather(
        answer(settings(), monkeypatch),
        answer(settings(loras=[{"path": path, "scale": 0}]), monkeypatch),
        answer(settings(loras=[{"path": path, "scale": 1}]), monkeypatch),
    )
    assert plain == none != whole


async def test_a_quantized_cache_answers(monkeypatch: pytest.MonkeyPatch):
    given = settings(cache_type_k="q8_0", cache_type_v="q8_0", flash_attention="on")
    assert len((await answer(given, monkeypatch)).split()) > 1


async def test_positions_are_stretched_beyond_the_trained_window(monkeypatch: pytest.MonkeyPatch):
    given = settings(context_length=2048, slots=1, rope_freq_scale=0.5)
    async with run(given, monkeypatch) as endpoint:
        props = await call(endpoint, "/props")
        assert props["default_generation_settings"]["n_ctx"] == 2048
        told = await complete(endpoint, prompt="Sam: Hello there.\n" * 250, max_tokens=4)
        assert told["tokens_evaluated"] > 1024


@pytest.mark.parametrize("kv_unified", [False, True])
async def test_both_windows_are_whole_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch, *, kv_unified: bool
):
    async with run(settings(kv_unified=kv_unified, context_length=256), monkeypatch) as endpoint:
        props = await call(endpoint, "/props")
        assert props["default_generation_settings"]["n_ctx"] == 256
        text = "Sam: Hello there.\n" * 24
        told = await asyncio.gather(
            *(complete(endpoint, prompt=name + text, max_tokens=60) for name in ("A", "B"))
        )
        assert all(answer["tokens_evaluated"] > 128 for answer in told), told
        again = await complete(endpoint, prompt="A" + text, max_tokens=1)
        assert again["timings"]["cache_n"] > 100


EVERYTHING = SamplerSettings(
    temperature=0.7,
    dynatemp_range=0.25,
    dynatemp_exponent=1.5,
    top_k=30,
    top_p=0.75,
    min_p=0.125,
    typical_p=0.875,
    xtc_probability=0.5,
    xtc_threshold=0.25,
    dry_multiplier=0.75,
    dry_base=1.5,
    dry_allowed_length=3,
    dry_penalty_window=200,
    dry_sequence_breakers=("\n", "*"),
    mirostat=2,
    mirostat_tau=4.0,
    mirostat_eta=0.25,
    repetition_penalty=1.125,
    repetition_window=300,
    presence_penalty=0.125,
    frequency_penalty=0.25,
    grammar='root ::= "a" [ab]+',
)


async def test_every_sampler_arrives_as_it_is_set(monkeypatch: pytest.MonkeyPatch):
    async with run(settings(), monkeypatch) as endpoint:
        told = await complete(endpoint, EVERYTHING)
        echoed = told["generation_settings"]
        sent = _write_sampler(EVERYTHING)
        assert {name: echoed[name] for name in sent} == {
            name: pytest.approx(value) if isinstance(value, float) else value
            for name, value in sent.items()
        }
        assert set(told["content"]) <= {"a", "b"}
        without = await complete(endpoint, SamplerSettings(grammar=""))
        assert without["generation_settings"]["grammar"] == ""


async def test_mirostat_leaves_out_what_is_said_of_it(monkeypatch: pytest.MonkeyPatch):
    alone = SamplerSettings(mirostat=2)
    beside = SamplerSettings(
        mirostat=2, top_k=1, min_p=0.9, repetition_penalty=3.0, dry_multiplier=5.0
    )
    async with run(settings(), monkeypatch) as endpoint:
        texts = [(await complete(endpoint, sampler))["content"] for sampler in (alone, beside)]
    assert texts[0] == texts[1] != ""
