"""Cases of `troupe prompt` as they are read; the command itself is in test_cli_prompt.py."""

import json
import os

import pytest

from bot.cli.cases import read_case
from bot.cli.prompt import render_case
from bot.generation.config import LlamaCppConfig
from bot.prompting.prompt import LENGTH_WORDS, Person, PromptTurn
from bot.settings import Settings
from storage.records import Role

CARD = {"name": "Mira", "description": "A cartographer."}
SILLYTAVERN = {
    "card": CARD,
    "chat": [{"role": "bot"}],
    "instruct": {"input_sequence": "<u>"},
    "context": {"story_string": ""},
}


@pytest.fixture
def make_settings(monkeypatch, tmp_path):
    """Settings for a model file of this name that is not there, whatever is set here."""
    for name in os.environ:
        if name.upper().startswith("TROUPE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def make(model_name="none.gguf", **fields):
        return Settings(engine=LlamaCppConfig(model=tmp_path / model_name), **fields)

    return make


def read(**fields):
    return read_case(json.dumps({"persona": CARD, **fields}), source="a test")


def test_a_case_is_read():
    case = read(
        person={"name": "Tomas", "description": "A sailor."},
        turns=[
            {"role": "persona", "text": "a"},
            {"role": "person", "name": "Ann", "text": "b"},
            {"role": "narrator", "text": "c", "name": None},
        ],
        format="chatml",
        length="tiny",
    )
    assert (case.format_name, case.script.length_word) == ("chatml", "tiny")
    assert case.script.person == Person(name="Tomas", description="A sailor.")
    assert case.script.turns == [
        PromptTurn(role=Role.PERSONA, name="", text="a"),
        PromptTurn(role=Role.PERSON, name="Ann", text="b"),
        PromptTurn(role=Role.NARRATOR, name="", text="c"),
    ]
    assert (case.script.persona.name, case.script.persona.description) == tuple(CARD.values())


@pytest.mark.parametrize("absent", [{}, {"person": None, "turns": None, "format": None}])
def test_only_the_persona_must_be_there(absent):
    case = read(**absent)
    assert (case.format_name, case.script.length_word) == ("auto", None)
    assert case.script.person == Person(name="Guest")
    assert case.script.turns == []


@pytest.mark.parametrize("word", [*LENGTH_WORDS, "extreme"])
@pytest.mark.parametrize("format_name", ["limarp", "limarp_v2", "alpaca", "chatml", "mistral_v7"])
async def test_every_length_word_is_taken_in_every_format(word, format_name, make_settings):
    settings = make_settings()
    case = read(length=word, format=format_name)
    text = await render_case(settings, case, as_json=False)
    without = await render_case(settings, read(format=format_name), as_json=False)
    assert text != without
    assert text.endswith("Mira:")


@pytest.mark.parametrize("length", [None, "", "auto"])
def test_a_length_may_be_left_to_the_model(length):
    assert read(length=length).script.length_word is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "a test is not JSON", id="empty"),
        pytest.param("[]", "the case is not a JSON object", id="list"),
        pytest.param("null", "the case is not a JSON object", id="null"),
        pytest.param("{}", "a test", id="no-persona"),
        pytest.param('{"persona": {"x": 1}}', "a test", id="no-card"),
    ],
)
def test_what_is_no_case_is_told(text, said):
    with pytest.raises(ValueError, match=said):
        read_case(text, source="a test")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"type": "quiet"}, "known are normal, continue, impersonate", id="type"),
        pytest.param({"card": CARD, "instruct": {}}, "no instruct preset", id="preset"),
        pytest.param(SILLYTAVERN, "known are char, user", id="chat"),
        pytest.param({"length": "Medium"}, "known are micro, ", id="length"),
        pytest.param({"length": ["tiny"]}, "known are micro, ", id="length-list"),
        pytest.param({"turns": {"a": 1}}, "turns is not a JSON list", id="turns"),
        pytest.param({"turns": ["a"]}, "a turn is not a JSON object", id="turn"),
        pytest.param({"turns": [{"text": "a"}]}, "known are person, persona, narrator", id="role"),
        pytest.param({"turns": [{"role": "user"}]}, "known are person, ", id="role-of-others"),
        pytest.param({"person": "Ann"}, "person is not a JSON object", id="person"),
    ],
)
def test_what_is_wrong_in_a_case_is_told(fields, said):
    with pytest.raises(ValueError, match=said):
        read(**fields)


async def test_a_format_that_is_not_there_is_told(make_settings):
    with pytest.raises(ValueError, match="format is 'koala'; known are auto, native, limarp, "):
        await render_case(make_settings(), read(format="koala"), as_json=False)


@pytest.mark.parametrize(
    ("format_name", "setting", "expected"),
    [
        pytest.param("chatml", "limarp", "<|im_start|>", id="the-cases"),
        pytest.param("auto", "limarp", "### Instruction:", id="the-settings"),
        pytest.param("auto", "auto", "### Response:", id="a-guess"),
    ],
)
async def test_the_cases_format_goes_before_the_settings(
    format_name, setting, expected, make_settings
):
    settings = make_settings("mythomax.gguf", prompt_format=setting)
    text = await render_case(settings, read(format=format_name), as_json=False)
    assert expected in text
