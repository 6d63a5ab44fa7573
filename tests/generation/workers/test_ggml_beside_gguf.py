"""The same weights in a GGML and in a GGUF file say the same."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import gguf
import numpy as np
import pytest

from bot.generation.config import DEMO_MODEL
from bot.generation.engine import Endpoint
from tests.generation.workers.supervising import supervise
from tests.generation.workers.test_ggml_model import probe
from tests.ggml_files import Quantization, read_demo_model, write_ggml

QUESTIONS = (
    "hi",
    "Who are you?",
    "What is this place?",
    "Tell me a story",
    "bye",
    "Do you have something to eat?",
    "I found a silver comb",
    "Are you afraid of the dark?",
    "My name is Noor",
    "How much is the lamp?",
)
COUNT = 64


def write_f16_gguf(path: Path) -> None:
    """The demo model with every matrix as F16."""
    reader = gguf.GGUFReader(DEMO_MODEL)
    writer = gguf.GGUFWriter(path, "llama")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kind, *inner = field.types
        writer.add_key_value(field.name, field.contents(), kind, inner[-1] if inner else None)
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        matrix = values.ndim > 1
        writer.add_tensor(tensor.name, values.astype(np.float16 if matrix else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("twins")
    write_f16_gguf(folder / "model.gguf")
    write_ggml(read_demo_model(), folder / "model.bin", Quantization.F16)
    return folder / "model.gguf", folder / "model.bin"


@pytest.fixture
async def endpoint(files: tuple[Path, Path]) -> AsyncIterator[Endpoint]:
    async with supervise(files[0]) as supervisor:
        yield await supervisor.get_endpoint()


async def post(endpoint: Endpoint, path: str, **body: Any) -> Any:
    headers = {"Authorization": f"Bearer {endpoint.api_key}"}
    async with aiohttp.ClientSession(endpoint.url, headers=headers) as session:
        answer = await session.post(path, json=body)
        assert answer.status == 200
        return await answer.json()


async def ask(endpoint: Endpoint, question: str) -> tuple[list[int], dict[int, float], list[int]]:
    """A prompt's tokens, what llama.cpp thinks of each token after it, and its greedy reply."""
    prompt = f"### Input:\nNoor: {question}\n\n### Response: (length = long)\nMaren:"
    whole = {"content": prompt, "add_special": True}
    tokens: list[int] = (await post(endpoint, "/tokenize", **whole))["tokens"]
    asked: dict[str, Any] = {"prompt": tokens, "cache_prompt": False, "temperature": 0}
    asked |= {"repeat_penalty": 1, "return_tokens": True, "ignore_eos": True}
    first = await post(endpoint, "/completion", n_predict=1, n_probs=3072, **asked)
    [choice] = first["completion_probabilities"]
    likely = {option["id"]: option["logprob"] for option in choice["top_logprobs"]}
    reply = await post(endpoint, "/completion", n_predict=COUNT, **asked)
    return tokens, likely, reply["tokens"]


async def test_f16_weights_say_the_same_in_both_files(endpoint: Endpoint, files: tuple[Path, Path]):
    asked = [await ask(endpoint, question) for question in QUESTIONS]
    ours = await probe("greedy", files[1], prompts=[tokens for tokens, _, _ in asked], count=COUNT)
    equal = 0
    for (_, likely, said), answer in zip(asked, ours, strict=True):
        assert len(likely) > 3000
        for token, logprob in likely.items():
            if logprob > -15:
                assert answer["logprobs"][token] == pytest.approx(logprob, abs=0.02)
        equal += answer["said"] == said
    assert equal >= 9
