"""The values that go into an engine and come out of it."""

import re
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerSettings:
    """How the next token is chosen; the defaults leave every sampler off but temperature."""

    temperature: float = 0.8
    """Above 0; 0 always takes the likeliest token."""
    dynatemp_range: float = 0.0
    """How far the temperature may move to either side as the model is sure or not; 0 is off."""
    dynatemp_exponent: float = 1.0
    """How the model's doubt (entropy) becomes a temperature in that range; 1 is in proportion."""
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
    xtc_probability: float = 0.0
    """How often, from 0 to 1, all likely tokens but the least likely of them are dropped; 0 is
    off."""
    xtc_threshold: float = 0.1
    """From which probability on a token is a likely one for that; above 0.5 there is never
    more than one, so XTC is off."""
    dry_multiplier: float = 0.0
    """Strength of the penalty on tokens that would go on with a repeated sequence; 0 is off."""
    dry_base: float = 1.75
    """Factor on that penalty for each token that the sequence is longer, at least 1."""
    dry_allowed_length: int = 2
    """Tokens that may be repeated without penalty."""
    dry_penalty_window: int = 1024
    """How many tokens back repetitions are looked for; 0 is off. llama.cpp's own 64 do not reach
    the reply before."""
    dry_sequence_breakers: tuple[str, ...] = ("\n", ":", '"', "*")
    """Texts that no repeated sequence reaches across; at least one."""
    mirostat: int = 0
    """1 or 2 steers by surprise, and temperature alone is heeded beside it; 0 is off."""
    mirostat_tau: float = 5.0
    """The surprise that mirostat aims at, in bits a token."""
    mirostat_eta: float = 0.1
    """How fast mirostat corrects itself, above 0 and at most 1."""
    repetition_penalty: float = 1.0
    """Divides the logits of tokens seen lately; 1 is off."""
    repetition_window: int = 64
    """How many tokens back this and the two penalties below look; 0 is off."""
    presence_penalty: float = 0.0
    """Taken off the logits of tokens seen lately; 0 is off."""
    frequency_penalty: float = 0.0
    """Taken off the logits of tokens seen lately, once for each time; 0 is off."""
    grammar: str = ""
    """A grammar in llama.cpp's GBNF that the reply has to follow; empty is none."""


class FinishReason(StrEnum):
    """Why a generation ended."""

    STOP = "stop"
    LENGTH = "length"
    ABORT = "abort"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """What one side said, as chat completions take it."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str


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
    model: str = ""
    """The `ModelInfo.name` of the model that the prompt was written for; empty is any."""
    person: int | None = None
    """Who is answered, so that people get their turns; it stays in this process."""
    goes_on: bool = False
    """Whether the prompt ends within the reply itself: then its first blank is a part of it."""
    messages: tuple[ChatMessage, ...] = ()
    """The same prompt for engines whose `ModelInfo` takes messages; other engines leave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlace:
    """Where a request waits."""

    number: int
    """1 is next."""
    seconds: float | None
    """About how long it will wait; None while nothing is known of how long replies take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """What a generation cost, as the engine itself reports it."""

    prompt_tokens: int
    """Prompt tokens evaluated for this generation."""
    cached_tokens: int
    """Prompt tokens that were still in the cache."""
    reply_tokens: int
    seconds: float
    """In the engine, prompt and reply together."""
    prompt_seconds: float = 0.0
    """Of these, what the prompt took."""
    waited_seconds: float = 0.0
    """Before that, for a slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationChunk:
    """A piece of text; the last chunk, and only it, says why the generation ended."""

    text: str
    finish_reason: FinishReason | None = None
    timings: Timings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndTokens:
    """The texts of a vocabulary's start and end token, which chat templates print."""

    bos: str = ""
    eos: str = ""


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
    end_tokens: EndTokens = EndTokens()
    """Empty where the server does not tell."""
    takes_messages: bool = False
    """Whether the server writes the prompt itself, from messages."""
    server: str = ""
    """Which program serves it, by the name of its dialect; empty for llama.cpp's own protocol."""

    @property
    def short_name(self) -> str:
        """For people: where a server gives a path for a name, its folders are nobody's business."""
        is_path = self.name.startswith(("/", "\\")) or self.name[1:2] == ":"
        return re.split(r"[/\\]", self.name)[-1] if is_path else self.name


class EngineState(StrEnum):
    """Whether the engine can be asked."""

    LOADING = "loading"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"
