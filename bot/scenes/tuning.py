"""Sampler settings that cards and scenes bring along: between what is stored and what is played."""

import json
import logging
from typing import TYPE_CHECKING, cast

from bot.generation.sampler_config import OPERATOR_ONLY, SamplerConfig, read_sampler
from bot.generation.sampler_layers import SamplerSource

if TYPE_CHECKING:
    from bot.generation.sampler_layers import SamplerLayers
    from bot.prompting.builder import Script
    from personas.persona import Persona

_log = logging.getLogger(__name__)


def read_persona_sampler(persona: "Persona") -> tuple[SamplerConfig, tuple[str, ...]]:
    """What a card wants, and what of it cannot be used: sentences without a full stop.

    The package of personas cannot tell: it does not know what an engine can do.
    """
    config, problems = read_sampler(persona.sampler, refused=OPERATOR_ONLY)
    return config, tuple(
        f"`{problem.name:.60}` in extensions.troupe.sampler is left out: {problem.reason}"
        for problem in problems
    )


def read_scene_sampler(text: str | None) -> SamplerConfig | None:
    """A scene's settings as they are stored; one that a later version left out is passed over."""
    if text is None:
        return None
    try:
        values: object = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        _log.warning("a scene's sampler settings are no object: %.60r", text)
        return None
    return read_sampler(cast("dict[str, object]", values), refused=OPERATOR_ONLY)[0]


def write_scene_sampler(config: SamplerConfig) -> str | None:
    """A scene's settings to be stored; None if there are none."""
    return config.model_dump_json(exclude_none=True) if config.list_chosen() else None


def add_layers(layers: "SamplerLayers", script: "Script") -> "SamplerLayers":
    """The persona's and the scene's settings over the model's."""
    persona = read_persona_sampler(script.persona)[0]
    return layers.put(SamplerSource.PERSONA, persona).put(SamplerSource.SCENE, script.sampler)
