"""Sampler settings in cards and scenes: what is taken, and what is said of the rest."""

import pytest

from bot.generation.sampler_config import SamplerConfig
from bot.scenes.tuning import read_persona_sampler, read_scene_sampler, write_scene_sampler
from personas.persona import Persona


def read(**sampler: object) -> tuple[SamplerConfig, tuple[str, ...]]:
    return read_persona_sampler(Persona(key="a", name="A", sampler=sampler))


def test_a_card_says_how_its_persona_is_played():
    config, warnings = read(temperature=0.9, dry_sequence_breakers=["\n"], top_k=None)
    assert config == SamplerConfig(temperature=0.9, dry_sequence_breakers=("\n",))
    assert warnings == ()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("temprature", 1, "there is no such setting; the nearest is temperature"),
        ("temperature", 11, "less than or equal to 10"),
        ("temperature", True, "it is not true or false"),
        ("temperature", {"a": 1}, "valid number"),
        ("temperature", float("nan"), "finite"),
        ("repetition_window", 10**12, "less than or equal to 1048576"),
        ("dry_sequence_breakers", ["\ud800"], "JSON list"),
        ("dry_sequence_breakers", ["a"] * 65, "JSON list"),
        ("grammar", 'root ::= "a"', "only whoever hosts may set it"),
        ("x" * 100, 1, "there is no such setting"),
    ],
)
def test_what_cannot_be_used_is_left_out_with_a_warning(name: str, value: object, words: str):
    config, (warning,) = read(**{name: value, "min_p": 0.1})
    assert config == SamplerConfig(min_p=0.1)
    assert f"`{name:.60}` in extensions.troupe.sampler is left out: " in warning
    assert words in warning


def test_a_scenes_settings_are_stored_and_read():
    own = SamplerConfig(temperature=1.1, dry_sequence_breakers=("\n", "*"))
    text = write_scene_sampler(own)
    assert text == '{"temperature":1.1,"dry_sequence_breakers":["\\n","*"]}'
    assert read_scene_sampler(text) == own


def test_none_are_stored_as_nothing():
    assert write_scene_sampler(SamplerConfig()) is None
    assert read_scene_sampler(None) is None


def test_a_setting_that_is_no_more_is_passed_over():
    assert read_scene_sampler('{"old": 1, "min_p": 0.2}') == SamplerConfig(min_p=0.2)


@pytest.mark.parametrize("text", ["not json", "[]", "3", "null", '"x"'])
def test_stored_settings_that_are_no_object_are_passed_over(text, caplog):
    assert read_scene_sampler(text) is None
    assert "no object" in caplog.text
