"""llama.cpp's server protocol: our values to its JSON and back.

Both kinds of worker and any `llama-server` speak it; sampler names are translated here only.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from pydantic import TypeAdapter

from bot.generation.errors import ContextOverflowError, EngineRequestError, GenerationError
from bot.generation.types import (
    EndTokens,
    FinishReason,
    GenerationChunk,
    ModelInfo,
    SamplerSettings,
    Timings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.generation.types import GenerationRequest

_TAIL_FREE_STAND_IN = 0.05
"""Min-p used where tail-free sampling was asked for: what its own users moved to (0.05 to 0.1)."""

_LEFT_OUT_BY_MIROSTAT = (
    "dynatemp_range",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "tail_free",
    "xtc_probability",
    "dry_multiplier",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
)

_STAND_IN_TEMPLATE = (
    "{%- for message in messages -%}\n  {{- '<|im_start|>' + message.role + '\n' + message.content"
)
"""How the template begins that llama.cpp names for a file without one: not the model's own.

The line feed inside the quotes is a real one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A text that is in a slot now."""

    slot: int
    timings: Timings | None

    @property
    def fields(self) -> dict[str, object]:
        """What a request says to get that slot."""
        return {"id_slot": self.slot}

    def charge(self, chunk: GenerationChunk) -> GenerationChunk:
        """Count what taking it back cost to what the reply cost."""
        if chunk.timings is None or self.timings is None:
            return chunk
        timings = replace(
            chunk.timings,
            prompt_tokens=chunk.timings.prompt_tokens + self.timings.prompt_tokens,
            seconds=chunk.timings.seconds + self.timings.prompt_seconds,
            prompt_seconds=chunk.timings.prompt_seconds + self.timings.prompt_seconds,
        )
        return replace(chunk, timings=timings)


def read_error(status: int, error: object) -> GenerationError:
    """From what a server says under `error`, in an answer or in a stream."""
    facts = cast("dict[str, object]", error) if isinstance(error, dict) else {}
    if facts.get("type") == "exceed_context_size_error":
        return ContextOverflowError(
            prompt_tokens=read_int(facts.get("n_prompt_tokens")),
            context_length=read_int(facts.get("n_ctx")),
        )
    reason = str(facts.get("message") or cast("object", error))
    return EngineRequestError(status=status, reason=reason[:200])


def write_request(
    request: "GenerationRequest", *, has_tail_free: bool = False
) -> dict[str, object]:
    """A request as `/completion` takes it.

    Args:
        request: What to continue, and how.
        has_tail_free: Whether the server knows tail-free sampling; otherwise min-p stands in.
    """
    return {
        "prompt": request.prompt,
        "stream": True,
        "return_progress": True,  # a sign of life after every batch of the prompt
        "cache_prompt": True,
        "n_predict": request.max_tokens,
        "stop": list(request.stop_sequences),
        "seed": -1 if request.seed is None else request.seed,
        **({"goes_on": True} if request.goes_on else {}),  # our own worker's; others pass it over
        **_write_sampler(request.sampler, has_tail_free=has_tail_free),
    }


def write_recall(text: str) -> dict[str, object]:
    """A request that only has a text's cache entry put into a slot: nothing is generated."""
    return {
        "prompt": text,
        "stream": True,
        "return_progress": True,
        "cache_prompt": True,
        "n_predict": 0,
    }


def read_cached_share(event: "Mapping[str, object]") -> float | None:
    """Which part of a prompt was found in the cache, from 0 to 1; None if the event tells not."""
    value = event.get("prompt_progress")
    if not isinstance(value, dict):
        return None
    progress = cast("dict[str, object]", value)
    return read_int(progress.get("cache")) / max(1, read_int(progress.get("total")))


def read_recalled(event: "Mapping[str, object]") -> Recalled:
    """What the last event of a recall says."""
    timings = _read_timings(event.get("timings"))
    return Recalled(slot=read_int(event.get("id_slot")), timings=timings)


SAMPLER_FIELDS = {
    "temperature": "temperature",
    "dynatemp_range": "dynatemp_range",
    "dynatemp_exponent": "dynatemp_exponent",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "typical_p": "typical_p",
    "tail_free": "tfs_z",
    "xtc_probability": "xtc_probability",
    "xtc_threshold": "xtc_threshold",
    "dry_multiplier": "dry_multiplier",
    "dry_base": "dry_base",
    "dry_allowed_length": "dry_allowed_length",
    "dry_penalty_window": "dry_penalty_last_n",
    "dry_sequence_breakers": "dry_sequence_breakers",
    "mirostat": "mirostat",
    "mirostat_tau": "mirostat_tau",
    "mirostat_eta": "mirostat_eta",
    "repetition_penalty": "repeat_penalty",
    "repetition_window": "repeat_last_n",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "grammar": "grammar",
}
"""Our name: llama.cpp's; `tfs_z` is of 2023."""


def _write_sampler(sampler: SamplerSettings, *, has_tail_free: bool = False) -> dict[str, object]:
    fields = {theirs: getattr(sampler, ours) for ours, theirs in SAMPLER_FIELDS.items()}
    fields["dry_sequence_breakers"] = list(sampler.dry_sequence_breakers)
    if not has_tail_free:
        del fields["tfs_z"]
        fields["min_p"] = choose_min_p(sampler)
    return fields


def read_sampler(body: "Mapping[str, object]") -> SamplerSettings:
    """What `write_request` wrote, for a worker of ours; what is not there keeps its default.

    Raises:
        ValueError: If a value is of the wrong kind.
    """
    given = {ours: body[theirs] for ours, theirs in SAMPLER_FIELDS.items() if theirs in body}
    return TypeAdapter(SamplerSettings).validate_python(given)


def list_stand_ins(sampler: SamplerSettings) -> list[str]:
    """What llama.cpp does not do as it is set, one sentence each, for the operator's log."""
    sentences: list[str] = []
    if sampler.mirostat:
        default = type(sampler)()
        left_out = [
            name
            for name in _LEFT_OUT_BY_MIROSTAT
            if getattr(sampler, name) != getattr(default, name)
        ]
        if left_out:
            sentences.append(f"with mirostat llama.cpp leaves out {', '.join(left_out)}")
    elif sampler.tail_free < 1:
        sentences.append(
            "llama.cpp has no tail-free sampling any more: "
            f"min-p {choose_min_p(sampler):g} stands in for tail_free {sampler.tail_free:g}"
        )
    return sentences


def choose_min_p(sampler: SamplerSettings) -> float:
    """Min-p as it is set, or what stands in for tail-free sampling where only that is set."""
    return sampler.min_p or (_TAIL_FREE_STAND_IN if sampler.tail_free < 1 else 0.0)


def read_last(event: "Mapping[str, object]", text: str) -> GenerationChunk:
    """The last event of a stream, with the text that was still held back."""
    limit = event.get("stop_type") == "limit"
    return GenerationChunk(
        text=text,
        finish_reason=FinishReason.LENGTH if limit else FinishReason.STOP,
        timings=_read_timings(event.get("timings")),
    )


def _read_timings(value: object) -> Timings | None:
    if not isinstance(value, dict):
        return None
    timings = cast("dict[str, object]", value)
    prompt_seconds = _read_float(timings.get("prompt_ms")) / 1000
    return Timings(
        prompt_tokens=read_int(timings.get("prompt_n")),
        cached_tokens=read_int(timings.get("cache_n")),
        reply_tokens=read_int(timings.get("predicted_n")),
        seconds=prompt_seconds + _read_float(timings.get("predicted_ms")) / 1000,
        prompt_seconds=prompt_seconds,
    )


def read_info(props: "Mapping[str, object]", fallback_name: str) -> ModelInfo:
    """What `/props` says of the model."""
    defaults = props.get("default_generation_settings")
    settings = cast("dict[str, object]", defaults) if isinstance(defaults, dict) else {}
    return ModelInfo(
        name=str(props.get("model_alias") or fallback_name),
        context_length=read_int(settings.get("n_ctx")),
        slots=max(1, read_int(props.get("total_slots"))),
        chat_template=read_template(props),
        end_tokens=EndTokens(
            bos=str(props.get("bos_token") or ""), eos=str(props.get("eos_token") or "")
        ),
    )


def read_template(props: "Mapping[str, object]") -> str:
    """The model's own template from `/props`; empty where the server made one up."""
    template = str(props.get("chat_template") or "")
    return "" if template.startswith(_STAND_IN_TEMPLATE) else template


def read_int(value: object) -> int:
    """A number of a server's, 0 if it is none."""
    return int(value) if isinstance(value, (int, float)) else 0


def _read_float(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
