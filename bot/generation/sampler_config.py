"""What an operator changes in the sampler settings that the catalogue has for the model."""

import json
import re
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.generation.config_fields import read_text
from bot.generation.types import SamplerSettings

_Share = Annotated[float, Field(gt=0, le=1)]
_Penalty = Annotated[float, Field(ge=-2, le=2)]


def _check_grammar(text: str) -> str:
    """A grammar without a start is refused by llama.cpp only at the first reply."""
    if not re.search(r"^\s*root\s*::=", text, re.MULTILINE):
        message = 'it is a grammar in GBNF, and one of its lines begins with "root ::="'
        raise ValueError(message)
    return text


class SamplerConfig(BaseModel):
    """Sampler settings by the operator's choice; None keeps what the catalogue says.

    Fields have the names and units of `SamplerSettings`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    temperature: Annotated[float, Field(ge=0, le=10)] | None = None
    dynatemp_range: Annotated[float, Field(ge=0, le=10)] | None = None
    dynatemp_exponent: Annotated[float, Field(gt=0, le=10)] | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None
    top_p: _Share | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    typical_p: _Share | None = None
    tail_free: _Share | None = None
    xtc_probability: Annotated[float, Field(ge=0, le=1)] | None = None
    xtc_threshold: Annotated[float, Field(ge=0, le=0.5)] | None = None
    dry_multiplier: Annotated[float, Field(ge=0)] | None = None
    dry_base: Annotated[float, Field(ge=1)] | None = None
    dry_allowed_length: Annotated[int, Field(ge=0)] | None = None
    dry_penalty_window: Annotated[int, Field(ge=0)] | None = None
    dry_sequence_breakers: Annotated[
        Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] | None,
        read_text(json.loads, r'it is a JSON list of texts such as ["\n", ":", "*"]'),
    ] = None
    mirostat: Annotated[int, Field(ge=0, le=2)] | None = None
    mirostat_tau: Annotated[float, Field(gt=0)] | None = None
    mirostat_eta: Annotated[float, Field(gt=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = None
    repetition_window: Annotated[int, Field(ge=0)] | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    grammar: Annotated[str, AfterValidator(_check_grammar)] | None = None

    def apply(self, settings: SamplerSettings) -> SamplerSettings:
        """The settings with what is chosen here put in place."""
        return replace(settings, **self.model_dump(exclude_none=True))
