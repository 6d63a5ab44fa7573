"""`TROUPE_SAMPLER_PRESET`: read at start, refused in one line."""

import json
import os

import pytest

from bot.generation.sampler_config import SamplerConfig
from bot.settings import Settings, SettingsError, read_settings


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Read settings with a preset of this text."""
    for name in os.environ:
        if name.upper().startswith("TROUPE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def read(text):
        (tmp_path / "mine.json").write_text(text, encoding="utf-8")
        monkeypatch.setenv("TROUPE_SAMPLER_PRESET", "mine.json")
        return read_settings()

    return read


def test_a_preset_is_read(read):
    preset = read(json.dumps({"temp": 1.2, "top_a": 0.2})).sampler_preset
    assert preset is not None
    assert preset.config == SamplerConfig(temperature=1.2)
    assert preset.notes == ("top_a is left out: Troupe does not have top-a",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "mine.json is not JSON"),
        ("{}", "mine.json is no text-completion preset of SillyTavern"),
        ('{"temp": 12}', "mine.json: temp is 12, but input should be less than or equal to 10"),
    ],
)
def test_a_bad_preset_is_one_line(read, text, words):
    with pytest.raises(SettingsError) as caught:
        read(text)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"TROUPE_SAMPLER_PRESET: {words}")


def test_without_one_there_is_none(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TROUPE_SAMPLER_PRESET", raising=False)
    assert Settings().sampler_preset is None
