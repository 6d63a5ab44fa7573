"""What one server with OpenAI's API does differently from another.

From their sources and documentation as of November 2026; `docs/engines.md` names them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.generation.errors import EngineRequestError
from bot.generation.llama_protocol import SAMPLER_FIELDS
from bot.generation.openai_api.served import (
    ServedModel,
    read_loaded_card,
    read_loaded_entry,
    read_loaded_name,
    read_props,
    read_true_length,
)

if TYPE_CHECKING:
    ReadFact = Callable[[Mapping[str, object], ServedModel], ServedModel]

MODELS = "/v1/models"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRoute:
    """How a server counts tokens."""

    path: str
    text_field: str
    answer: str
    """Where the number stands, or the list of tokens."""
    start_field: str = ""
    """What says whether the start token is counted; without it, it is."""
    fields: Mapping[str, object] = field(default_factory=dict[str, object])
    """What else the body says."""

    def write(self, text: str, *, model: str, start: bool) -> dict[str, object]:
        """The body that asks."""
        body: dict[str, object] = {self.text_field: text, **self.fields}
        if self.start_field:
            body[self.start_field] = start
        if "model" in body:
            body["model"] = model
        return body

    def read(self, answer: Mapping[str, object]) -> int:
        """The number.

        Raises:
            EngineRequestError: If there is none.
        """
        value = answer.get(self.answer)
        if isinstance(value, list):
            return len(value)  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(value, int):
            return value
        raise EngineRequestError(status=200, reason=f"{self.path} answered without a count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One program's ways."""

    name: str
    """As settings spell it."""
    title: str
    """As its makers do."""
    owned_by: str = ""
    """What it puts into `/v1/models` for itself; empty if nothing tells it apart."""
    samplers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Our names of samplers beyond OpenAI's own: its names."""
    without: frozenset[str] = frozenset()
    """Which of OpenAI's own samplers it lacks."""
    never_negative: frozenset[str] = frozenset()
    """Which of them it refuses below zero."""
    nested_in: str = ""
    """The field that all samplers go into, as a text of JSON; empty is the body itself."""
    fields: Mapping[str, object] = field(default_factory=dict[str, object])
    """What every request says."""
    most_stops: int | None = None
    """Stop sequences that it takes; None is any number."""
    most_replies: int | None = None
    """Replies that it writes at once; None is as many as it is started with."""
    lists_loaded: bool = True
    """Whether `/v1/models` has the model that answers, or all that there are on its disk."""
    alive: str = MODELS
    """What is asked first."""
    has_usage_option: bool = True
    """Whether a stream says at its end how many tokens there were, when asked to."""
    count: CountRoute | None = None
    facts: "Sequence[tuple[str, ReadFact]]" = ()
    """Routes that tell more of the loaded model than `/v1/models`."""


_DRY = {
    "dry_multiplier": "dry_multiplier",
    "dry_base": "dry_base",
    "dry_allowed_length": "dry_allowed_length",
}
_XTC = {"xtc_probability": "xtc_probability", "xtc_threshold": "xtc_threshold"}
_MIROSTAT = {
    "mirostat": "mirostat_mode",
    "mirostat_tau": "mirostat_tau",
    "mirostat_eta": "mirostat_eta",
}
_LLAMA_CPP = {
    ours: theirs
    for ours, theirs in SAMPLER_FIELDS.items()
    if ours not in {"tail_free", "temperature", "top_p", "presence_penalty", "frequency_penalty"}
}

_ALL = (
    Dialect(name="openai", title="a server with OpenAI's API", most_stops=4),
    Dialect(
        name="llama_cpp",
        title="llama.cpp's server",
        owned_by="llamacpp",
        samplers=_LLAMA_CPP,
        count=CountRoute(
            path="/tokenize",
            text_field="content",
            start_field="add_special",
            fields={"parse_special": True},
            answer="tokens",
        ),
        facts=(("/props", read_props),),
    ),
    Dialect(
        name="llama_cpp_python",
        title="llama-cpp-python",
        owned_by="me",
        samplers={
            "top_k": "top_k",
            "min_p": "min_p",
            "repetition_penalty": "repeat_penalty",
            "grammar": "grammar",
            **_MIROSTAT,
        },
        most_replies=1,
        has_usage_option=False,
        count=CountRoute(path="/extras/tokenize/count", text_field="input", answer="count"),
    ),
    Dialect(
        name="koboldcpp",
        title="KoboldCpp",
        owned_by="koboldcpp",
        samplers={
            "top_k": "top_k",
            "min_p": "min_p",
            "typical_p": "typical",
            "tail_free": "tfs",
            "repetition_penalty": "rep_pen",
            "repetition_window": "rep_pen_range",
            "dynatemp_range": "dynatemp_range",
            "dynatemp_exponent": "dynatemp_exponent",
            "grammar": "grammar",
            **_MIROSTAT,
            **_XTC,
            **_DRY,
            "dry_penalty_window": "dry_penalty_last_n",
            "dry_sequence_breakers": "dry_sequence_breakers",
        },
        without=frozenset({"frequency_penalty"}),
        # Otherwise it puts words of its own in place of some texts in the prompt.
        fields={"replace_instruct_placeholders": False},
        most_stops=256,
        count=CountRoute(
            path="/api/extra/tokencount", text_field="prompt", start_field="special", answer="value"
        ),
        facts=(("/api/extra/true_max_context_length", read_true_length), ("/props", read_props)),
    ),
    Dialect(
        name="text_generation_webui",
        title="text-generation-webui",
        owned_by="user",
        samplers={
            "top_k": "top_k",
            "min_p": "min_p",
            "typical_p": "typical_p",
            "tail_free": "tfs",
            "repetition_penalty": "repetition_penalty",
            "repetition_window": "repetition_penalty_range",
            "grammar": "grammar_string",
            **_MIROSTAT,
            **_XTC,
            **_DRY,
        },
        count=CountRoute(path="/v1/internal/token-count", text_field="text", answer="length"),
        facts=(("/v1/internal/model/info", read_loaded_name),),
    ),
    Dialect(
        name="lm_studio",
        title="LM Studio",
        owned_by="organization_owner",
        samplers={"top_k": "top_k", "repetition_penalty": "repeat_penalty"},
        facts=(("/api/v0/models", read_loaded_entry),),
    ),
    Dialect(
        name="tabbyapi",
        title="TabbyAPI",
        owned_by="tabbyAPI",
        samplers={
            "top_k": "top_k",
            "min_p": "min_p",
            "typical_p": "typical",
            "tail_free": "tfs",
            "repetition_penalty": "repetition_penalty",
            "repetition_window": "penalty_range",
            "grammar": "grammar_string",
            **_MIROSTAT,
            **_XTC,
            **_DRY,
            "dry_penalty_window": "dry_penalty_last_n",
            "dry_sequence_breakers": "dry_sequence_breakers",
        },
        never_negative=frozenset({"presence_penalty", "frequency_penalty"}),
        count=CountRoute(
            path="/v1/token/encode",
            text_field="text",
            start_field="add_bos_token",
            fields={"encode_special_tokens": True},
            answer="length",
        ),
        facts=(("/v1/model", read_loaded_card),),
    ),
    Dialect(
        name="vllm",
        title="vLLM",
        owned_by="vllm",
        samplers={
            "top_k": "top_k",
            "min_p": "min_p",
            "repetition_penalty": "repetition_penalty",
        },
        most_stops=4,
        count=CountRoute(
            path="/tokenize",
            text_field="prompt",
            start_field="add_special_tokens",
            fields={"model": ""},
            answer="count",
        ),
    ),
    Dialect(
        name="transformers",
        title="transformers serve",
        samplers={
            "top_k": "top_k",
            "min_p": "min_p",
            "typical_p": "typical_p",
            "repetition_penalty": "repetition_penalty",
        },
        without=frozenset({"presence_penalty", "frequency_penalty"}),
        nested_in="generation_config",
        lists_loaded=False,
        alive="/health",  # the other route fails where nothing was ever downloaded
        has_usage_option=False,
    ),
)
DIALECTS = {dialect.name: dialect for dialect in _ALL}
"""All of them, by the names that settings use; `openai` is whoever is not known."""


def find_dialect(served: Sequence[ServedModel]) -> Dialect:
    """Whose list of models this is; `openai`, which takes nothing for granted, if nobody's."""
    owners = {model.owned_by for model in served}
    known = (d for d in _ALL if d.owned_by and d.owned_by in owners)
    return next(known, DIALECTS["openai"])
