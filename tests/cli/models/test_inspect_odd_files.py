"""`troupe models inspect` with files that are odd, or no model at all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.generation.config import DEMO_MODEL
from tests.cli.models.inspecting import find, forget_settings, read, run
from tests.generation.lora_file import write_lora
from tests.gguf_files import Sizes, list_places, list_values, write_gguf


@pytest.fixture(autouse=True)
def without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    forget_settings(monkeypatch, tmp_path)


# Odd files


def test_a_files_own_words_cannot_do_anything_to_a_terminal(tmp_path: Path):
    values = list_values(Sizes()) | {
        "general.name": "evil\x1b[2J\nname" + "x" * 500,
        "tokenizer.chat_template": "\x1b[2J",
        "tokenizer.ggml.tokens": ["a", "\x1b]0;x\x07", "b"],
        "llama.rope.scaling.type": "\x1b[2J",
    }
    said = read(write_gguf(tmp_path / "model.gguf", values, list_places(Sizes())))
    assert "\x1b" not in said
    assert "\x07" not in said
    assert find(said, "name").startswith("evil\ufffd[2J\ufffdname")
    assert len(find(said, "name")) <= 80


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ '<|im_start|>' }}", "20 characters: chatml"),
        ("{{ '### Instruction' }}", "23 characters: alpaca"),
        ("{{ words }}", "11 characters: none that Troupe knows"),
    ],
)
def test_a_template_is_recognized_or_not(tmp_path: Path, template: str, said: str):
    values = list_values(Sizes()) | {"tokenizer.chat_template": template}
    path = write_gguf(tmp_path / "model.gguf", values, list_places(Sizes()))
    assert find(read(path), "template") == said


# Refusals


def write_cut(folder: Path) -> Path:
    path = folder / "cut.gguf"
    path.write_bytes(DEMO_MODEL.read_bytes()[:100_000])
    return path


def write_folder(folder: Path) -> Path:
    (folder / "exl2").mkdir()
    (folder / "exl2" / "output.safetensors").touch()
    return folder / "exl2"


@pytest.mark.parametrize(
    ("write", "said"),
    [
        pytest.param(lambda folder: folder / "none.gguf", "there is no such file", id="missing"),
        pytest.param(lambda folder: folder, "a folder without model files", id="folder"),
        pytest.param(write_folder, "EXL2 or safetensors", id="weights"),
        pytest.param(write_cut, "it is damaged", id="cut"),
        pytest.param(
            lambda folder: write_lora(folder / "lora.gguf"),
            "LoRA adapter for a model of architecture llama",
            id="lora",
        ),
        pytest.param(lambda _: Path(__file__), "it begins with", id="no-model"),
    ],
)
def test_what_cannot_be_inspected_is_refused_in_one_line(
    tmp_path: Path, write: Callable[[Path], Path], said: str
):
    path = write(tmp_path)
    done = run(path)
    assert (done.exit_code, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"troupe: {path}: ")
    assert said in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("--gpu-memory", "24"),
        ("--gpu-memory", "much"),
        ("--context", "12"),
        ("--slots", "0"),
        ("--slots", "65"),
    ],
)
def test_wrong_options_are_usage(arguments: tuple[str, ...]):
    assert run(DEMO_MODEL, *arguments).exit_code == 2


def test_wrong_settings_are_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TROUPE_LENGHT", "x")
    done = run(DEMO_MODEL)
    assert (done.exit_code, done.stderr) == (
        2,
        "troupe: TROUPE_LENGHT is no setting; the nearest is TROUPE_LENGTH\n",
    )
