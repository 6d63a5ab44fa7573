"""The API that OpenAI's servers made common: our values to its JSON and back.

What one server calls differently from another is in `openai_dialects.py`.
"""

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from bot.generation.errors import ContextOverflowError, EngineRequestError, GenerationError
from bot.generation.llama_protocol import choose_min_p, read_int
from bot.generation.openai_api.served import get_object
from bot.generation.types import FinishReason, GenerationChunk, SamplerSettings, Timings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.generation.openai_api.dialects import Dialect
    from bot.generation.types import GenerationRequest

_STANDARD = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
"""The samplers that OpenAI's own API has, under our names."""
_SWITCHED_BY = {
    "dynatemp_exponent": "dynatemp_range",
    "xtc_threshold": "xtc_probability",
    "dry_base": "dry_multiplier",
    "dry_allowed_length": "dry_multiplier",
    "dry_penalty_window": "dry_multiplier",
    "dry_sequence_breakers": "dry_multiplier",
    "mirostat_tau": "mirostat",
    "mirostat_eta": "mirostat",
    "repetition_window": "repetition_penalty",
}
"""What does nothing unless another sampler is on; that one is named then."""
_OVERFLOW = {"context_length_exceeded", "exceed_context_size_error", "input_tokens", "input_text"}
"""What a refusal's `code`, `type` or `param` is where the prompt is too long: with OpenAI and
TabbyAPI, with llama.cpp, and with vLLM."""
_PIECE = re.compile(r"[A-Za-z]+| +|[\s\S]")
_LETTERS_A_TOKEN = 4
_THREE_BYTES = 0x800
"""From here on a character has three bytes in UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a request is written for."""

    model: str
    dialect: "Dialect"
    is_chat: bool = False
    """Messages instead of a prompt."""
    extra_body: "Mapping[str, object]" = field(default_factory=dict[str, object])
    """The operator's own fields; they win over ours."""
    session_field: str = ""
    """Where the body carries the scene's affinity, too; empty is nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What one event of a stream says."""

    text: str
    finish_reason: FinishReason | None
    usage: "Usage | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the server counted them."""

    prompt_tokens: int
    """All of the prompt, cached or not."""
    cached_tokens: int
    reply_tokens: int

    def time(self, *, seconds: float, prompt_seconds: float) -> Timings:
        """Join them with what we measured, because this API tells no times."""
        return Timings(
            prompt_tokens=max(0, self.prompt_tokens - self.cached_tokens),
            cached_tokens=self.cached_tokens,
            reply_tokens=self.reply_tokens,
            seconds=seconds,
            prompt_seconds=prompt_seconds,
        )


def write_body(request: "GenerationRequest", target: Target) -> dict[str, object]:
    """A request as `/v1/completions` or `/v1/chat/completions` takes it."""
    body: dict[str, object] = {
        "model": target.model,
        "max_tokens": request.max_tokens,
        "stream": True,
        **target.dialect.fields,
        **_write_sampler(request.sampler, target.dialect),
    }
    if target.is_chat:
        body["messages"] = [{"role": m.role, "content": m.content} for m in request.messages]
    else:
        body["prompt"] = request.prompt
    if target.dialect.has_usage_option:
        body["stream_options"] = {"include_usage": True}
    # All of them are also looked for here: a limit only lets the server write on for a moment.
    if stops := [*request.stop_sequences][: target.dialect.most_stops]:
        body["stop"] = stops
    if request.seed is not None:
        body["seed"] = request.seed
    if target.session_field and request.affinity:
        body[target.session_field] = request.affinity
    return body | dict(target.extra_body)


def _write_sampler(sampler: SamplerSettings, dialect: "Dialect") -> dict[str, object]:
    """Every sampler that the server knows, also those that are off: its defaults may not be."""
    values = {name: getattr(sampler, name) for name in sampler.__dataclass_fields__}
    if "tail_free" not in dialect.samplers:
        values["min_p"] = choose_min_p(sampler)
    # Elsewhere a window of 0 may mean everything.
    if not sampler.repetition_window:
        values["repetition_penalty"] = 1.0
    if not sampler.dry_penalty_window:
        values["dry_multiplier"] = 0.0
    for name in dialect.never_negative:
        values[name] = max(0.0, values[name])
    values["dry_sequence_breakers"] = list(sampler.dry_sequence_breakers)
    standard = {name: name for name in _STANDARD if name not in dialect.without}
    names = standard | dict(dialect.samplers)
    fields: dict[str, object] = {theirs: values[ours] for ours, theirs in names.items()}
    if not dialect.nested_in:
        return fields
    # Without this word `transformers serve` takes the likeliest token each time.
    fields["do_sample"] = sampler.temperature > 0
    return {dialect.nested_in: json.dumps(fields)}


def list_stand_ins(sampler: SamplerSettings, dialect: "Dialect") -> list[str]:
    """What a server does not do as it is set, one sentence each, for the operator's log."""
    known = {*_STANDARD, *dialect.samplers} - dialect.without
    left_out = _find_left_out(sampler, known)
    sentences: list[str] = []
    if "tail_free" in left_out and "min_p" in known:
        left_out.remove("tail_free")
        sentences.append(
            f"{dialect.title} has no tail-free sampling: min-p {choose_min_p(sampler):g} stands "
            f"in for tail_free {sampler.tail_free:g}"
        )
    if left_out:
        sentences.append(
            f"{dialect.title} is not known to have {', '.join(left_out)}: left out; "
            "TROUPE_ENGINE__EXTRA_BODY can say it in the server's own words"
        )
    return sentences


def _find_left_out(sampler: SamplerSettings, known: set[str]) -> list[str]:
    default = SamplerSettings()
    names = [*SamplerSettings.__dataclass_fields__]
    changed = {name for name in names if getattr(sampler, name) != getattr(default, name)}

    def is_missed(name: str) -> bool:
        switch = _SWITCHED_BY.get(name)
        return name in changed - known and (switch is None or switch in changed & known)

    return [name for name in names if is_missed(name)]


def read_piece(event: "Mapping[str, object]") -> Piece:
    """One event of a stream, of either API."""
    choices = event.get("choices")
    first = cast("list[object]", choices)[0] if isinstance(choices, list) and choices else None
    choice = cast("dict[str, object]", first) if isinstance(first, dict) else {}
    text = choice.get("text") or get_object(choice, "delta").get("content")
    reason = choice.get("finish_reason")
    return Piece(
        text=text if isinstance(text, str) else "",
        finish_reason=_read_reason(reason) if isinstance(reason, str) and reason else None,
        usage=_read_usage(event.get("usage")),
    )


def _read_reason(reason: str) -> FinishReason:
    return FinishReason.LENGTH if reason == "length" else FinishReason.STOP


def _read_usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    usage = cast("dict[str, object]", value)
    cached = get_object(usage, "prompt_tokens_details")
    return Usage(
        prompt_tokens=read_int(usage.get("prompt_tokens")),
        cached_tokens=read_int(cached.get("cached_tokens")),
        reply_tokens=read_int(usage.get("completion_tokens")),
    )


class Watch:
    """Measures one generation, because this API tells no times."""

    def __init__(self, started: float) -> None:
        self._started = self._now = started
        self._first: float | None = None
        self._usage: Usage | None = None

    @property
    def has_usage(self) -> bool:
        """Whether the server has said how many tokens there were."""
        return self._usage is not None

    def note(self, piece: Piece, now: float) -> None:
        """Take what an event says of costs, and when it came."""
        self._now = now
        self._usage = piece.usage or self._usage
        if piece.text and self._first is None:
            self._first = now

    def end(self, text: str, reason: FinishReason | None) -> GenerationChunk:
        """The last chunk, with the costs if the server said how many tokens there were."""
        timings = None
        if self._usage is not None:
            timings = self._usage.time(
                seconds=self._now - self._started,
                prompt_seconds=(self._first or self._now) - self._started,
            )
        return GenerationChunk(text=text, finish_reason=reason, timings=timings)


def read_error(status: int, error: object) -> GenerationError:
    """From what a server says in place of an answer."""
    facts = cast("dict[str, object]", error) if isinstance(error, dict) else {}
    if _OVERFLOW & {str(facts.get(key)) for key in ("code", "type", "param")}:
        return ContextOverflowError(
            prompt_tokens=read_int(facts.get("n_prompt_tokens")),
            context_length=read_int(facts.get("n_ctx")),
        )
    reason = str(facts.get("message") or facts.get("detail") or cast("object", error))
    return EngineRequestError(status=status, reason=reason[:200])


def estimate_tokens(text: str) -> int:
    """How many tokens a text has at most, for servers that do not count.

    Vocabularies differ, so this is careful: a token for every four letters of a word, one for each
    other ASCII character or letter of two bytes, as many as there are bytes for all others, as they
    are written where a vocabulary lacks them, and one more. Of Llama 2's vocabulary it finds some
    10 % too many in the text of a scene.
    """
    if not text:
        return 0
    return 1 + sum(_estimate_piece(piece) for piece in _PIECE.findall(text))


def _estimate_piece(piece: str) -> int:
    if piece[0] == " ":
        return int(len(piece) > 1)  # a single one belongs to the word after it
    if ord(piece[0]) >= _THREE_BYTES:
        return len(piece.encode("utf-8", errors="replace"))
    return math.ceil(len(piece) / _LETTERS_A_TOKEN)
