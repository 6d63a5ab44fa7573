"""The `troupe` command: `run`, `chat`, `prompt`, `models`, `persona`."""

import asyncio
import io
import sys
from typing import TYPE_CHECKING, TextIO, TypeVar

import click

from bot.app import run_bot
from bot.cli.cases import read_case
from bot.cli.chat import Chat, chat_interactively, speak_once
from bot.cli.failure import INTERRUPTED, Failure
from bot.cli.models import model_commands
from bot.cli.personas import persona_commands
from bot.cli.prompt import render_budget, render_case
from bot.errors import StartupError
from bot.generation.errors import EngineError, GenerationError
from bot.log import configure_logging
from bot.prompting.prompt import LENGTH_WORDS
from bot.settings import Settings, SettingsError, read_settings
from storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Coroutine

_T = TypeVar("_T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Troupe: people play scenes with personas in Discord, on a model of your own."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


@main.command()
def run() -> None:
    """Play on Discord."""
    settings = _read_settings()
    configure_logging(settings.log_level)
    _run(run_bot(settings))


@main.command()
@click.option("--persona", metavar="NAME", help="Who plays; without it the default persona.")
@click.option("--message", metavar="TEXT", help="Say this in a scene that is not stored, and end.")
@click.option(
    "--length",
    type=click.Choice(["auto", *LENGTH_WORDS], case_sensitive=False),
    help="How long replies are.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 2), help="The same seed, the same reply.")
@click.option("--name", default="Guest", show_default=True, help="What the persona calls you.")
def chat(
    persona: str | None, message: str | None, length: str | None, seed: int | None, name: str
) -> None:
    """Play a persona here in the terminal."""
    settings = _read_settings()
    configure_logging("WARNING" if settings.log_level == "INFO" else settings.log_level)
    if message is not None and not message.strip():
        raise Failure("--message is empty: say something", 2)
    asked = Chat(
        persona=persona or settings.default_persona,
        length_word=length or settings.length,
        length_given=length is not None,
        seed=seed,
        person_name=name,
    )
    if message is None:
        _run(chat_interactively(settings, asked))
    else:
        _run(speak_once(settings, asked, message.strip()))


@main.command()
@click.option(
    "--case",
    "file",
    type=click.File("r", encoding="utf-8-sig"),
    required=True,
    help="A JSON object with persona, person, turns, format and length; - is standard input.",
)
@click.option("--json", "as_json", is_flag=True, help="Also stop sequences and the token count.")
@click.option("--budget", is_flag=True, help="Instead draw what takes how much of the window.")
def prompt(file: TextIO, *, as_json: bool, budget: bool) -> None:
    """Print the exact prompt of a case, with nothing added."""
    settings = _read_settings()
    configure_logging("WARNING" if settings.log_level == "INFO" else settings.log_level)
    try:
        case = read_case(file.read(), source=file.name)
        if budget:
            sys.stdout.write(_run(render_budget(settings, case)))
        else:
            sys.stdout.write(_run(render_case(settings, case, as_json=as_json)))
    except ValueError as error:
        raise Failure(str(error), 2) from error


main.add_command(model_commands)
main.add_command(persona_commands)


def _read_settings() -> Settings:
    try:
        return read_settings()
    except SettingsError as error:
        raise Failure(str(error), 2) from error


def _run(work: "Coroutine[object, object, _T]") -> "_T":
    """Run to the end; what is known to go wrong becomes one line and an exit code."""
    try:
        return asyncio.run(work)
    except StartupError as error:
        raise Failure(str(error), error.exit_code) from error
    except (EngineError, GenerationError, StorageError) as error:
        raise Failure(str(error), 1) from error
    except KeyboardInterrupt:
        click.echo(err=True)  # the shell's prompt begins on a line of its own
        sys.exit(INTERRUPTED)
