"""What Troupe would do with a model file: with these settings, on this machine."""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.cli.models.memory_words import say_memory
from bot.engine_room import layer_sampler
from bot.generation.catalogue import choose_sampler, find_known_model
from bot.generation.catalogue_values import DEFAULT_SAMPLER
from bot.generation.config import CtransformersConfig, LlamaCppConfig, ModelFileConfig, change_file
from bot.generation.errors import EngineUnavailableError
from bot.generation.factory import inspect_model
from bot.generation.sizing.fitting import MARGIN_BYTES, Gpu, Placement, divide, fit_layers, place
from bot.generation.sizing.windows import choose_window
from bot.generation.types import SamplerSettings
from bot.prompting.formats.detect import choose_format

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.generation.sizing.anatomy import ModelAnatomy
    from bot.generation.sizing.fitting import Demand
    from bot.settings import Settings


FileConfig = LlamaCppConfig | CtransformersConfig
"""How a file of one's own is run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing that Troupe would choose."""

    topic: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Where the model could be, with how much memory."""

    demand: "Demand"
    gpus: tuple[Gpu, ...]
    without: Placement
    fitting: Placement | None
    """With as many layers as fit; None if there is no GPU."""
    whole: Placement
    waiting_bytes: int
    """Of the machine's memory, for scenes that have no slot at the moment; at most, 0 is none."""


def choose_config(
    settings: "Settings", path: "Path", *, context: int | None = None, slots: int | None = None
) -> FileConfig:
    """The operator's settings for this file.

    Args:
        settings: Those in force.
        path: The file.
        context: Another window than the settings have.
        slots: Another number of slots; what runs a GGML file has one whatever is asked.

    Raises:
        ValueError: If they do not go with what the file is made for.
    """
    engine = settings.engine
    config = change_file(engine if isinstance(engine, ModelFileConfig) else LlamaCppConfig(), path)
    assert isinstance(config, FileConfig)  # noqa: S101 - of another file, not of a server
    asked = {"context_length": context}
    if isinstance(config, LlamaCppConfig):
        asked["slots"] = slots
    return config.model_copy(
        update={name: value for name, value in asked.items() if value is not None}
    )


def look_out(
    anatomy: "ModelAnatomy", demand: "Demand", config: FileConfig, gpus: "Sequence[Gpu]"
) -> Outlook:
    """Work out the memory with no layer on GPUs, with all, and with as many as fit."""
    division = divide(gpus, config.tuning if isinstance(config, LlamaCppConfig) else None)
    fitting = fit_layers(anatomy, demand, division) if division.gpus else None
    shares = fitting.shares if fitting else (1.0,)
    waiting_mib = config.cache_ram_mib if isinstance(config, LlamaCppConfig) else 0
    return Outlook(
        demand=demand,
        gpus=division.gpus,
        without=place(anatomy, demand, 0),
        fitting=fitting,
        whole=place(anatomy, demand, len(anatomy.layers) + 1, shares),
        waiting_bytes=max(0, waiting_mib) * 1024**2,
    )


def list_decisions(
    settings: "Settings", config: FileConfig, anatomy: "ModelAnatomy", outlook: Outlook
) -> list[Decision]:
    """Everything that is chosen for a model, with the reason for each."""
    name = f"{config.model.name} {anatomy.name}"
    choice = choose_format(
        setting=settings.prompt_format, chat_template=anatomy.chat_template, model_name=name
    )
    window = choose_window(config, anatomy.positions.trained_context)
    slots = "TROUPE_ENGINE__SLOTS; each has a window of its own"
    if isinstance(config, CtransformersConfig):
        slots = "ctransformers writes one reply at a time"
    return [
        _choose_engine(config, anatomy),
        Decision(topic="format", value=choice.prompt_format.name, reason=choice.reason),
        _choose_samplers(settings, name),
        Decision(topic="window", value=f"{window.tokens:,} tokens", reason=window.reason),
        Decision(topic="slots", value=str(config.slots), reason=slots),
        _choose_layers(config, anatomy, outlook),
    ]


def _choose_engine(config: FileConfig, anatomy: "ModelAnatomy") -> Decision:
    is_old = isinstance(config, CtransformersConfig)
    try:
        inspect_model(config)
    except EngineUnavailableError as error:
        return Decision(topic="engine", value="none", reason=error.fix)
    said = {"gguf": "it is a GGUF file", "ggml": "it is a GGML file of 2023"}[anatomy.kind]
    if config.kind != "auto":
        said = "TROUPE_ENGINE__KIND"
    return Decision(topic="engine", value="ctransformers" if is_old else "llamacpp", reason=said)


def _choose_samplers(settings: "Settings", name: str) -> Decision:
    known, sampler = find_known_model(name), choose_sampler(name)
    reason = "Troupe's own, for models that it does not know"
    if known is not None:
        reason = f"{known.title}: {known.sampler_source}"
    elif sampler != DEFAULT_SAMPLER:
        reason = "Troupe's own for this family of models"
    layers = layer_sampler(settings, name)
    changed = layers.settings
    if changed != sampler:
        names = {"preset": "TROUPE_SAMPLER_PRESET", "settings": "TROUPE_SAMPLER__…"}
        reason += f"; changed by {' and '.join(names[source] for source, _ in layers.over)}"
    return Decision(topic="samplers", value=_describe_sampler(changed), reason=reason)


def _describe_sampler(sampler: SamplerSettings) -> str:
    """The temperature, and whatever is not off."""
    off = SamplerSettings()
    chosen = [
        (field.name, getattr(sampler, field.name))
        for field in dataclasses.fields(sampler)
        if field.name == "temperature" or getattr(sampler, field.name) != getattr(off, field.name)
    ]
    return ", ".join(f"{name} {value}" for name, value in chosen)


def _choose_layers(config: FileConfig, anatomy: "ModelAnatomy", outlook: Outlook) -> Decision:
    asked, every = config.gpu_layers, outlook.whole.all_layers
    if asked != "auto":
        count = every if asked == "all" else min(asked, every)
        value, reason = f"{count} of {every}", "TROUPE_ENGINE__GPU_LAYERS"
    elif isinstance(config, CtransformersConfig):
        value, reason = "none", "ctransformers is told a number or all: TROUPE_ENGINE__GPU_LAYERS"
    elif outlook.fitting is None:
        value, reason = "none", "no GPU"
    else:
        value = f"{outlook.fitting.gpu_layers} of {every}"
        reason = f"so many fit, with {say_memory(MARGIN_BYTES)} left free on each GPU"
        if outlook.fitting.is_whole:
            reason = f"all fit, with {say_memory(MARGIN_BYTES)} left free on each GPU"
        elif anatomy.experts or anatomy.caveats:
            value, reason = f"about {value}", "llama.cpp tries it out, and leaves experts outside"
    return Decision(topic="GPU layers", value=value, reason=reason)
