"""How these tests run `troupe models inspect`."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.models import model_commands

ASK_GPUS = "bot.cli.models.inspect_file.ask_gpus"


def forget_settings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nothing that is set here counts, and no GPU of this machine."""
    for name in os.environ:
        if name.upper().startswith("TROUPE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(ASK_GPUS, tuple)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(model_commands, ["inspect", *map(str, arguments)])


def read(*arguments: object) -> str:
    """What is printed of a file that can be inspected."""
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def find(said: str, label: str) -> str:
    """The one line with this label."""
    (line,) = [line for line in said.splitlines() if line.startswith(f"  {label}  ")]
    return line.removeprefix(f"  {label}").strip()
