"""How a model is spoken to: the catalogue's sampler settings with the operator's put over them."""

import logging

import pytest

from bot.engine_room import choose_manner
from bot.generation.catalogue import choose_sampler
from bot.generation.config import DEMO_MODEL, LlamaServerConfig
from bot.generation.sampler_config import SamplerConfig
from bot.generation.types import ModelInfo
from bot.settings import Settings

LIMARP = ModelInfo(name="limarp-mistral-7b", context_length=4096, slots=2)
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
