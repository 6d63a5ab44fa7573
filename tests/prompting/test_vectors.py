"""Exact prompts: those beside the repository, and a few of our own inside it."""

import json
from dataclasses import replace

import pytest

from bot.cli.cases import read_case
from bot.prompting.builder import PromptBuilder
from bot.prompting.formats.alternating import AlternatingFormat
from bot.prompting.formats.chat import ChatFormat
from bot.prompting.formats.registry import FORMATS
from bot.prompting.prompt import OpenTurn, PromptTurn
from storage.records import Role
from tests.prompting.making import GOLDEN, VECTORS

SCENE = (GOLDEN / "formats" / "scene.json").read_text(encoding="utf-8")
"""What is written in every format; the results lie beside it."""
SINGLE_TURNS = {
    "alpaca/stanford/no-input": "alpaca_stanford",
    "alpaca/stanford/input": "alpaca_stanford",
    "alpaca/axolotl/no-input": "alpaca_axolotl",
    "alpaca/axolotl/no-system": "alpaca_single",
    "alpaca/nous-hermes": "alpaca_single",
    "alpaca/nous-hermes/input": "alpaca_single",
    "chatml/openhermes/system": "chatml_nameless",
    "chatml/openhermes/no-system": "chatml_nameless",
}
NATIVE = {
    "native/teknium/OpenHermes-2.5-Mistral-7B": "chatml",
    "native/TheBloke/FusionNet_34Bx2_MoE-AWQ": "llama2",
    "native/google/gemma-7b-it": "gemma",
    "native/eachadea/vicuna-13b-1.1": "vicuna",
    "native/Llama-3": "llama3",
    "native/Phi-3-small": "phi3",
    "native/mistralai/Mistral-Large-Instruct-2411 (mistralai 'v7' template)": "mistral_v7",
    "native/phi-4": "phi4",
}
"""Models' own templates whose text a format of ours is without names."""


def _read_groups():
    return json.loads(VECTORS.read_text(encoding="utf-8")) if VECTORS.is_file() else {}


def _list_vectors(*groups):
    known = _read_groups()
    if not known:
        skip = pytest.mark.skip(reason=f"{VECTORS} is not here")
        return [pytest.param(None, id="absent", marks=skip)]
    return [
        pytest.param(vector, id=vector["id"])
        for group in groups
        for vector in known[group]
        if group != "native" or vector["id"] in NATIVE
    ]


def _list_golden():
    files = sorted(GOLDEN.glob("*.json"))
    return [pytest.param(file, file.with_suffix(".txt"), id=file.stem) for file in files]


def render(case_text):
    case = read_case(case_text, source="the test")
    return PromptBuilder(FORMATS[case.format_name]).render(case.script).text


def write_messages(prompt_format, messages, begin="", end=""):
    """Bare messages in a format's markers; a system message stands between begin and end."""
    roles = {"user": Role.PERSON, "assistant": Role.PERSONA}
    text, previous = "", None
    for role, content in messages:
        if role == "system":
            text += begin + content + end
            continue
        turn = PromptTurn(role=roles[role], name="", text=content)
        text += "".join(part.text for part in prompt_format.write_turn(turn, previous))
        previous = turn
    open_turn = prompt_format.write_open_turn(OpenTurn(name=""), previous)
    return text + "".join(part.text for part in open_turn)


@pytest.mark.parametrize("vector", _list_vectors("scenes", "limarp"))
def test_a_prompt_is_the_published_one_character_for_character(vector):
    assert render(json.dumps(vector["case"])) == vector["expected_prompt"]


@pytest.mark.parametrize("vector", _list_vectors("limarp_v2"))
def test_limarp_v2_has_its_length_in_the_instruction(vector):
    given, roles = vector["input"], {"c": "persona", "u": "person"}
    case = {
        **_read_groups()["limarp"][0]["case"],
        "format": "limarp_v2",
        "length": given["length"],
        "turns": [{"role": roles[r], "name": "Tomas", "text": text} for r, text in given["turns"]],
    }
    assert render(json.dumps(case)) == vector["expected_prompt"]


@pytest.mark.parametrize("vector", _list_vectors("canonical"))
def test_a_single_turn_is_as_the_cards_have_it(vector):
    given, format_name = vector["input"], SINGLE_TURNS[vector["id"]]
    if vector["id"] == "chatml/openhermes/no-system":  # a scene always has a head
        text = write_messages(FORMATS[format_name], given["messages"])
        assert text == vector["expected_prompt"]
        return
    if "messages" in given:
        system, (_, said) = given["messages"][0][1], given["messages"][1]
        turns = [{"role": "person", "name": "Ann", "text": said}]
    else:
        system = given["instruction"]
        turns = [{"role": "narrator", "text": given["input"]}] if given["input"] else []
    card = {"spec": "chara_card_v2", "data": {"name": "Mira", "system_prompt": system}}
    case = {"persona": card, "person": {"name": "Ann"}, "turns": turns, "format": format_name}
    assert render(json.dumps(case)) == vector["expected_prompt"]


@pytest.mark.parametrize("vector", _list_vectors("native"))
def test_a_format_without_names_is_the_models_own_template(vector):
    written = FORMATS[NATIVE[vector["id"]]]
    assert isinstance(written, ChatFormat | AlternatingFormat)
    text = write_messages(replace(written, has_names=False), vector["messages"], *written.head)
    assert text in {vector["expected_llama_cpp_builtin"], vector["expected_llama_cpp_jinja"]}


@pytest.mark.parametrize(("case", "expected"), _list_golden())
def test_a_prompt_is_the_golden_one_character_for_character(case, expected):
    assert render(case.read_text(encoding="utf-8")) == expected.read_bytes().decode()


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_scene_is_the_golden_one_in_every_format(format_name):
    expected = (GOLDEN / "formats" / f"{format_name}.txt").read_bytes().decode()
    assert render(json.dumps({**json.loads(SCENE), "format": format_name})) == expected


def test_every_format_has_a_golden_prompt_and_nothing_else_has():
    assert {file.stem for file in (GOLDEN / "formats").glob("*.txt")} == set(FORMATS)
    assert {file.stem for file in GOLDEN.glob("*.txt")} == {f.stem for f in GOLDEN.glob("*.json")}
