"""`troupe chat` as a process, on the demo model in a real worker."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 60


def start(folder, *arguments, **settings):
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("TROUPE_")},
        "PYTHONPATH": str(ROOT),
        "TROUPE_PACE": "0.05",
        **settings,
    }
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "bot", "chat", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def run(folder, *arguments, typed="", **settings):
    process = start(folder, *arguments, **settings)
    out, err = process.communicate(typed, timeout=SECONDS)
    return process.returncode, out, err


def test_one_reply_is_printed_with_one_line_feed_and_is_the_same_again(tmp_path):
    asked = ("--persona", "grumbold", "--message", "Hello", "--length", "short", "--seed", "1")
    code, out, err = run(tmp_path, *asked)
    assert code == 0, err
    assert out.strip()
    assert out.endswith("\n")
    assert not out.endswith("\n\n")
    assert not out.startswith("Grumbold:")
    assert run(tmp_path, *asked)[:2] == (0, out)
    assert not (tmp_path / "data").exists()  # a scene that is not stored


def test_a_ggml_file_is_played_too(tmp_path, ggml_model):
    asked = ("--persona", "maren", "--message", "Who are you?", "--seed", "1")
    model = {"TROUPE_ENGINE__MODEL": str(ggml_model), "TROUPE_SAMPLER__MIROSTAT": "1"}
    code, out, err = run(tmp_path, *asked, **model)
    assert code == 0, err
    assert len(out.split()) > 3
    assert "mirostat 2" in err
    assert run(tmp_path, *asked, **model)[:2] == (0, out)


def test_a_ggml_file_that_was_cut_off_is_refused_before_it_loads(tmp_path, ggml_model):
    file = tmp_path / "cut.bin"
    file.write_bytes(ggml_model.read_bytes()[:-1])
    code, out, err = run(tmp_path, "--message", "Hi", TROUPE_ENGINE__MODEL=str(file))
    assert (code, out) == (1, "")
    assert "download it again" in err
    assert "Traceback" not in err


def test_another_seed_gives_another_reply(tmp_path):
    first = run(tmp_path, "--message", "Tell me a story", "--length", "long", "--seed", "1")
    second = run(tmp_path, "--message", "Tell me a story", "--length", "long", "--seed", "2")
    assert first[1] != second[1]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--persona", "grumbolt", "--message", "Hi"), "grumbold"),
        (("--length", "enormouse", "--message", "Hi"), "enormous"),
        (("--message", "  "), "--message"),
        (("--seed", "-1", "--message", "Hi"), "--seed"),
        (("--nonsense",), "--nonsense"),
    ],
    ids=["persona", "length", "message", "seed", "option"],
)
def test_wrong_usage_ends_with_2_and_says_what_is_meant(tmp_path, arguments, hint):
    code, out, err = run(tmp_path, *arguments)
    assert code == 2
    assert out == ""
    assert hint in err.lower()
    assert "Traceback" not in err


def test_wrong_settings_end_with_2(tmp_path):
    code, out, err = run(tmp_path, "--message", "Hi", TROUPE_ENGIN__MODEL="x")
    assert (code, out) == (2, "")
    assert "TROUPE_ENGINE__MODEL" in err


def test_an_engine_that_fails_ends_with_1_and_one_line(tmp_path):
    (tmp_path / "empty.gguf").write_bytes(b"")
    code, out, err = run(tmp_path, "--message", "Hi", TROUPE_ENGINE__MODEL="empty.gguf")
    assert (code, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert "TROUPE_ENGINE__MODEL" in err


def test_a_message_that_cannot_fit_ends_with_1(tmp_path):
    code, out, err = run(tmp_path, "--message", "word " * 3000)
    assert (code, out) == (1, "")
    assert "tokens" in err


def test_a_scene_in_the_terminal_goes_on_at_the_next_start(tmp_path):
    code, out, err = run(tmp_path, typed="My name is Tomas.\n/quit\nnot read\n")
    assert code == 0, err
    assert "demo model" in out
    assert out.count("Maren: ") >= 2  # the greeting and a reply
    code, out, err = run(tmp_path, typed="/quit\n")
    assert code == 0, err
    assert "the scene goes on" in out
    assert "Guest: My name is Tomas." in out


def test_commands_inside_the_terminal(tmp_path):
    typed = (
        "/persona\n/persona nobody\n/persona unit seven\n/length huge\n/length x\n/reset\n/fly\n"
    )
    code, out, err = run(tmp_path, typed=typed)
    assert code == 0, err  # the end of input ends it as /quit does
    assert "Captain Isolde, Grumbold, Maren" in out
    assert "no persona called “nobody”" in out
    assert out.count("\nUnit Seven: ") == 2  # greeted when it came and after the reset
    assert "replies are now huge" in out
    assert "micro, tiny" in out
    assert "There is no command /fly" in out


def test_two_terminals_do_not_share_a_data_folder(tmp_path):
    first = start(tmp_path)
    try:
        deadline = time.monotonic() + SECONDS
        while not (tmp_path / "data" / "terminal" / "troupe.sqlite3").exists():
            assert time.monotonic() < deadline
        code, _, err = run(tmp_path, typed="/quit\n")
        assert code == 1
        assert "TROUPE_DATA_FOLDER" in err
    finally:
        first.communicate("/quit\n", timeout=SECONDS)


def test_an_interrupt_ends_it_without_a_traceback(tmp_path):
    process = start(tmp_path)
    assert process.stdout is not None
    while "/quit" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert "Traceback" not in out + err
    assert process.returncode == 130
