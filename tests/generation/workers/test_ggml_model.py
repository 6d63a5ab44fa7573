"""ctransformers made safe, each time in a process of its own."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.generation.config import DEMO_MODEL
from tests.ggml_files import (
    Quantization,
    make_random_model,
    read_demo_model,
    read_gguf_vocabulary,
    write_ggml,
)

VOCABULARY = Path(__file__).parents[4] / "shared" / "vocab"
needs_vocabulary = pytest.mark.skipif(not VOCABULARY.exists(), reason="no shared folder here")


async def probe(what: str, *files: Path, **asked: Any) -> Any:
    """Ask a process that holds a model, or one after the other; what it wrote is told if it fails.

    Returns:
        The answer; of several files a list of them.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.generation.workers.ggml_probe",
        what,
        *map(str, files),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(json.dumps(asked).encode())
    assert process.returncode == 0, err.decode()[-2000:]
    answers = json.loads(out)
    return answers if len(files) > 1 else answers[0]


@pytest.fixture(scope="session")
def llama_vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Llama 2's vocabulary with two tokens added, and random weights."""
    vocabulary = read_gguf_vocabulary(VOCABULARY / "ggml-vocab-llama-spm.gguf")
    added = [(b"<|im_end|>", -1000.0), (b"<|im_start|>", -1000.0)]
    file = tmp_path_factory.mktemp("ggml") / "model.bin"
    write_ggml(make_random_model([*vocabulary, *added]), file, Quantization.Q8_0)
    return file


# Tokens


@needs_vocabulary
async def test_tokens_are_those_of_the_reference(llama_vocabulary: Path):
    cases = json.loads((VOCABULARY / "tokenizer_vectors.json").read_text("utf-8"))["cases"]
    texts = [case["text"] for case in cases]
    ids = await probe("tokens", llama_vocabulary, texts=texts, specials=False)
    assert dict(zip(texts, ids, strict=True)) == {c["text"]: c["llama_spm"] for c in cases}


@needs_vocabulary
async def test_any_text_can_be_cut_into_tokens_and_comes_back(llama_vocabulary: Path):
    result = await probe("strings", llama_vocabulary, seed=1, count=20_000)
    assert result["wrong"] == []
    assert result["longest"] > 8_000  # more tokens than characters


async def test_any_text_comes_back_from_a_small_vocabulary_too(ggml_model: Path):
    result = await probe("strings", ggml_model, seed=2, count=2_000)
    assert result["wrong"] == []


@needs_vocabulary
async def test_control_tokens_are_one_id_where_they_are_meant(llama_vocabulary: Path):
    text = "Hi<|im_end|>\n<|im_start|>you</s>"
    [meant] = await probe("tokens", llama_vocabulary, texts=[text], specials=True)
    assert meant == [6324, 32000, 29871, 13, 32001, 366, 2]
    [plain] = await probe("tokens", llama_vocabulary, texts=[text], specials=False)
    assert not {0, 1, 2, 32000, 32001} & set(plain)


# Evaluation


async def test_what_a_text_has_in_common_with_the_last_one_is_kept(ggml_model: Path):
    first = [1, *range(500, 540)]
    texts = [first, [*first, 600], first, [1, 501]]
    answers = await probe("steps", ggml_model, texts=texts)
    assert [steps[0] for steps, _ in answers] == [0, 41, 40, 1]
    assert [steps[-1] for steps, _ in answers] == [len(text) for text in texts]
    assert answers[0][0] == [0, 8, 16, 24, 32, 40, 41]
    assert answers[0][1] == answers[2][1]
    assert answers[3][1] == (await probe("steps", ggml_model, texts=[texts[3]]))[0][1]


async def test_a_gguf_file_says_the_same_as_the_ggml_file_of_its_weights(ggml_model: Path):
    text = "Maren: Hello 😀</s>"
    ggml, gguf = await probe("tokens", ggml_model, DEMO_MODEL, texts=[text], specials=True)
    assert ggml == gguf
    ggml, gguf = await probe("greedy", ggml_model, DEMO_MODEL, prompts=ggml, count=20)
    assert ggml == gguf


async def test_the_window_is_not_overrun(ggml_model: Path):
    with pytest.raises(AssertionError, match="WindowExceededError"):
        await probe("steps", ggml_model, texts=[[1] * 513])
    answers = await probe("steps", ggml_model, texts=[[1] * 512])
    assert answers[0][0][-1] == 512
    with pytest.raises(AssertionError, match="WindowExceededError"):
        await probe("greedy", ggml_model, prompts=[[1] * 510], count=3)


@pytest.mark.parametrize(("heads", "kv_heads"), [(16, 2), (8, 8)])
@pytest.mark.parametrize("name", ["model.bin", "llama-2-70b.ggmlv3.q4_K_M.bin"])
async def test_shared_heads_are_read_from_the_shapes(
    tmp_path: Path, heads: int, kv_heads: int, name: str
):
    vocabulary = read_demo_model().vocabulary
    model = make_random_model(vocabulary, width=128, heads=heads, kv_heads=kv_heads)
    write_ggml(model, tmp_path / name, Quantization.F16)
    [(steps, _)] = await probe("steps", tmp_path / name, texts=[[1, 5, 9]])
    assert steps == [0, 3]
