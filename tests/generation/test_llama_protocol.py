"""Our sampler settings as llama.cpp's server takes them; `test_llamacpp_worker` asks a real one."""

from dataclasses import fields

import pytest

from bot.generation.llama_protocol import _write_sampler, list_stand_ins, write_request
from bot.generation.types import GenerationRequest, SamplerSettings

OFF = {
    "dynatemp_range": 0,
    "top_k": 0,
    "top_p": 1,
    "min_p": 0,
    "typical_p": 1,
    "xtc_probability": 0,
    "dry_multiplier": 0,
    "mirostat": 0,
    "repeat_penalty": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "grammar": "",
}
"""What switches each sampler off, by the documentation of llama.cpp's server."""
OTHER_NAMES = {
    "dry_penalty_window": "dry_penalty_last_n",
    "repetition_penalty": "repeat_penalty",
    "repetition_window": "repeat_last_n",
}


def test_all_samplers_but_temperature_are_off_unless_set():
    written = _write_sampler(SamplerSettings())
    assert {name: written[name] for name in OFF} == OFF
    assert written["temperature"] == 0.8


def test_every_setting_is_written_under_llama_cpps_name():
    ours = {OTHER_NAMES.get(field.name, field.name) for field in fields(SamplerSettings)}
    assert set(_write_sampler(SamplerSettings())) == ours - {"tail_free"}


def test_a_request_has_its_sampler_and_its_seed():
    sampler = SamplerSettings(
        repetition_penalty=1.2, repetition_window=99, dry_sequence_breakers=("\n",)
    )
    written = write_request(GenerationRequest(prompt="a", max_tokens=3, sampler=sampler, seed=7))
    assert (written["repeat_penalty"], written["repeat_last_n"], written["seed"]) == (1.2, 99, 7)
    assert written["dry_sequence_breakers"] == ["\n"]
    assert write_request(GenerationRequest(prompt="a", max_tokens=3))["seed"] == -1


@pytest.mark.parametrize(
    ("sampler", "min_p"),
    [
        pytest.param(SamplerSettings(), 0.0, id="off"),
        pytest.param(SamplerSettings(tail_free=0.92), 0.05, id="stand-in"),
        pytest.param(SamplerSettings(tail_free=0.92, min_p=0.2), 0.2, id="set-as-well"),
        pytest.param(SamplerSettings(min_p=0.2), 0.2, id="set"),
    ],
)
def test_min_p_stands_in_for_tail_free_sampling(sampler: SamplerSettings, min_p: float):
    assert _write_sampler(sampler)["min_p"] == min_p


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        pytest.param(SamplerSettings(), [], id="nothing"),
        pytest.param(SamplerSettings(min_p=0.2, grammar="x", mirostat_tau=3), [], id="honoured"),
        pytest.param(SamplerSettings(tail_free=0.92), ["min-p 0.05", "tail_free 0.92"], id="tfs"),
        pytest.param(SamplerSettings(tail_free=0.9, min_p=0.2), ["min-p 0.2"], id="tfs-and-min-p"),
        pytest.param(SamplerSettings(mirostat=1, temperature=2), [], id="mirostat-alone"),
        pytest.param(
            SamplerSettings(mirostat=2, tail_free=0.9, repetition_penalty=1.1),
            ["mirostat", "leaves out tail_free, repetition_penalty"],
            id="mirostat-and-others",
        ),
    ],
)
def test_what_is_not_done_as_it_is_set_is_said(sampler: SamplerSettings, words: list[str]):
    sentences = list_stand_ins(sampler)
    assert len(sentences) == bool(words)
    assert all(word in sentences[0] for word in words)
