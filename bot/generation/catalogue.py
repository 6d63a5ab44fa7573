"""Known models: how they like to be sampled."""

import re
from dataclasses import dataclass

from bot.generation.types import SamplerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A family of models, told by its name."""

    pattern: re.Pattern[str]
    sampler: SamplerSettings
    source: str
    """Where the settings come from."""


_MODELS = (
    KnownModel(
        pattern=re.compile(r"troupe[-_ ]demo", re.IGNORECASE),
        # Lower repeats more, higher misspells names: see the model's card
        sampler=SamplerSettings(temperature=0.5, min_p=0.05, repetition_penalty=1.05),
        source="the demo model's own card",
    ),
    KnownModel(
        pattern=re.compile(r"limarp", re.IGNORECASE),
        sampler=SamplerSettings(
            temperature=0.7, tail_free=0.92, repetition_penalty=1.1, repetition_window=2048
        ),
        source="LimaRP-Mistral-7B's card",
    ),
    KnownModel(
        pattern=re.compile(r"nous-hermes", re.IGNORECASE),
        sampler=SamplerSettings(temperature=0.7, min_p=0.05, repetition_penalty=1.1),
        source="Nous-Hermes-Llama2-70B-GGML's card",
    ),
)

DEFAULT_SAMPLER = SamplerSettings(temperature=0.8, min_p=0.05, repetition_penalty=1.05)
"""For models that are not known."""


def choose_sampler(model_name: str) -> SamplerSettings:
    """The settings of the first known family whose name the model bears."""
    for model in _MODELS:
        if model.pattern.search(model_name):
            return model.sampler
    return DEFAULT_SAMPLER
