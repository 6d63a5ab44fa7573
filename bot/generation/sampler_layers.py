"""Sampler settings in layers, so that it can be told where each of them comes from."""

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.generation.sampler_config import SamplerConfig
from bot.generation.types import SamplerSettings


class SamplerSource(StrEnum):
    """Who chose a setting, in the order in which they go over each other."""

    CATALOGUE = "catalogue"
    """What Troupe knows of the model."""
    PRESET = "preset"
    SETTINGS = "settings"
    PERSONA = "persona"
    SCENE = "scene"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerLayers:
    """What the catalogue says of a model, and what was put over it, lowest first."""

    base: SamplerSettings
    over: tuple[tuple[SamplerSource, SamplerConfig], ...] = ()

    def put(self, source: SamplerSource, config: SamplerConfig | None) -> "SamplerLayers":
        """With another layer on top; None puts none there."""
        if config is None or not config.list_chosen():
            return self
        return replace(self, over=(*self.over, (source, config)))

    @property
    def settings(self) -> SamplerSettings:
        """What is in force."""
        settings = self.base
        for _, config in self.over:
            settings = config.apply(settings)
        return settings

    def find_source(self, name: str) -> SamplerSource:
        """Who chose what is in force of a setting."""
        for source, config in reversed(self.over):
            if getattr(config, name) is not None:
                return source
        return SamplerSource.CATALOGUE
