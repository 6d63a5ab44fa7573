"""What needs no server: names, estimates, and what is said of samplers that are missing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.generation.llama_protocol import SAMPLER_FIELDS
from bot.generation.openai_api.dialects import DIALECTS, find_dialect
from bot.generation.openai_api.protocol import Target, estimate_tokens, list_stand_ins, write_body
from bot.generation.openai_api.served import ServedModel
from bot.generation.types import GenerationRequest, SamplerSettings

VECTORS = Path(__file__).parents[4] / "shared" / "vocab" / "tokenizer_vectors.json"
LIMARP = SamplerSettings(
    temperature=0.7, tail_free=0.92, repetition_penalty=1.1, repetition_window=2048
)


def write(dialect, **fields):
    request = GenerationRequest(prompt="Hi", max_tokens=5, **fields)
    return write_body(request, Target(model="m", dialect=DIALECTS[dialect]))


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_every_name_of_ours_is_a_sampler(dialect):
    assert set(dialect.samplers) <= set(SAMPLER_FIELDS)
    assert dialect.without <= {"presence_penalty", "frequency_penalty"}


def test_programs_are_told_apart_by_what_they_call_themselves():
    owners = [dialect.owned_by for dialect in DIALECTS.values() if dialect.owned_by]
    assert len(set(owners)) == len(owners)
    for dialect in DIALECTS.values():
        if dialect.owned_by:
            assert find_dialect([ServedModel(name="m", owned_by=dialect.owned_by)]) is dialect
    assert find_dialect([]).name == "openai"
    assert find_dialect([ServedModel(name="m", owned_by="system")]).name == "openai"


def test_whoever_is_not_known_gets_only_what_openai_itself_takes():
    body = write("openai", sampler=LIMARP, seed=1, stop_sequences=tuple("abcdef"))
    assert body == {
        "model": "m", "prompt": "Hi", "max_tokens": 5, "stream": True,
        "stream_options": {"include_usage": True}, "seed": 1, "stop": ["a", "b", "c", "d"],
        "temperature": 0.7, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
    }  # fmt: skip


def test_nothing_is_sent_that_was_not_asked_for():
    body = write("openai")
    assert not {"seed", "stop", "messages"} & set(body)


def test_a_penalty_over_no_tokens_is_no_penalty():
    sampler = replace(LIMARP, repetition_window=0)
    assert write("vllm", sampler=sampler)["repetition_penalty"] == 1.0
    assert write("koboldcpp", sampler=sampler)["rep_pen"] == 1.0


def test_min_p_stands_in_for_tail_free_where_that_is_missing():
    assert write("vllm", sampler=LIMARP)["min_p"] == 0.05
    body = write("koboldcpp", sampler=LIMARP)
    assert (body["tfs"], body["min_p"]) == (0.92, 0.0)


def test_cold_samplers_do_not_draw_where_drawing_is_a_switch():
    body = write("transformers", sampler=SamplerSettings(temperature=0))
    nested = json.loads(str(body["generation_config"]))
    assert nested["do_sample"] is False


@pytest.mark.parametrize(
    ("dialect", "sampler", "said"),
    [
        ("vllm", SamplerSettings(min_p=0.1, top_k=5), []),
        ("koboldcpp", LIMARP, []),
        (
            "tabbyapi",
            replace(LIMARP, dynatemp_range=0.5, dynatemp_exponent=2),
            ["TabbyAPI is not known to have dynatemp_range"],
        ),
        (
            "vllm",
            LIMARP,
            [
                "vLLM has no tail-free sampling: min-p 0.05 stands in for tail_free 0.92",
                "vLLM is not known to have repetition_window",
            ],
        ),
        (
            "vllm",
            replace(LIMARP, tail_free=1, repetition_penalty=1, dry_base=3),
            [],
        ),
        (
            "openai",
            LIMARP,
            ["a server with OpenAI's API is not known to have tail_free, repetition_penalty"],
        ),
        (
            "koboldcpp",
            SamplerSettings(frequency_penalty=0.5),
            ["KoboldCpp is not known to have frequency_penalty"],
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_once_and_with_what_stands_in(dialect, sampler, said):
    found = list_stand_ins(sampler, DIALECTS[dialect])
    assert [sentence.partition(": left out")[0] for sentence in found] == said


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("Hi", 2),
        ("Hello there", 5),
        ("a b c", 4),
        ("a  b", 4),
        ("\n\n", 3),
        ("1234", 5),
        ("é", 2),
        ("雨", 4),
        ("🦊", 5),
        ("\ud83d", 2),
    ],
)
def test_the_estimate_by_hand(text, tokens):
    assert estimate_tokens(text) == tokens


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared folder is not here")
def test_the_estimate_is_never_below_llama_2s_own_count():
    cases = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
    assert len(cases) > 20
    for case in cases:
        assert estimate_tokens(case["text"]) >= len(case["llama_spm"]), case["text"]
    long = [case for case in cases if len(case["llama_spm"]) > 100]
    ratios = [estimate_tokens(case["text"]) / len(case["llama_spm"]) for case in long]
    assert max(ratios) < 1.15
