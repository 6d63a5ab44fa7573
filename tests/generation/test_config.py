from pathlib import Path

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from bot.generation.config import (
    DEMO_MODEL,
    EngineConfig,
    LlamaCppConfig,
    LlamaServerConfig,
    LoraAdapter,
)
from bot.generation.remote_config import OpenaiConfig

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
        pytest.param({"kind": "exllama", "url": "http://a:1"}, None, id="unknown kind"),
        pytest.param({"kind": "llamacpp", "url": "http://a:1"}, None, id="field of another kind"),
        pytest.param({"kind": "openai", "url": "http://a:1"}, OpenaiConfig, id="openai"),
        pytest.param({"kind": "openai"}, None, id="openai without an address"),
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


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"cache_type_k": "Q8_0"}, "cache_type_k", "q8_0"),
        ({"flash_attention": "ON"}, "flash_attention", "on"),
        ({"tensor_split": "3, 1"}, "tensor_split", (3.0, 1.0)),
        ({"loras": []}, "loras", ()),
        ({"kv_unified": "true"}, "kv_unified", True),
        ({"flash_attention": "off", "cache_type_v": "bf16"}, "cache_type_v", "bf16"),
        ({"flash_attention": "off", "cache_type_k": "q4_0"}, "cache_type_k", "q4_0"),
        ({"ubatch_size": 512}, "ubatch_size", 512),
        ({"yarn_orig_ctx": None}, "yarn_orig_ctx", None),
    ],
)
def test_how_llama_cpp_runs_a_model_is_described(given: object, name: str, value: object):
    config = adapter.validate_python(given)
    assert isinstance(config, LlamaCppConfig)
    assert getattr(config, name) == getattr(config.tuning, name) == value


def test_adapters_are_read_from_json(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/sam")
    text = '[{"path": "~/limarp.gguf", "scale": 0.8}, {"path": "b.gguf"}]'
    assert LlamaCppConfig.model_validate({"loras": text}).loras == (
        LoraAdapter(path=Path("/home/sam/limarp.gguf"), scale=0.8),
        LoraAdapter(path=Path("b.gguf"), scale=1.0),
    )


LORA_HINT = 'it is a JSON list such as [{"path": "limarp.gguf", "scale": 1.0}]'
SPLIT_HINT = "it is each GPU's share, for example 3,1"
YARN_HINT = "it needs TROUPE_ENGINE__ROPE_SCALING=yarn"
ATTENTION_HINT = "needs flash attention: set TROUPE_ENGINE__FLASH_ATTENTION=auto"


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"flash_attention": "maybe"}, "'auto', 'on' or 'off'"),
        ({"cache_type_k": "q6_k"}, "'q4_0' or 'iq4_nl'"),
        ({"flash_attention": "off", "cache_type_v": "q8_0"}, f"q8_0 {ATTENTION_HINT}"),
        ({"flash_attention": "off", "split_mode": "tensor"}, f"tensor {ATTENTION_HINT}"),
        ({"loras": "limarp.gguf"}, LORA_HINT),
        ({"loras": '{"path": "a.gguf"}'}, LORA_HINT),
        ({"loras": '[{"scale": 1}, {"path": 3}]'}, LORA_HINT),
        ({"loras": '[{"path": "a.gguf", "scale": "much"}]'}, LORA_HINT),
        ({"loras": '[{"path": "a.gguf", "scale": NaN}]'}, LORA_HINT),
        ({"tensor_split": "3;1"}, SPLIT_HINT),
        ({"tensor_split": "3,-1"}, SPLIT_HINT),
        ({"tensor_split": ",".join("1" * 129)}, SPLIT_HINT),
        ({"main_gpu": -1}, "greater than or equal to 0"),
        ({"load_mode": "lock"}, "'mmap+mlock' or 'dio'"),
        ({"batch_size": 1}, "greater than or equal to 64"),
        ({"batch_size": 128, "ubatch_size": 256}, "TROUPE_ENGINE__BATCH_SIZE, that is 128"),
        ({"cache_reuse": -1}, "greater than or equal to 0"),
        ({"cache_ram_mib": -2}, "greater than or equal to -1"),
        ({"rope_freq_base": 0}, "greater than 0"),
        ({"rope_freq_scale": 2}, "less than or equal to 1"),
        ({"rope_scaling": "none", "rope_freq_scale": 0.5}, "linear or yarn would do"),
        ({"rope_scaling": "longrope"}, "'none', 'linear' or 'yarn'"),
        ({"yarn_orig_ctx": 4096}, YARN_HINT),
        ({"rope_scaling": "linear", "yarn_ext_factor": 0.5}, YARN_HINT),
        ({"yarn_attn_factor": 1}, YARN_HINT),
        ({"yarn_beta_fast": 32}, YARN_HINT),
        ({"yarn_beta_slow": 1}, YARN_HINT),
    ],
)
def test_what_will_not_do_is_refused_in_one_line(given: object, hint: str):
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(given)
    assert len(caught.value.errors()) == 1
    assert hint in caught.value.errors()[0]["msg"]


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
