"""The values that the catalogue is made of."""

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.generation.types import SamplerSettings

DEFAULT_SAMPLER = SamplerSettings(temperature=0.8, min_p=0.05, repetition_penalty=1.05)
"""For models that are not known, or whose card names no settings."""


class DownloadKind(StrEnum):
    """What a download is, and so what runs it."""

    GGUF = "GGUF"
    GGML = "GGML"
    LORA = "LoRA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One thing that can be pulled."""

    repository: str
    """Owner and name on the hub."""
    files: tuple[str, ...]
    """Paths in the repository; all of them are needed."""
    kind: DownloadKind
    quantization: str
    """As it is written in file names; empty if the weights are not quantized."""
    size_bytes: int | None
    """About, from the three digits that the hub's pages show; None if no source says it. The exact
    size is asked before anything is pulled."""
    sha256: str | None = None
    """Of the only file, where a stored source had it; the hub's own answer is checked always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model, told by its name."""

    name: str
    """What `troupe models pull` takes."""
    title: str
    parameters: str
    """How many, as people say it: 7B."""
    pattern: re.Pattern[str]
    """Found in the names of its files, and of nobody else's."""
    good_for: str
    prompt_format: str
    """A format's name; empty if Troupe has none yet that the model was trained on."""
    trained_on: str = ""
    """What it was trained on, where Troupe has no such format."""
    sampler: SamplerSettings = DEFAULT_SAMPLER
    sampler_source: str = "none of its own were found: Troupe's own for any model"
    """Where the settings come from."""
    card: str
    """Address of the model's own page."""
    licence: str
    """The word on that page."""
    context_length: int | None = None
    """Tokens it was trained for; None if no source says it. GGUF files say it themselves."""
    has_length_words: bool = False
    """Whether it was trained on LimaRP's length words."""
    downloads: tuple[Download, ...]
    """The usual one first."""
    elsewhere: str = ""
    """Forms of it that Troupe does not run, and what does."""


def list_downloads(
    repository: str, file: str, kind: DownloadKind = DownloadKind.GGUF, **gigabytes: float
) -> tuple[Download, ...]:
    """One file for each quantization, with its size in billions of bytes, as hubs show it.

    Args:
        repository: Owner and name on the hub.
        file: Path in it, with {} where the quantization stands.
        kind: What the files are.
        gigabytes: Quantization as the file names have it to size.
    """
    return tuple(
        Download(
            repository=repository,
            files=(file.format(quantization),),
            kind=kind,
            quantization=quantization.upper(),
            size_bytes=round(size * 1e9),
        )
        for quantization, size in gigabytes.items()
    )
