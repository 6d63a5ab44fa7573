"""`troupe models list` and `pull` as processes, on a hub of their own."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.generation.config import DEMO_MODEL
from bot.generation.hub.errors import say_bytes
from tests.fake_hub import FakeHub

ROOT = Path(__file__).parents[3]
LIMIT_SECONDS = 60
REPOSITORY = "TheBloke/OpenHermes-2.5-Mistral-7B-GGUF"
FILE = "openhermes-2.5-mistral-7b.Q4_K_M.gguf"
HALF = 3_000_000
SIZE = say_bytes(DEMO_MODEL.stat().st_size)
PULL = ("pull", "openhermes-2.5-mistral-7b")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and terminals")


@pytest.fixture
def hub():
    """The demo model, as if it were OpenHermes."""
    with FakeHub() as running:
        running.add(REPOSITORY, FILE, DEMO_MODEL.read_bytes())
        running.add(REPOSITORY, "openhermes-2.5-mistral-7b.Q6_K.gguf", b"GGUF of another size")
        yield running
    assert running.violations == []


def start(folder, *arguments, hub=None, stderr=subprocess.PIPE, **settings):
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("TROUPE_", "HF_", "HUGGING"))
    }
    endpoint = hub.endpoint if hub else "http://127.0.0.1:9"
    # A home of its own: no token of whoever runs the tests, and nothing is left there
    homes = {"HOME": str(folder), "HF_HOME": str(folder / "home"), "HF_ENDPOINT": endpoint}
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "bot", "models", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **homes, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
    )


def run(folder, *arguments, **settings):
    process = start(folder, *arguments, **settings)
    out, err = process.communicate(timeout=LIMIT_SECONDS)
    assert "Traceback" not in err
    return process.returncode, out, err


def begin(folder, hub, *arguments, **settings):
    """Start a pull that stands still in the middle."""
    hub.holds_after = HALF
    process = start(folder, *(arguments or PULL), hub=hub, **settings)
    deadline = time.monotonic() + LIMIT_SECONDS
    while not hub.held.wait(0.02) or find_part(folder) < HALF:
        assert process.poll() is None
        assert time.monotonic() < deadline
    return process


def end(process, hub):
    out, err = process.communicate(timeout=LIMIT_SECONDS)
    hub.holds_after = None
    hub.release()
    return out, err


def find_part(folder):
    """How many bytes of an unfinished file are on the disk."""
    return sum(part.stat().st_size for part in (folder / "models").glob("*.part"))


def test_a_pull_says_what_it_does_and_prints_the_setting(tmp_path, hub):
    code, out, err = run(tmp_path, *PULL, hub=hub)
    assert code == 0, err
    path = tmp_path / "models" / FILE
    assert path.read_bytes() == DEMO_MODEL.read_bytes()
    assert out == f"TROUPE_ENGINE__MODEL={path}\n"
    assert f"{FILE} of {REPOSITORY}: {SIZE}" in err
    assert f"{SIZE} to download" in err
    assert f"downloading {FILE}: 100%" in err
    assert err.strip().endswith("put into .env:")
    assert not (tmp_path / "home").exists()
    code, out, err = run(tmp_path, "list")
    assert code == 0, err
    assert "*  openhermes-2.5-mistral-7b " in out


def test_a_killed_pull_goes_on_from_where_it_was(tmp_path, hub):
    process = begin(tmp_path, hub)
    process.send_signal(signal.SIGKILL)
    end(process, hub)
    kept = find_part(tmp_path)
    assert HALF <= kept < len(DEMO_MODEL.read_bytes())
    code, out, err = run(tmp_path, *PULL, hub=hub)
    assert code == 0, err
    last = len(DEMO_MODEL.read_bytes()) - 1
    assert hub.ranges == [f"bytes=0-{last}", f"bytes={kept}-{last}"]
    assert out.startswith("TROUPE_ENGINE__MODEL=")
    assert (tmp_path / "models" / FILE).read_bytes() == DEMO_MODEL.read_bytes()


def test_ctrl_c_keeps_what_came_and_says_so(tmp_path, hub):
    process = begin(tmp_path, hub)
    process.send_signal(signal.SIGINT)
    out, err = end(process, hub)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert "here and kept; the same command goes on from there" in err
    assert find_part(tmp_path) >= HALF


def test_a_terminal_shows_a_bar(tmp_path, hub):
    ours, theirs = pty.openpty()
    process = begin(tmp_path, hub, stderr=theirs)
    os.close(theirs)
    hub.release()
    seen = b""
    while b"put into .env:" not in seen:
        assert select.select([ours], [], [], LIMIT_SECONDS)[0]
        seen += os.read(ours, 65536)
    out, _ = process.communicate(timeout=LIMIT_SECONDS)
    os.close(ours)
    assert process.returncode == 0
    assert out.startswith("TROUPE_ENGINE__MODEL=")
    assert b"[" in seen
    assert b"100%" in seen
    assert f"{SIZE} of {SIZE}".encode() in seen


def test_two_processes_at_once_download_once(tmp_path, hub):
    first = begin(tmp_path, hub)
    second = start(tmp_path, *PULL, hub=hub)
    assert second.stderr is not None
    while "waiting for it" not in second.stderr.readline():
        assert second.poll() is None
    hub.release()
    for process in (first, second):
        out, err = process.communicate(timeout=LIMIT_SECONDS)
        assert process.returncode == 0, err
        assert out.startswith("TROUPE_ENGINE__MODEL=")
    assert len(hub.ranges) == 1


def test_without_a_network_one_line_says_the_manual_way(tmp_path):
    code, out, err = run(tmp_path, *PULL)
    assert (code, out) == (1, "")
    reason, by_hand = err.strip().splitlines()
    assert "http://127.0.0.1:9 cannot be reached" in reason
    assert f"http://127.0.0.1:9/{REPOSITORY}/resolve/main/{FILE} into models" in by_hand


def test_a_gated_repository_says_what_it_needs(tmp_path, hub):
    hub.gated.add(REPOSITORY)
    code, out, err = run(tmp_path, *PULL, hub=hub)
    assert (code, out) == (1, "")
    assert "HF_TOKEN" in err
    assert "licence has to be accepted" in err
    hub.members.add("hf_member")
    code, out, err = run(tmp_path, *PULL, hub=hub, HF_TOKEN="hf_member")  # noqa: S106 - not real
    assert code == 0, err


def test_a_file_that_comes_damaged_is_not_kept(tmp_path, hub):
    hub.files[REPOSITORY, FILE].announced_sha256 = "ab" * 32
    code, out, err = run(tmp_path, *PULL, hub=hub)
    assert (code, out) == (1, "")
    assert "came damaged" in err
    assert [path.name for path in (tmp_path / "models").iterdir()] == [f".{FILE}.lock"]


def test_the_folder_is_where_the_operators_model_is_unless_said(tmp_path, hub):
    (tmp_path / "mine").mkdir()
    model = {"TROUPE_ENGINE__MODEL": str(tmp_path / "mine" / "old.gguf")}
    code, out, err = run(tmp_path, *PULL, hub=hub, **model)
    assert code == 0, err
    assert out == f"TROUPE_ENGINE__MODEL={tmp_path / 'mine' / FILE}\n"
    code, out, err = run(tmp_path, *PULL, "--to", "with space", hub=hub, **model)
    assert code == 0, err
    assert out == f"TROUPE_ENGINE__MODEL='{tmp_path / 'with space' / FILE}'\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("pull", "openhermes"), "openhermes-2.5-mistral-7b"),
        (("pull", "nous-hermes-llama2-70b", "--file", "exl2"), "TabbyAPI"),
        (("pull", "a/b/c d"), "cannot be reached"),
        (("pull", "//"), "OWNER/REPOSITORY/FILE"),
        (("pull",), "NAME"),
    ],
    ids=["near", "exl2", "odd-file", "no-address", "nothing"],
)
def test_what_is_not_known_says_what_is(tmp_path, arguments, hint):
    code, out, err = run(tmp_path, *arguments)
    assert code in {1, 2}
    assert out == ""
    assert hint in err


def test_wrong_settings_end_with_2(tmp_path):
    code, out, err = run(tmp_path, "list", TROUPE_ENGIN__MODEL="x")
    assert (code, out) == (2, "")
    assert "TROUPE_ENGINE__MODEL" in err


def test_the_list_for_programs(tmp_path):
    code, out, err = run(tmp_path, "list", "--json")
    assert code == 0, err
    models = {model["name"]: model for model in json.loads(out)}
    assert models["nous-hermes-llama2-70b"]["format"] == "alpaca"
    assert models["dans-personalityengine-24b"]["format"] is None
    kinds = {each["kind"] for each in models["nous-hermes-13b"]["downloads"]}
    assert kinds == {"GGUF", "GGML"}
