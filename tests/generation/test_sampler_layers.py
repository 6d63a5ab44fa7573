"""What is in force of several layers of sampler settings, and who chose it."""

from bot.generation.sampler_config import SamplerConfig
from bot.generation.sampler_layers import SamplerLayers, SamplerSource
from bot.generation.types import SamplerSettings

BASE = SamplerLayers(base=SamplerSettings(temperature=0.7, tail_free=0.92))


def test_without_layers_the_catalogue_decides():
    assert BASE.settings == BASE.base
    assert BASE.find_source("temperature") is SamplerSource.CATALOGUE


def test_the_topmost_that_says_something_counts():
    layers = (
        BASE.put(SamplerSource.PRESET, SamplerConfig(temperature=1.0, top_p=0.9))
        .put(SamplerSource.PERSONA, SamplerConfig(top_p=0.8, min_p=0.1))
        .put(SamplerSource.SCENE, SamplerConfig(min_p=0))
    )
    assert layers.settings == SamplerSettings(temperature=1.0, tail_free=0.92, top_p=0.8, min_p=0.0)
    sources = {name: layers.find_source(name) for name in ("temperature", "top_p", "min_p")}
    assert sources == {"temperature": "preset", "top_p": "persona", "min_p": "scene"}
    assert layers.find_source("tail_free") is SamplerSource.CATALOGUE


def test_a_layer_that_says_nothing_is_none():
    assert BASE.put(SamplerSource.SCENE, None) is BASE
    assert BASE.put(SamplerSource.SCENE, SamplerConfig()) is BASE
