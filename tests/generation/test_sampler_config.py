"""What an operator may set for sampling, and what it is put over."""

from dataclasses import fields

import pytest
from pydantic import ValidationError

from bot.generation.sampler_config import SamplerConfig
from bot.generation.types import SamplerSettings

LIMARP = SamplerSettings(temperature=0.7, tail_free=0.92, repetition_penalty=1.1)


def test_every_sampler_setting_can_be_set_and_no_other():
    assert list(SamplerConfig.model_fields) == [field.name for field in fields(SamplerSettings)]


def test_what_is_not_set_stays_as_the_catalogue_has_it():
    assert SamplerConfig().apply(LIMARP) == LIMARP
    assert SamplerConfig(temperature=1.0, min_p=0.1).apply(LIMARP) == SamplerSettings(
        temperature=1.0, min_p=0.1, tail_free=0.92, repetition_penalty=1.1
    )


def test_what_is_off_can_be_set_too():
    off = SamplerConfig(tail_free=1, repetition_penalty=1, temperature=0)
    assert off.apply(LIMARP) == SamplerSettings(temperature=0)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("dry_sequence_breakers", r'["\n", "*"]', ("\n", "*")),
        ("mirostat", "2", 2),
        ("grammar", 'root ::= "a"', 'root ::= "a"'),
        ("grammar", '# a\n  root::= b\nb ::= "c"', '# a\n  root::= b\nb ::= "c"'),
        ("xtc_threshold", "0.5", 0.5),
        ("frequency_penalty", "-0.5", -0.5),
    ],
)
def test_a_value_is_read_from_text(name: str, text: str, value: object):
    config = SamplerConfig.model_validate({name: text})
    assert getattr(config.apply(SamplerSettings()), name) == value


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("temperature", -0.1, "greater than or equal to 0"),
        ("temperature", "inf", "finite"),
        ("top_k", -1, "greater than or equal to 0"),
        ("top_p", 0, "greater than 0"),
        ("top_p", 1.1, "less than or equal to 1"),
        ("min_p", 2, "less than or equal to 1"),
        ("typical_p", 0, "greater than 0"),
        ("tail_free", 0, "greater than 0"),
        ("xtc_probability", 2, "less than or equal to 1"),
        ("xtc_threshold", 0.6, "less than or equal to 0.5"),
        ("dry_multiplier", -1, "greater than or equal to 0"),
        ("dry_base", 0.5, "greater than or equal to 1"),
        ("dry_allowed_length", -1, "greater than or equal to 0"),
        ("dry_penalty_window", -1, "greater than or equal to 0"),
        ("dry_sequence_breakers", "\n", "JSON list"),
        ("dry_sequence_breakers", "[]", "JSON list"),
        ("dry_sequence_breakers", '[""]', "JSON list"),
        ("dry_sequence_breakers", "7", "JSON list"),
        ("dynatemp_range", -1, "greater than or equal to 0"),
        ("dynatemp_exponent", 0, "greater than 0"),
        ("mirostat", 3, "less than or equal to 2"),
        ("mirostat_tau", 0, "greater than 0"),
        ("mirostat_eta", 2, "less than or equal to 1"),
        ("repetition_penalty", 0, "greater than 0"),
        ("repetition_window", -1, "greater than or equal to 0"),
        ("presence_penalty", 3, "less than or equal to 2"),
        ("frequency_penalty", -3, "greater than or equal to -2"),
        ("grammar", "yes | no", "root ::="),
        ("tempreature", 1, "not permitted"),
    ],
)
def test_what_llama_cpp_would_bend_or_refuse_is_refused(name: str, value: object, words: str):
    with pytest.raises(ValidationError) as caught:
        SamplerConfig.model_validate({name: value})
    assert len(caught.value.errors()) == 1
    assert words in caught.value.errors()[0]["msg"]
