from pathlib import Path

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from bot.generation.config import DEMO_MODEL, EngineConfig, LlamaCppConfig, LlamaServerConfig

adapter = TypeAdapter(EngineConfig)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        pytest.param({}, LlamaCppConfig, id="nothing"),
        pytest.param({"modle": "a.gguf"}, None, id="unknown field"),
        pytest.param({"kind": "auto"}, LlamaCppConfig, id="auto"),
        pytest.param({"kind": "llamacpp", "slots": "3"}, LlamaCppConfig, id="llamacpp"),
        pytest.param({"slots": 3}, LlamaCppConfig, id="no kind"),
        pytest.param({"kind": "llama_server", "url": "http://a:1"}, LlamaServerConfig, id="server"),
        pytest.param({"kind": "llama_server"}, None, id="server without an address"),
        pytest.param({"kind": "llama_server", "url": "a:1"}, None, id="address without http"),
        pytest.param({"url": "http://a:1"}, None, id="address without kind"),
        pytest.param({"kind": "openai", "url": "http://a:1"}, None, id="unknown kind"),
        pytest.param({"kind": "llamacpp", "url": "http://a:1"}, None, id="field of another kind"),
        pytest.param({"slots": 0}, None, id="no slot"),
        pytest.param({"slots": 65}, None, id="too many slots"),
        pytest.param({"context_length": 255}, None, id="a window too small for anything"),
        pytest.param({"threads": 0}, None, id="no thread"),
        pytest.param({"gpu_layers": "some"}, None, id="some layers"),
        pytest.param({"gpu_layers": -1}, None, id="fewer than no layers"),
        pytest.param([], None, id="no mapping"),
        pytest.param("llamacpp", None, id="a text"),
    ],
)
def test_the_kind_decides(given: object, kind: type | None):
    if kind is None:
        with pytest.raises(ValidationError):
            adapter.validate_python(given)
    else:
        assert type(adapter.validate_python(given)) is kind


def test_what_is_not_given_runs_the_model_that_ships():
    config = adapter.validate_python({})
    assert config == LlamaCppConfig()
    assert isinstance(config, LlamaCppConfig)
    assert config.model == DEMO_MODEL
    assert (config.slots, config.context_length, config.gpu_layers) == (2, None, "auto")


@pytest.mark.parametrize(
    ("given", "layers"), [("auto", "auto"), ("all", "all"), ("20", 20), (0, 0)]
)
def test_gpu_layers_are_a_word_or_a_number(given: object, layers: object):
    assert LlamaCppConfig.model_validate({"gpu_layers": given}).gpu_layers == layers


def test_a_home_folder_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/sam")
    config = LlamaCppConfig.model_validate({"model": "~/models/a.gguf"})
    assert config.model == Path("/home/sam/models/a.gguf")


def test_a_config_is_taken_as_it_is():
    config = LlamaServerConfig.model_validate({"kind": "llama_server", "url": "http://a:1"})
    assert adapter.validate_python(config) == config
    assert adapter.validate_python(LlamaCppConfig()) == LlamaCppConfig()


def test_the_key_is_not_shown():
    config = adapter.validate_python(
        {"kind": "llama_server", "url": "http://a:1", "api_key": "very secret"}
    )
    assert isinstance(config, LlamaServerConfig)
    assert config.api_key == SecretStr("very secret")
    assert "very secret" not in f"{config!r} {config}"


def test_the_model_that_ships_is_there():
    assert DEMO_MODEL.is_file()
