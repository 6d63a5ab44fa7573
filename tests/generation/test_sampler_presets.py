"""SillyTavern's text-completion presets, as its own default presets and its users write them."""

import json
from typing import Any

import pytest

from bot.generation.sampler_config import SamplerConfig
from bot.generation.sampler_presets import open_sampler_preset, read_sampler_preset
from bot.generation.types import SamplerSettings

OFF: dict[str, Any] = {
    "temp": 1,
    "temperature_last": True,
    "top_p": 1,
    "top_k": 0,
    "top_a": 0,
    "tfs": 1,
    "epsilon_cutoff": 0,
    "eta_cutoff": 0,
    "typical_p": 1,
    "min_p": 0,
    "rep_pen": 1,
    "rep_pen_range": 0,
    "no_repeat_ngram_size": 0,
    "penalty_alpha": 0,
    "num_beams": 1,
    "encoder_rep_pen": 1,
    "freq_pen": 0,
    "presence_pen": 0,
    "skew": 0,
    "do_sample": True,
    "dynatemp": False,
    "min_temp": 0,
    "max_temp": 2,
    "dynatemp_exponent": 1,
    "smoothing_factor": 0,
    "smoothing_curve": 1,
    "dry_allowed_length": 2,
    "dry_multiplier": 0,
    "dry_base": 1.75,
    "dry_sequence_breakers": '["\\n", ":", "\\"", "*"]',
    "dry_penalty_last_n": 0,
    "ban_eos_token": False,
    "mirostat_mode": 0,
    "mirostat_tau": 0,  # of a sampler that is off, so nobody minds it
    "mirostat_eta": 0.1,
    "guidance_scale": 1,
    "negative_prompt": "",
    "grammar_string": "",
    "json_schema": None,
    "banned_tokens": "",
    "samplers": ["penalties", "dry", "top_k", "xtc", "top_p", "min_p", "temperature"],
    "sampler_order": [6, 0, 1, 3, 4, 2, 5],
    "logit_bias": [],
    "xtc_threshold": 0.1,
    "xtc_probability": 0,
    "nsigma": 0,
    "adaptive_target": -0.01,
    "genamt": 350,
}
"""Every sampler off, with the keys that SillyTavern writes."""


def read(**changes: object) -> tuple[SamplerConfig, tuple[str, ...]]:
    return read_sampler_preset({**OFF, **changes}, source="mine.json")


def choose(**changes: object) -> SamplerSettings:
    return read(**changes)[0].apply(SamplerSettings(top_k=7, tail_free=0.5, min_p=0.3))


def test_what_is_off_there_is_off_here_and_nothing_is_left_out():
    config, notes = read()
    assert notes == ()
    lively = SamplerSettings(
        temperature=0.3, dynatemp_range=1, top_k=7, top_p=0.5, min_p=0.3, typical_p=0.5,
        tail_free=0.5, xtc_probability=1, dry_multiplier=1, mirostat=2, repetition_penalty=2,
        presence_penalty=1, frequency_penalty=1,
    )  # fmt: skip
    assert config.apply(lively) == SamplerSettings(temperature=1, repetition_window=131_072)


def test_what_is_not_in_it_is_left_as_it_is():
    config, notes = read_sampler_preset({"temp": 0.65, "top_p": 0.47, "top_k": 42}, source="a")
    assert (config.list_chosen(), notes) == (["temperature", "top_k", "top_p"], ())


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"temp": 0.7}, {"temperature": 0.7}),
        ({"temp": "0.7"}, {"temperature": 0.7}),
        ({"top_k": 40}, {"top_k": 40}),
        ({"top_k": -1}, {"top_k": 0}),
        ({"top_p": 0.9}, {"top_p": 0.9}),
        ({"top_p": 0}, {"top_k": 1, "top_p": 1.0}),
        ({"typical_p": 0.6}, {"typical_p": 0.6}),
        ({"min_p": 0.1}, {"min_p": 0.1}),
        ({"tfs": 0.92}, {"tail_free": 0.92}),
        (
            {"rep_pen": 1.1, "rep_pen_range": 2048},
            {"repetition_penalty": 1.1, "repetition_window": 2048},
        ),
        ({"rep_pen": 1.1, "rep_pen_range": -1}, {"repetition_window": 131_072}),
        (
            {"freq_pen": 0.2, "presence_pen": -0.1},
            {"frequency_penalty": 0.2, "presence_penalty": -0.1},
        ),
        (
            {"dynatemp": True, "min_temp": 0.5, "max_temp": 1.5},
            {"temperature": 1.0, "dynatemp_range": 0.5},
        ),
        (
            {"dynatemp": True, "dynatemp_exponent": 0.8},
            {"dynatemp_range": 1.0, "dynatemp_exponent": 0.8},
        ),
        ({"do_sample": False, "temp": 1.3}, {"temperature": 0.0, "dynatemp_range": 0.0}),
        (
            {"mirostat_mode": 2, "mirostat_tau": 4},
            {"mirostat": 2, "mirostat_tau": 4.0, "mirostat_eta": 0.1},
        ),
        (
            {"xtc_probability": 0.5, "xtc_threshold": 0.2},
            {"xtc_probability": 0.5, "xtc_threshold": 0.2},
        ),
        (
            {"dry_multiplier": 0.8, "dry_penalty_last_n": 4096, "dry_allowed_length": 3},
            {
                "dry_penalty_window": 4096,
                "dry_allowed_length": 3,
                "dry_sequence_breakers": ("\n", ":", '"', "*"),
            },
        ),
        ({"dry_multiplier": 0.8}, {"dry_multiplier": 0.8, "dry_penalty_window": 131_072}),
        (
            {"dry_multiplier": 1, "dry_sequence_breakers": "a, b"},
            {"dry_sequence_breakers": ("a", "b")},
        ),
        ({"grammar_string": 'root ::= "a"'}, {"grammar": 'root ::= "a"'}),
    ],
    ids=str,
)
def test_a_setting_means_what_it_means_there(theirs: dict[str, object], ours: dict[str, object]):
    chosen = choose(**theirs)
    assert {name: getattr(chosen, name) for name in ours} == ours


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("smoothing_factor", 0.3),
        ("top_a", 0.2),
        ("nsigma", 1.5),
        ("epsilon_cutoff", 3),
        ("eta_cutoff", 3),
        ("adaptive_target", 0.5),
        ("skew", -1),
        ("no_repeat_ngram_size", 4),
        ("encoder_rep_pen", 1.1),
        ("penalty_alpha", 0.6),
        ("num_beams", 4),
        ("guidance_scale", 1.5),
        ("min_length", 20),
        ("ban_eos_token", True),
        ("banned_tokens", "[1]"),
        ("logit_bias", [{"text": "a", "value": 1}]),
        ("json_schema", {"type": "object"}),
    ],
)
def test_what_has_no_place_here_is_named(key: str, value: object):
    config, notes = read(**{key: value})
    (note,) = notes
    assert note.startswith(f"{key} is left out: ")
    assert config == read()[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature_last": False},
        {"samplers": ["temperature", "top_k"]},
        {"sampler_order": [5, 6, 0, 1, 2, 3, 4]},
    ],
    ids=str,
)
def test_an_order_of_its_own_is_named_once(changes: dict[str, object]):
    assert read(**changes)[1] == (
        "the order of the samplers is left out: temperature is always the last",
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temp": True}, "temp is True, but it is a number"),
        ({"temp": {}}, "temp is {}, but it is a number"),
        ({"min_p": "much"}, "min_p is 'much', but it is a number"),
        ({"temp": 11}, "temp is 11, but input should be less than or equal to 10"),
        ({"temp": float("nan")}, "temp is nan, but input should be a finite number"),
        ({"tfs": 0}, "tfs is 0, but input should be greater than 0"),
        ({"top_k": 2.5}, "top_k is 2.5, but input should be a valid integer"),
        ({"top_k": -2}, "top_k is -2"),
        ({"rep_pen_range": 10**12}, "rep_pen_range is 1000000000000"),
        ({"dynatemp": "yes"}, "dynatemp is 'yes', but it is true or false"),
        ({"dynatemp": True, "min_temp": 3}, "max_temp is missing or below min_temp"),
        ({"dry_multiplier": 1, "dry_sequence_breakers": 7}, "dry_sequence_breakers is 7"),
        ({"grammar_string": "yes | no"}, "grammar_string is 'yes | no', but it is a grammar"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_used_is_refused_in_one_line(changes: dict[str, object], words: str):
    with pytest.raises(ValueError, match=r"mine\.json") as caught:
        read(**changes)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value", [None, [], "temp", {"input_sequence": "### Input:"}, {"preset": 1}]
)
def test_what_is_no_preset_is_refused_with_what_would_be_one(value: object):
    with pytest.raises(ValueError, match="none of min_p, rep_pen, temp, top_k, top_p"):
        read_sampler_preset(value, source="mine.json")


def test_a_master_export_has_it_as_a_section():
    export = {"instruct": {"name": "ChatML"}, "preset": {**OFF, "name": "Mine", "min_p": 0.02}}
    assert read_sampler_preset(export, source="a")[0].min_p == 0.02


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "is not JSON"),
        (b'{"temp": "\xff"}', "is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b" " * 1_000_001, "larger than 1 MB"),
        (b"[]", "no text-completion preset"),
    ],
    ids=["cut off", "not UTF-8", "too deep", "too large", "a list"],
)
def test_a_file_that_is_none_is_refused(tmp_path, data: bytes, words: str):
    path = tmp_path / "mine.json"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=words):
        open_sampler_preset(path)


def test_a_file_is_read_with_a_mark_in_front_and_named(tmp_path):
    path = tmp_path / "mine.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({**OFF, "top_a": 0.2}).encode())
    preset = open_sampler_preset(path)
    assert preset.path == path
    assert (preset.config, len(preset.notes)) == (read()[0], 1)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"mine\.json cannot be read \(No such file"):
        open_sampler_preset(tmp_path / "mine.json")
