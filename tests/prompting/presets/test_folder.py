import json

import pytest

from bot.prompting.presets.folder import PresetFolder
from bot.prompting.presets.preset import PresetError

INSTRUCT = {"input_sequence": "<u>", "output_sequence": "<b>", "wrap": False}


@pytest.fixture
def folder(tmp_path):
    def write(path, value):
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")

    write("instruct/Small.json", {**INSTRUCT, "name": "Small"})
    write("instruct/a+b.json", INSTRUCT)
    write("context/Small.json", {"name": "Small", "story_string": "small {{description}}"})
    write("context/Default.json", {"name": "Default", "story_string": "default"})
    write("sysprompt/Calm.json", {"name": "Calm", "content": "Be calm, {{char}}."})
    write(
        "all.json",
        {
            "instruct": {**INSTRUCT, "name": "Whole"},
            "context": {"name": "Whole", "story_string": "whole"},
            "sysprompt": {"name": "Whole", "content": "w"},
            "preset": {"temp": 1},
        },
    )
    write("TextGen Settings/hot.json", {"temp": 2, "top_k": 0})
    write("broken.json", "{")
    write("list.json", "[]")
    write("instruct/open.json", {"name": "Open", "story_string": "{{#if x}}"})
    write("notes.txt", "{")
    return tmp_path


def test_presets_are_told_by_what_is_in_them(folder):
    presets = PresetFolder.open(folder)
    assert set(presets.list_formats()) == {"preset:Small", "preset:a+b", "preset:Whole"}
    assert len(presets.problems) == 3
    assert any("broken.json is not JSON" in problem for problem in presets.problems)
    assert any(
        "open.json" in problem and "is not closed" in problem for problem in presets.problems
    )
    assert presets.make("WHOLE").system_prompt == "w"


def test_a_context_is_the_one_of_the_same_name_or_the_default_or_the_one_that_is_named(folder):
    presets = PresetFolder.open(folder)
    assert presets.make("small").context.story_string.template == "small {{description}}"
    assert presets.make("a+b").context.story_string.template == "default"
    made = presets.make("Small+Default + calm")
    assert made.context.story_string.template == "default"
    assert made.system_prompt == "Be calm, {{char}}."
    assert made.name == "preset:Small+Default + calm"


def test_without_any_context_the_lines_are_labelled(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(INSTRUCT), encoding="utf-8")
    made = PresetFolder.open(tmp_path).make("one")
    assert "{{#if scenario}}Scenario: " in made.context.story_string.template


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("none", "no instruct preset 'none'", id="instruct"),
        pytest.param("small+none", "no context preset 'none'", id="context"),
        pytest.param("small+small+none", "no system prompt 'none'", id="system"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_those_that_are(folder, name, said):
    with pytest.raises(PresetError, match=said) as caught:
        PresetFolder.open(folder).make(name)
    assert "there are: " in str(caught.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(PresetError, match="there is no folder"):
        PresetFolder.open(tmp_path / "none")


def test_a_file_larger_than_presets_are_is_left_out(tmp_path):
    (tmp_path / "big.json").write_text(" " * 1_000_001, encoding="utf-8")
    assert "larger than a preset can be" in PresetFolder.open(tmp_path).problems[0]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"input_sequence": 1}, id="a-number"),
        pytest.param({"story_string": ["x"]}, id="a-list"),
        pytest.param({"input_sequence": "x", "stop_sequence": {}}, id="an-object"),
    ],
)
def test_a_field_that_is_no_text_is_a_problem_and_not_an_error(tmp_path, value):
    (tmp_path / "odd.json").write_text(json.dumps(value), encoding="utf-8")
    presets = PresetFolder.open(tmp_path)
    assert len(presets.problems) == 1
    assert "is no text" in presets.problems[0]
