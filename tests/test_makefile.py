"""What `make` would do about builds of llama.cpp, without doing it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make here")


@pytest.fixture
def environment(tmp_path):
    """An environment that has been set up already."""
    folder = tmp_path / ".venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    (folder / "run.stamp").touch()
    return folder


def plan(environment, *arguments):
    """Return what would be run."""
    command = ["make", "--dry-run", "-C", str(ROOT), f"VENV={environment}", *arguments]
    # Without what a `make test` around this one hands down.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(  # noqa: S603 - our own Makefile
        command, env=kept, capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout + done.stderr


def test_nothing_is_done_twice(environment):
    assert "pip" not in plan(environment, "setup")


def test_a_gpu_exchanges_the_package_for_the_locked_version_of_another_build(environment):
    planned = plan(environment, "setup", "GPU=cuda")
    assert "uninstall --yes xllamacpp" in planned
    assert "--index-url https://xorbitsai.github.io/xllamacpp/whl/cu128" in planned
    assert "^xllamacpp==" in planned
    assert f"echo cuda > {environment}/gpu" in planned


def test_the_next_setup_leaves_the_build_as_it_is(environment):
    (environment / "gpu").write_text("cuda\n")
    assert "pip" not in plan(environment, "setup")
    assert "pip" not in plan(environment, "setup", "GPU=cuda")


def test_new_locks_keep_the_build(environment):
    (environment / "gpu").write_text("rocm\n")
    (environment / "run.stamp").unlink()
    planned = plan(environment, "setup")
    assert "whl/rocm-7.2.4" in planned
    assert f"echo rocm > {environment}/gpu" in planned


@pytest.mark.parametrize("build", ["cpu", "metal"])
def test_the_locked_package_can_be_taken_back(environment, build):
    (environment / "gpu").write_text("vulkan\n")
    planned = plan(environment, "setup", f"GPU={build}")
    assert "uninstall --yes xllamacpp" in planned
    assert "--index-url" not in planned
    assert f"echo {build} > {environment}/gpu" in planned


def test_an_unknown_build_is_refused_with_those_there_are(environment):
    assert "there are cpu metal cuda" in plan(environment, "setup", "GPU=geforce")


def test_a_variable_of_the_environment_is_not_meant(environment, monkeypatch):
    monkeypatch.setenv("GPU", "geforce")
    assert "pip" not in plan(environment, "setup")
