"""`troupe prompt`: the real command in a process of its own."""

import json
import os
import re
import subprocess
import sys

import pytest

from bot.generation.config import DEMO_MODEL
from tests.prompting.making import GOLDEN, ROOT, VECTORS

LIMIT_SECONDS = 60
CARD = {"name": "Mira", "description": "A cartographer."}
ST_CASE = {
    "card": {"name": "Mira", "scenario": "{{char}} meets {{user}}."},
    "chat": [
        {"role": "user", "text": "{{char}}?"},
        {"role": "char", "text": "Hi {{user}}."},
        {"role": "user", "text": "ok"},
    ],
    "user_name": "Bo",
    "instruct": {"input_sequence": "<u>", "output_sequence": "<b>", "wrap": False},
    "context": {"story_string": "<s>{{scenario}}"},
}


def run(folder, *arguments, data=b"", variables=None):
    """Run the command in an empty folder, with nothing of this environment's settings."""
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("TROUPE_")}
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "bot", "prompt", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **(variables or {})},
        input=data,
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def without_model(folder):
    return {"TROUPE_ENGINE__MODEL": str(folder / "no-model.gguf")}


def run_on(case, folder, variables):
    """Run the command on standard input."""
    return run(folder, "--case", "-", data=case, variables=variables)


def _read_vectors():
    if not VECTORS.is_file():
        skip = pytest.mark.skip(reason=f"{VECTORS} is not here")
        return [pytest.param({}, id="absent", marks=skip)]
    groups = json.loads(VECTORS.read_text(encoding="utf-8"))
    chosen = {"limarp/v3/medium", "scene/limarp/3", "scene/alpaca/4", "scene/chatml/1"}
    vectors = [*groups["scenes"], *groups["limarp"]]
    found = [pytest.param(each, id=each["id"]) for each in vectors if each["id"] in chosen]
    assert len(found) == len(chosen)
    return found


@pytest.mark.parametrize("vector", _read_vectors())
def test_the_command_prints_the_published_prompt_and_nothing_else(tmp_path, vector):
    file = tmp_path / "case.json"
    file.write_text(json.dumps(vector["case"]), encoding="utf-8")
    done = run(tmp_path, "--case", str(file), variables=without_model(tmp_path))
    assert done.returncode == 0
    assert done.stdout.decode() == vector["expected_prompt"]


def test_the_command_reads_standard_input_and_writes_utf_8_whatever_the_locale(tmp_path):
    case = (GOLDEN / "limarp-scene.json").read_bytes()
    variables = {**without_model(tmp_path), "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = run_on(b"\xef\xbb\xbf" + case, tmp_path, variables)
    assert done.returncode == 0
    assert done.stdout == (GOLDEN / "limarp-scene.txt").read_bytes()


def test_json_has_prompt_stops_and_no_count_without_a_model(tmp_path):
    file = GOLDEN / "chatml-hostile.json"
    done = run(tmp_path, "--case", str(file), "--json", variables=without_model(tmp_path))
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "prompt": (GOLDEN / "chatml-hostile.txt").read_bytes().decode(),
        "stop_sequences": ["<|im_end|>", "<|im_start|>", "\nJun:", "\nOrla (user):"],
        "token_count": None,
        "format": "chatml",
        "format_reason": "the case says so",
    }
    assert done.stdout.count(b"\n") == 1
    assert b"no-model" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not DEMO_MODEL.is_file(), reason="the demo model is not here")
def test_json_has_the_models_own_count(tmp_path):
    done = run(tmp_path, "--case", str(GOLDEN / "limarp-scene.json"), "--json")
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    words = len(answer["prompt"].split())
    assert words < answer["token_count"] < 5 * words


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"{", "is not JSON", id="json"),
        pytest.param(b'{"persona": {"name": "Mira"}}', "", id="no-card"),
        pytest.param(b"\xff\xfe{", "", id="no-text"),
    ],
)
def test_what_is_no_case_is_refused_in_one_line(tmp_path, data, said):
    done = run_on(data, tmp_path, without_model(tmp_path))
    assert (done.returncode, done.stdout) == (2, b"")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("troupe: ")
    assert said in line


def test_a_wrong_setting_is_refused_before_anything_is_read(tmp_path):
    done = run_on(b"{", tmp_path, {"TROUPE_LENGHT": "x"})
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"troupe: TROUPE_LENGHT is no setting; the nearest is TROUPE_LENGTH\n"


def test_a_presets_name_is_known_only_with_its_folder(tmp_path):
    case = json.dumps({"persona": CARD, "format": "preset:Tiny"}).encode()
    variables = without_model(tmp_path)
    done = run_on(case, tmp_path, variables)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"format is 'preset:Tiny'" in done.stderr
    folder = tmp_path / "presets"
    folder.mkdir()
    preset = {"name": "Tiny", "input_sequence": "<u>", "output_sequence": "<b>", "wrap": False}
    (folder / "x.json").write_text(json.dumps(preset), encoding="utf-8")
    done = run_on(case, tmp_path, {**variables, "TROUPE_PRESET_FOLDER": str(folder)})
    assert done.returncode == 0
    assert done.stdout.endswith(b"A cartographer.\n<b>")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        pytest.param({"TROUPE_PROMPT_FORMAT": "preset:x"}, "needs TROUPE_PRESET_FOLDER", id="none"),
        pytest.param({"TROUPE_PRESET_FOLDER": "gone"}, "there is no folder gone", id="gone"),
        pytest.param(
            {"TROUPE_PRESET_FOLDER": ".", "TROUPE_PROMPT_FORMAT": "preset:x"},
            "there is no instruct preset 'x'",
            id="empty",
        ),
        pytest.param({"TROUPE_PROMPT_FORMAT": "koala"}, "it is one of auto, native, ", id="name"),
    ],
)
def test_a_preset_setting_that_cannot_be_used_is_one_line(tmp_path, variables, said):
    case = json.dumps({"persona": CARD}).encode()
    done = run_on(case, tmp_path, {**without_model(tmp_path), **variables})
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode().splitlines()[-1]


def test_a_case_of_sillytaverns_brings_its_presets(tmp_path):
    done = run_on(json.dumps(ST_CASE).encode(), tmp_path, without_model(tmp_path))
    assert done.returncode == 0
    assert done.stdout == b"<s>Mira meets Bo.<u>{{char}}?<b>Hi Bo.<u>ok<b>"


@pytest.mark.skipif(not DEMO_MODEL.is_file(), reason="the demo model is not here")
def test_the_budget_is_a_bar_of_the_window(tmp_path):
    done = run(tmp_path, "--case", str(GOLDEN / "limarp-scene.json"), "--budget")
    assert done.returncode == 0
    head, bar, *lines = done.stdout.decode().splitlines()
    assert re.fullmatch(r"window [\d,]+ tokens, format limarp", head)
    assert re.fullmatch("█+▓*▒+░+·*", bar)
    tokens = {line[:34].strip(): int(line[34:41].replace(",", "")) for line in lines}
    parts = [count for name, count in tokens.items() if name[0] in "█▓▒░·"]
    assert sum(parts) == int(head.split()[1].replace(",", ""))
    inner = [count for name, count in tokens.items() if name[0] not in "█▓▒░·"]
    assert sum(inner) == tokens["█ persona"]


@pytest.mark.skipif(not DEMO_MODEL.is_file(), reason="the demo model is not here")
def test_a_persona_larger_than_the_window_is_one_line(tmp_path):
    case = json.dumps({"persona": {**CARD, "description": "tea " * 5000}}).encode()
    done = run(tmp_path, "--case", "-", "--budget", data=case)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"largest part is its description with" in done.stderr
