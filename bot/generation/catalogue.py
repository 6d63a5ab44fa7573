"""Known models: which one a name means, and how it likes to be sampled."""

import re
from typing import Final

from bot.generation.catalogue_values import DEFAULT_SAMPLER, Download, KnownModel
from bot.generation.known_models import LIMARP_SAMPLER, MODELS_OF_2023, NOUS_HERMES_SAMPLER
from bot.generation.todays_models import TODAYS_MODELS
from bot.generation.types import SamplerSettings

KNOWN_MODELS: Final = (*MODELS_OF_2023, *TODAYS_MODELS)
"""All that `troupe models list` shows."""

_FAMILIES = (
    # Hotter misspells names, and a sharper DRY breaks words: see the demo model's card
    (
        re.compile(r"troupe[-_ ]demo", re.IGNORECASE),
        SamplerSettings(
            temperature=0.4,
            min_p=0.05,
            repetition_penalty=1.05,
            dry_multiplier=1.0,
            dry_base=1.5,
            dry_allowed_length=8,
            dry_penalty_window=256,
        ),
    ),
    (re.compile(r"limarp", re.IGNORECASE), LIMARP_SAMPLER),
    (re.compile(r"nous-hermes", re.IGNORECASE), NOUS_HERMES_SAMPLER),
)
"""The model that ships, and relatives of known models that are not in the catalogue themselves."""


def find_known_model(name: str) -> KnownModel | None:
    """The model that a pull name, a file's name or a server's name of a model means.

    The most telling match wins: merges bear several names, and adapters their model's.
    """
    for model in KNOWN_MODELS:
        if name.lower() == model.name:
            return model
    found = ((model, model.pattern.search(name)) for model in KNOWN_MODELS)
    matches = [(len(match[0]), model) for model, match in found if match]
    return max(matches, key=lambda each: each[0])[1] if matches else None


def choose_sampler(model_name: str) -> SamplerSettings:
    """The settings of the known model, else of the first family, whose name it bears."""
    if model := find_known_model(model_name):
        return model.sampler
    for pattern, sampler in _FAMILIES:
        if pattern.search(model_name):
            return sampler
    return DEFAULT_SAMPLER


def find_download(model: KnownModel, wanted: str = "") -> Download | None:
    """The usual download of a model, or the first whose quantization or file name is meant.

    Args:
        model: Of which model.
        wanted: A quantization such as Q5_K_M, or a part of a file's name such as ggmlv3.Q4_0;
            nothing is the usual one.
    """
    text = wanted.lower()
    for download in model.downloads:
        if text in {"", download.quantization.lower()}:
            return download
    for download in model.downloads:
        if any(text in file.lower() for file in (*download.files, download.kind)):
            return download
    return None
