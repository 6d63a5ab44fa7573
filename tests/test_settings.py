"""Settings from environment and `.env`: names checked, values explained, secrets kept."""

import os
from pathlib import Path
from typing import get_args

import pytest

from bot.generation.config import DEMO_MODEL, LlamaCppConfig, LlamaServerConfig, LoraAdapter
from bot.generation.sampler_config import SamplerConfig
from bot.prompting.formats.detect import FORMATS
from bot.prompting.prompt import LENGTH_WORDS
from bot.settings import LengthSetting, SettingsError, read_settings

SECRET = "do-not-show-this"  # noqa: S105 - a mark, not a password


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch, tmp_path):
    for name in os.environ:
        if name.upper().startswith("TROUPE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Read settings from these variables and this `.env`."""

    def read(env_file=None, /, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        if env_file is not None:
            data = env_file if isinstance(env_file, bytes) else env_file.encode()
            (tmp_path / ".env").write_bytes(data)
        return read_settings()

    return read


def refuse(read, *args, **variables):
    with pytest.raises(SettingsError) as caught:
        read(*args, **variables)
    assert caught.value.__cause__ is None  # a cause would show the value in a traceback
    return str(caught.value).split("\n")


# Values


def test_without_anything_the_demo_model_plays(read):
    settings = read()
    assert settings.engine == LlamaCppConfig(kind="auto", model=DEMO_MODEL)
    assert settings.discord_token.get_secret_value() == ""
    assert (settings.length, settings.prompt_format, settings.pace) == ("medium", "auto", 1)


def test_the_environment_goes_before_the_file(read):
    settings = read(
        "TROUPE_PACE=2\nTROUPE_LENGTH=tiny\nTROUPE_ENGINE__SLOTS=4\nTROUPE_ENGINE__THREADS=3",
        TROUPE_PACE="3",
        TROUPE_ENGINE__SLOTS="5",
    )
    assert (settings.pace, settings.length) == (3, "tiny")
    assert isinstance(settings.engine, LlamaCppConfig)
    assert (settings.engine.slots, settings.engine.threads) == (5, 3)


@pytest.mark.parametrize(
    ("variables", "field", "value"),
    [
        pytest.param({"TROUPE_DISCORD_SHARDS": "2"}, "discord_shards", 2, id="number"),
        pytest.param({"troupe_pace": "0.5"}, "pace", 0.5, id="lower-case-name"),
        pytest.param({"TROUPE_LENGTH": "Huge"}, "length", "huge", id="any-case"),
        pytest.param({"TROUPE_PROMPT_FORMAT": "ChatML"}, "prompt_format", "chatml", id="format"),
        pytest.param({"TROUPE_DISCORD_SHARDS": ""}, "discord_shards", None, id="empty-is-not-set"),
        pytest.param({"TROUPE_LENGTH": ""}, "length", "medium", id="empty-word"),
        pytest.param(
            {"TROUPE_DATA_FOLDER": "~/x"}, "data_folder", Path.home() / "x", id="home-folder"
        ),
        pytest.param(
            {"TROUPE_PERSONA_FOLDER": "~/y"}, "persona_folder", Path.home() / "y", id="home-cards"
        ),
    ],
)
def test_a_value_is_read(read, variables, field, value):
    assert getattr(read(**variables), field) == value


@pytest.mark.parametrize(
    "env_file",
    [
        pytest.param("TROUPE_PACE=2", id="plain"),
        pytest.param("troupe_pace=2\n", id="lower-case-name"),
        pytest.param("PATH=/x\nOTHER__PACE=9\nMODEL=x\nTROUPE_PACE=2", id="foreign-keys"),
        pytest.param("# comment\n\nexport TROUPE_PACE='2'\n", id="as-a-shell-has-it"),
        pytest.param("TROUPE_PACE=2\r\nTROUPE_LENGTH=\r\n", id="line-ends-of-windows"),
        pytest.param(b"\xef\xbb\xbfTROUPE_PACE=2", id="mark-of-windows-editors"),
    ],
)
def test_an_env_file_is_read(read, env_file):
    assert read(env_file).pace == 2


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param({}, LlamaCppConfig(), id="nothing"),
        pytest.param({"KIND": "auto"}, LlamaCppConfig(), id="auto"),
        pytest.param({"KIND": ""}, LlamaCppConfig(), id="empty"),
        pytest.param({"KIND": "llamacpp"}, LlamaCppConfig(kind="llamacpp"), id="llamacpp"),
        pytest.param({"SLOTS": "3"}, LlamaCppConfig(slots=3), id="without-a-kind"),
        pytest.param({"MODEL": "/m.gguf"}, LlamaCppConfig(model=Path("/m.gguf")), id="model"),
        pytest.param(
            {"MODEL": "~/m.gguf"}, LlamaCppConfig(model=Path.home() / "m.gguf"), id="home"
        ),
        pytest.param({"MODEL": ""}, LlamaCppConfig(), id="empty-model"),
        pytest.param({"GPU_LAYERS": "all"}, LlamaCppConfig(gpu_layers="all"), id="all-layers"),
        pytest.param({"GPU_LAYERS": "0"}, LlamaCppConfig(gpu_layers=0), id="no-layers"),
        pytest.param({"CONTEXT_LENGTH": "256"}, LlamaCppConfig(context_length=256), id="window"),
        pytest.param({"CACHE_TYPE_K": "Q8_0"}, LlamaCppConfig(cache_type_k="q8_0"), id="cache"),
        pytest.param({"KV_UNIFIED": "yes"}, LlamaCppConfig(kv_unified=True), id="yes"),
        pytest.param({"TENSOR_SPLIT": "3,1"}, LlamaCppConfig(tensor_split=(3, 1)), id="shares"),
        pytest.param(
            {"ROPE_FREQ_BASE": "10000", "ROPE_FREQ_SCALE": "0.5"},
            LlamaCppConfig(rope_freq_base=10000, rope_freq_scale=0.5),
            id="llama-2-70b",
        ),
        pytest.param(
            {"LORAS": '[{"path": "~/limarp.gguf", "scale": 0.8}]'},
            LlamaCppConfig(loras=(LoraAdapter(path=Path.home() / "limarp.gguf", scale=0.8),)),
            id="adapters",
        ),
    ],
)
def test_a_model_file_is_described(read, variables, expected):
    given = {f"TROUPE_ENGINE__{name}": value for name, value in variables.items()}
    assert read(**given).engine == expected


def test_a_server_elsewhere_is_described(read):
    engine = read(
        TROUPE_ENGINE__KIND="llama_server",
        TROUPE_ENGINE__URL="http://192.168.1.20:8080",
        TROUPE_ENGINE__API_KEY=SECRET,
    ).engine
    assert isinstance(engine, LlamaServerConfig)
    assert str(engine.url) == "http://192.168.1.20:8080/"
    assert engine.api_key.get_secret_value() == SECRET


def test_samplers_are_chosen(read):
    grammar = 'root ::= line\nline ::= "a"'
    sampler = read(
        f"TROUPE_SAMPLER__GRAMMAR='{grammar}'\n"
        r'TROUPE_SAMPLER__DRY_SEQUENCE_BREAKERS=["\n", "*"]',
        TROUPE_SAMPLER__TEMPERATURE="1.1",
        TROUPE_SAMPLER__MIN_P="",
    ).sampler
    assert sampler == SamplerConfig(
        temperature=1.1, grammar=grammar, dry_sequence_breakers=("\n", "*")
    )


def test_secrets_are_not_shown(read):
    settings = read(
        TROUPE_DISCORD_TOKEN=SECRET,
        TROUPE_ENGINE__KIND="llama_server",
        TROUPE_ENGINE__URL="http://x",
        TROUPE_ENGINE__API_KEY=SECRET,
    )
    assert SECRET not in f"{settings!r} {settings} {settings.engine!r}"


def test_settings_cannot_be_changed(read):
    with pytest.raises(ValueError, match="frozen"):
        read().pace = 2


# What is refused


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("TROUPE_DISCORD_TOKN", "TROUPE_DISCORD_TOKEN"),
        ("TROUPE_TOKEN", "TROUPE_DISCORD_TOKEN"),
        ("TROUPE_LENGHT", "TROUPE_LENGTH"),
        ("troupe_engine__modle", "TROUPE_ENGINE__MODEL"),
        ("TROUPE_ENGINE_MODEL", "TROUPE_ENGINE__MODEL"),
        ("TROUPE_MODEL__KIND", "TROUPE_ENGINE__KIND"),
        ("TROUPE_ENGINE", "TROUPE_ENGINE__URL"),
        ("TROUPE_SAMPLER__TEMPRATURE", "TROUPE_SAMPLER__TEMPERATURE"),
        ("TROUPE_TEMPERATURE", "TROUPE_SAMPLER__TEMPERATURE"),
        ("TROUPE_SAMPLER__REPEAT_PENALTY", "TROUPE_SAMPLER__REPETITION_PENALTY"),
        ("TROUPE_ENGINE__LORA", "TROUPE_ENGINE__LORAS"),
    ],
)
@pytest.mark.parametrize("source", ["environment", "file"])
def test_an_unknown_name_is_refused_with_the_nearest(read, name, nearest, source):
    line = f"{name}={SECRET}"
    lines = refuse(read, line) if source == "file" else refuse(read, **{name: SECRET})
    assert lines == [f"{name} is no setting; the nearest is {nearest}"]


def test_every_unknown_name_is_told_at_once(read):
    lines = refuse(read, "TROUPE_A=1", TROUPE_B="2")
    assert [line.split()[0] for line in lines] == ["TROUPE_A", "TROUPE_B"]


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        pytest.param({"PACE": "0"}, ["PACE"], id="not-above-zero"),
        pytest.param({"PACE": "fast"}, ["PACE"], id="no-number"),
        pytest.param({"DISCORD_SHARDS": "0"}, ["DISCORD_SHARDS"], id="no-shards"),
        pytest.param({"LENGTH": "extreme"}, ["LENGTH"], id="length-not-offered"),
        pytest.param({"PROMPT_FORMAT": "koala"}, ["PROMPT_FORMAT"], id="format"),
        pytest.param({"LOG_LEVEL": "LOUD"}, ["LOG_LEVEL"], id="level"),
        pytest.param({"ENGINE__KIND": "exllama"}, ["ENGINE__KIND"], id="kind"),
        pytest.param({"ENGINE__SLOTS": "0"}, ["ENGINE__SLOTS"], id="nested"),
        pytest.param({"ENGINE__CONTEXT_LENGTH": "100"}, ["ENGINE__CONTEXT_LENGTH"], id="window"),
        pytest.param({"ENGINE__GPU_LAYERS": "some"}, ["ENGINE__GPU_LAYERS"], id="two-types"),
        pytest.param({"ENGINE__URL": "http://x"}, ["ENGINE__URL"], id="of-another-kind"),
        pytest.param({"SAMPLER__TEMPERATURE": "hot"}, ["SAMPLER__TEMPERATURE"], id="sampler"),
        pytest.param(
            {"ENGINE__KIND": "llama_server", "ENGINE__URL": "http://x", "ENGINE__LORAS": "[]"},
            ["ENGINE__LORAS"],
            id="tuning-of-another-kind",
        ),
        pytest.param({"ENGINE__KIND": "llama_server"}, ["ENGINE__URL"], id="missing"),
        pytest.param(
            {"ENGINE__KIND": "llama_server", "ENGINE__URL": "x", "ENGINE__SLOTS": "2"},
            ["ENGINE__URL", "ENGINE__SLOTS"],
            id="several-of-a-kind",
        ),
        pytest.param(
            {"PACE": "x", "LENGTH": "y", "ENGINE__SLOTS": "z"},
            ["LENGTH", "PACE", "ENGINE__SLOTS"],
            id="one-line-each",
        ),
    ],
)
def test_bad_values_are_told_one_line_a_setting(read, variables, names):
    lines = refuse(read, **{f"TROUPE_{name}": value for name, value in variables.items()})
    assert [line.partition(": ")[0] for line in lines] == [f"TROUPE_{name}" for name in names]
    assert all(line.partition(": ")[2] for line in lines)


def test_the_known_kinds_are_named_where_one_is_unknown(read):
    assert refuse(read, TROUPE_ENGINE__KIND="exllama") == [
        "TROUPE_ENGINE__KIND: it is one of auto, llamacpp, ctransformers, llama_server, openai"
    ]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        (
            "TROUPE_ENGINE__LORAS",
            '[{"file": "a.gguf"}]',
            'it is a JSON list such as [{"path": "limarp.gguf", "scale": 1.0}]',
        ),
        ("TROUPE_ENGINE__TENSOR_SPLIT", "3:1", "it is each GPU's share, for example 3,1"),
        (
            "TROUPE_AVATAR_BASE_URL",
            "/srv/faces",
            "it begins with https://, as Discord has to find it from outside",
        ),
        ("TROUPE_ENGINE__YARN_ORIG_CTX", "4096", "it needs TROUPE_ENGINE__ROPE_SCALING=yarn"),
        (
            "TROUPE_SAMPLER__DRY_SEQUENCE_BREAKERS",
            "*",
            r'it is a JSON list of texts such as ["\n", ":", "*"]',
        ),
        (
            "TROUPE_SAMPLER__GRAMMAR",
            "yes",
            'it is a grammar in GBNF, and one of its lines begins with "root ::="',
        ),
    ],
)
def test_what_would_do_is_said_in_one_line(read, name, value, line):
    assert refuse(read, **{name: value}) == [f"{name}: {line}"]


def test_no_value_is_shown_of_what_is_refused(read):
    lines = refuse(
        read,
        TROUPE_DISCORD_TOKEN=SECRET + "1",
        TROUPE_ENGINE__KIND="llama_server",
        TROUPE_ENGINE__API_KEY=SECRET + "2",
        TROUPE_ENGINE__URL=SECRET + "3",
        TROUPE_PACE=SECRET + "4",
    )
    assert len(lines) == 2
    assert SECRET not in "\n".join(lines)


def test_a_file_that_is_no_text_is_refused_plainly(read):
    assert refuse(read, b"TROUPE_PACE=\xff") == [".env is not UTF-8 text: byte 12 cannot be read"]


# What other modules know too


def test_every_length_word_can_be_set():
    assert get_args(LengthSetting) == ("auto", *LENGTH_WORDS)


def test_every_prompt_format_can_be_set(read):
    for name in ("auto", *FORMATS):
        assert read(TROUPE_PROMPT_FORMAT=name).prompt_format == name
