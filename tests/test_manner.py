"""How a model is spoken to: the catalogue's sampler settings with the operator's put over them."""

import logging
from pathlib import Path

import pytest

from bot.engine_room import choose_manner, open_engine_room
from bot.generation.catalogue import choose_sampler
from bot.generation.config import DEMO_MODEL, LlamaServerConfig
from bot.generation.sampler_config import SamplerConfig
from bot.generation.sampler_presets import SamplerPreset
from bot.generation.types import ModelInfo, SamplerSettings
from bot.settings import Settings

LIMARP = ModelInfo(name="limarp-mistral-7b", context_length=4096, slots=2)
PRESET = SamplerPreset(
    path=Path("mine.json"),
    config=SamplerConfig(temperature=1.2, top_p=0.9),
    notes=("top_a is left out", "skew is left out"),
)
SERVER = LlamaServerConfig.model_validate({"kind": "llama_server", "url": "http://127.0.0.1:1"})


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # no `.env`


def list_stand_ins(caplog):
    return [
        record.message
        for record in caplog.records
        if getattr(record, "action", "") == "sampler-stand-in"
    ]


def test_the_catalogue_decides_what_the_operator_does_not():
    info = ModelInfo(name=DEMO_MODEL.name, context_length=1024, slots=2)
    known = choose_sampler(DEMO_MODEL.name)
    assert choose_manner(Settings())(info).sampler == known
    chosen = choose_manner(Settings(sampler=SamplerConfig(temperature=1.5)))(info).sampler
    assert chosen.temperature == 1.5
    assert (chosen.min_p, chosen.repetition_penalty) == (known.min_p, known.repetition_penalty)


def test_limarp_is_sampled_as_its_card_says():
    sampler = choose_manner(Settings(engine=SERVER))(LIMARP).sampler
    assert sampler == SamplerSettings(
        tail_free=0.92,
        temperature=0.70,
        repetition_penalty=1.1,
        repetition_window=2048,
        top_k=0,
        top_p=1.0,
    )


def test_a_preset_goes_over_the_catalogue_and_the_settings_over_both():
    chosen = Settings(engine=SERVER, sampler_preset=PRESET, sampler=SamplerConfig(temperature=0.9))
    layers = choose_manner(chosen)(LIMARP).layers
    assert layers.settings.temperature == 0.9
    assert layers.settings.top_p == 0.9
    assert layers.settings.tail_free == 0.92
    names = ("temperature", "top_p", "tail_free")
    assert [layers.find_source(name) for name in names] == ["settings", "preset", "catalogue"]


async def test_what_a_preset_has_and_troupe_has_not_is_named_once_a_start(caplog):
    async with open_engine_room(Settings(engine=SERVER, sampler_preset=PRESET)):
        assert [record.message for record in caplog.records] == [
            "mine.json: top_a is left out",
            "mine.json: skew is left out",
        ]


def test_what_the_engine_cannot_do_is_named_when_the_model_is_there(caplog):
    caplog.set_level(logging.INFO)
    choose = choose_manner(Settings(engine=SERVER))
    assert list_stand_ins(caplog) == []
    assert choose(LIMARP).sampler.tail_free == 0.92
    assert list_stand_ins(caplog) == [
        "llama.cpp has no tail-free sampling any more: min-p 0.05 stands in for tail_free 0.92"
    ]


def test_nothing_is_named_where_everything_is_done(caplog):
    caplog.set_level(logging.INFO)
    choose_manner(Settings(engine=SERVER, sampler=SamplerConfig(tail_free=1)))(LIMARP)
    assert list_stand_ins(caplog) == []
