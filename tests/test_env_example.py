"""`.env.example`: every setting once, with a comment and its default."""

import os
import re
from pathlib import Path

import pytest

from bot.generation.config import DEMO_MODEL, LlamaCppConfig
from bot.generation.sampler_config import SamplerConfig
from bot.settings import Settings, list_setting_names, read_settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Read settings from this `.env` and nothing else."""
    for name in os.environ:
        if name.upper().startswith("TROUPE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def read(text=""):
        (tmp_path / ".env").write_text(text, encoding="utf-8")
        return read_settings()

    return read


def read_example():
    """The settings in the example: name to (line, value), in its order."""
    found = {}
    for number, line in enumerate(EXAMPLE.read_text(encoding="utf-8").splitlines()):
        if match := re.fullmatch(r"(?:# )?(TROUPE_\w+)=(.*)", line):
            assert match[1] not in found
            found[match[1]] = (number, match[2])
    return found


def test_the_example_has_every_setting_once_and_no_other():
    assert sorted(read_example()) == sorted(list_setting_names())


@pytest.mark.parametrize("name", list_setting_names())
def test_each_setting_of_the_example_has_a_comment_above_it(name):
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    number, _ = read_example()[name]
    comment = lines[number - 1]
    assert comment.startswith("# ")
    assert not re.match(r"# TROUPE_\w+=", comment)


def _list_defaults():
    for name in list_setting_names():
        short = name.removeprefix("TROUPE_").lower()
        part, _, field = short.rpartition("__")
        if part == "engine":
            if field not in LlamaCppConfig.model_fields:
                # With a default there, all lines switched on would no longer mean one engine.
                yield pytest.param(name, None, id=name)
                continue
            model = LlamaCppConfig
        else:
            model = SamplerConfig if part else Settings
        yield pytest.param(name, model.model_fields[field].default, id=name)


@pytest.mark.parametrize(("name", "default"), list(_list_defaults()))
def test_each_setting_of_the_example_stands_there_with_its_default(name, default):
    _, value = read_example()[name]
    hidden = default in {None, (), DEMO_MODEL} or "SecretStr" in repr(default)
    assert value.lower() == ("" if hidden else str(default).lower())


def test_only_the_token_is_switched_on_in_the_example():
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == [
        "TROUPE_DISCORD_TOKEN="
    ]
    assert all(len(line) <= 100 for line in lines)


def test_the_example_as_it_is_gives_the_defaults(read):
    defaults = read()
    assert read(EXAMPLE.read_text(encoding="utf-8")) == defaults


def test_the_example_with_everything_switched_on_gives_the_defaults(read):
    text = re.sub(r"(?m)^# (TROUPE_\w+=)", r"\1", EXAMPLE.read_text(encoding="utf-8"))
    assert text.count("\nTROUPE_") == len(list_setting_names())
    defaults = read()
    assert read(text) == defaults


@pytest.mark.parametrize("kind", ["auto", "llamacpp", "ctransformers", "llama_server", "openai"])
def test_every_engine_kind_is_explained_in_the_example(kind):
    text = EXAMPLE.read_text(encoding="utf-8")
    assert re.search(rf"\b{kind} \(", text)
