"""What operators, cards and scenes change in the sampler settings that the catalogue has."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bot.generation.config_fields import read_text
from bot.generation.types import SamplerSettings

_Share = Annotated[float, Field(gt=0, le=1)]
_Penalty = Annotated[float, Field(ge=-2, le=2)]
LONGEST_WINDOW = 1 << 20
"""Tokens, more than any window has. llama.cpp takes memory for as many as are named, at once."""
_Tokens = Annotated[int, Field(ge=0, le=LONGEST_WINDOW)]
_Breaker = Annotated[str, Field(min_length=1, max_length=40)]  # llama.cpp reads no more of one
_LONGEST_NAME = 40
_MAX_BREAKERS = 64  # llama.cpp looks through the whole vocabulary for each


def _check_grammar(text: str) -> str:
    """A grammar without a start is refused by llama.cpp only at the first reply."""
    if not re.search(r"^\s*root\s*::=", text, re.MULTILINE):
        message = 'it is a grammar in GBNF, and one of its lines begins with "root ::="'
        raise ValueError(message)
    return text


class SamplerConfig(BaseModel):
    """Sampler settings by somebody's choice; None keeps what the layer below says.

    Fields have the names and units of `SamplerSettings`. Their bounds also keep what a card or a
    player asks for from taking the engine down.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    temperature: Annotated[float, Field(ge=0, le=10)] | None = None
    dynatemp_range: Annotated[float, Field(ge=0, le=10)] | None = None
    dynatemp_exponent: Annotated[float, Field(gt=0, le=10)] | None = None
    top_k: _Tokens | None = None
    top_p: _Share | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    typical_p: _Share | None = None
    tail_free: _Share | None = None
    xtc_probability: Annotated[float, Field(ge=0, le=1)] | None = None
    xtc_threshold: Annotated[float, Field(ge=0, le=0.5)] | None = None
    dry_multiplier: Annotated[float, Field(ge=0)] | None = None
    dry_base: Annotated[float, Field(ge=1)] | None = None
    dry_allowed_length: _Tokens | None = None
    dry_penalty_window: _Tokens | None = None
    dry_sequence_breakers: Annotated[
        Annotated[tuple[_Breaker, ...], Field(min_length=1, max_length=_MAX_BREAKERS)] | None,
        read_text(json.loads, r'it is a JSON list of texts such as ["\n", ":", "*"]'),
    ] = None
    mirostat: Annotated[int, Field(ge=0, le=2)] | None = None
    mirostat_tau: Annotated[float, Field(gt=0)] | None = None
    mirostat_eta: Annotated[float, Field(gt=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = None
    repetition_window: _Tokens | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    grammar: Annotated[str, AfterValidator(_check_grammar)] | None = None

    def apply(self, settings: SamplerSettings) -> SamplerSettings:
        """The settings with what is chosen here put in place."""
        return replace(settings, **self.model_dump(exclude_none=True))

    def list_chosen(self) -> list[str]:
        """The fields that are chosen here, in the order of the model."""
        return [name for name in type(self).model_fields if getattr(self, name) is not None]


OPERATOR_ONLY = frozenset({"grammar"})
"""What no card and no scene may set: llama.cpp's parser of grammars can be made to take the whole
machine's time and memory, so they come from whoever hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerProblem:
    """A value that is no sampler setting."""

    name: str
    """As it was given."""
    reason: str
    """What is wrong and what would do, a sentence without a full stop."""


def read_sampler(
    values: Mapping[str, object], *, refused: frozenset[str] = frozenset()
) -> tuple[SamplerConfig, tuple[SamplerProblem, ...]]:
    """Read sampler settings that strangers wrote; what cannot be used is left out and named.

    Args:
        values: By the names of `SamplerConfig`; null says nothing.
        refused: Names that may not be set here.
    """
    good: dict[str, object] = {}
    problems: list[SamplerProblem] = []
    for name, value in values.items():
        reason = _find_fault(name, value, refused) if value is not None else None
        if reason is not None:
            problems.append(SamplerProblem(name=name, reason=reason))
        elif value is not None:
            good[name] = value
    return SamplerConfig.model_validate(good), tuple(problems)


def _find_fault(name: str, value: object, refused: frozenset[str]) -> str | None:
    if name not in SamplerConfig.model_fields:
        short = name[:_LONGEST_NAME]  # the search takes longer than in proportion
        nearest = difflib.get_close_matches(short, SamplerConfig.model_fields, n=1, cutoff=0.0)
        return f"there is no such setting; the nearest is {nearest[0]}"
    if name in refused:
        return "only whoever hosts may set it"
    if isinstance(value, bool):  # pydantic would take it for 1 or 0
        return "it is not true or false"
    try:
        SamplerConfig.model_validate({name: value})
    except ValidationError as error:
        text = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        return text[:1].lower() + text[1:]
    return None
