"""Exact prompts: those beside the repository, and a few of our own inside it."""

import json

import pytest

from bot.cli.prompt import read_case
from bot.prompting.builder import PromptBuilder
from bot.prompting.formats.detect import FORMATS
from tests.prompting.making import GOLDEN, VECTORS


def _read_vectors():
    if not VECTORS.is_file():
        skip = pytest.mark.skip(reason=f"{VECTORS} is not here")
        return [pytest.param(None, None, id="absent", marks=skip)]
    groups = json.loads(VECTORS.read_text(encoding="utf-8"))
    return [
        pytest.param(vector["case"], vector["expected_prompt"], id=vector["id"])
        for group in ("scenes", "limarp")
        for vector in groups[group]
    ]


def _read_golden():
    files = sorted(GOLDEN.glob("*.json"))
    return [pytest.param(file, file.with_suffix(".txt"), id=file.stem) for file in files]


def render(case_text):
    case = read_case(case_text, source="the test")
    return PromptBuilder(FORMATS[case.format_name]).render(case.script).text


@pytest.mark.parametrize(("case", "expected"), _read_vectors())
def test_a_prompt_is_the_published_one_character_for_character(case, expected):
    assert render(json.dumps(case)) == expected


@pytest.mark.parametrize(("case", "expected"), _read_golden())
def test_a_prompt_is_the_golden_one_character_for_character(case, expected):
    assert render(case.read_text(encoding="utf-8")) == expected.read_bytes().decode()


def test_every_format_has_a_golden_prompt():
    golden = [json.loads(file.read_text(encoding="utf-8")) for file in GOLDEN.glob("*.json")]
    assert {case["format"] for case in golden} == set(FORMATS)
    assert {file.stem for file in GOLDEN.glob("*.txt")} == {f.stem for f in GOLDEN.glob("*.json")}
