"""The values that go into an engine and come out of it."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerSettings:
    """How the next token is chosen; the defaults leave every sampler off but temperature."""

    temperature: float = 0.8
    """Above 0; 0 always takes the likeliest token."""
    top_k: int = 0
    """Keep the k likeliest tokens; 0 is off."""
    top_p: float = 1.0
    """Keep the likeliest tokens up to this share of probability; 1 is off."""
    min_p: float = 0.0
    """Drop tokens below this share of the likeliest one's probability; 0 is off."""
    typical_p: float = 1.0
    """Keep tokens of typical information content up to this share; 1 is off."""
    tail_free: float = 1.0
    """Tail-free sampling's z; 1 is off. llama.cpp removed it in 2024: min-p stands in."""
    repetition_penalty: float = 1.0
    """Divides the logits of tokens seen lately; 1 is off."""
    repetition_window: int = 64
    """How many tokens back the penalty looks."""


class FinishReason(StrEnum):
    """Why a generation ended."""

    STOP = "stop"
    LENGTH = "length"
    ABORT = "abort"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One prompt to be continued."""

    prompt: str
    max_tokens: int
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    stop_sequences: tuple[str, ...] = ()
    """Matched in generated text only; one that begins with a line feed also matches its start."""
    seed: int | None = None
    """None draws one."""
    affinity: str = ""
    """Stable per scene and saying nothing about it, for routers that keep a scene's cache warm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """What a generation cost, as the engine itself reports it."""

    prompt_tokens: int
    """Prompt tokens evaluated for this generation."""
    cached_tokens: int
    """Prompt tokens that were still in the cache."""
    reply_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationChunk:
    """A piece of text; the last chunk, and only it, says why the generation ended."""

    text: str
    finish_reason: FinishReason | None = None
    timings: Timings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What a running engine says of its model."""

    name: str
    context_length: int
    """Tokens of one scene's window: prompt and reply together."""
    slots: int
    """Generations at once."""
    chat_template: str = field(default="", repr=False)
    """The model's own; empty if it has none."""


class EngineState(StrEnum):
    """Whether the engine can be asked."""

    LOADING = "loading"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"
