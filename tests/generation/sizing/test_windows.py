"""How long a scene's window is, and what is said about it."""

from typing import Any

import pytest

from bot.generation.config import CtransformersConfig, LlamaCppConfig
from bot.generation.sizing.windows import choose_window


@pytest.mark.parametrize(
    ("fields", "trained", "tokens", "said"),
    [
        pytest.param({}, 4096, 4096, "what the model was trained for", id="the-models-own"),
        pytest.param({}, 131072, 8192, "of 131,072 that it can", id="at-most"),
        pytest.param({}, 0, 2048, "does not say", id="unknown"),
        pytest.param({"context_length": 512}, 4096, 512, "__CONTEXT_LENGTH", id="asked"),
        pytest.param({"context_length": 16384}, 131072, 16384, "__CONTEXT_LENGTH", id="more"),
        pytest.param({"context_length": 9000}, 0, 9000, "__CONTEXT_LENGTH", id="asked-unknown"),
        pytest.param(
            {"context_length": 8192, "rope_freq_scale": 0.5},
            4096,
            8192,
            "__CONTEXT_LENGTH",
            id="stretched-as-asked",
        ),
        pytest.param({"rope_freq_scale": 0.5}, 2048, 4096, "2,048 stretched by", id="stretched"),
        pytest.param({"rope_freq_scale": 0.5}, 0, 4096, "stretched by", id="stretched-unknown"),
        pytest.param(
            {"rope_freq_scale": 0.5, "rope_scaling": "yarn", "yarn_orig_ctx": 1024},
            4096,
            2048,
            "stretched by",
            id="stretched-from-elsewhere",
        ),
    ],
)
def test_a_window_has_a_reason(fields: dict[str, Any], trained: int, tokens: int, said: str):
    window = choose_window(LlamaCppConfig.model_validate(fields), trained)
    assert window.tokens == tokens
    assert said in window.reason
    assert not window.is_capped


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [({"context_length": 8192}, 4096), ({"context_length": 9000, "rope_freq_scale": 0.5}, 8192)],
)
def test_a_window_is_never_longer_than_positions_reach(fields: dict[str, Any], tokens: int):
    window = choose_window(LlamaCppConfig.model_validate(fields), 4096)
    assert (window.tokens, window.is_capped) == (tokens, True)
    assert f"{fields['context_length']:,} were asked for" in window.reason


@pytest.mark.parametrize(("asked", "tokens"), [(None, 2048), (4096, 4096)])
def test_a_ggml_file_says_nothing(asked: int | None, tokens: int):
    window = choose_window(CtransformersConfig(context_length=asked), 0)
    assert (window.tokens, window.is_capped) == (tokens, False)
