"""`troupe models list` and `troupe models pull`: which models there are, and getting one."""

import sys
from pathlib import Path
from typing import Final

import click

from bot.cli.failure import INTERRUPTED, Failure
from bot.cli.models.progress import TerminalProgress
from bot.cli.models.pulled_settings import describe_pulled, list_settings
from bot.cli.models.table import render_json, render_table
from bot.generation.catalogue import KNOWN_MODELS
from bot.generation.config import DEMO_MODEL, ModelFileConfig
from bot.generation.hub.errors import PullError
from bot.settings import SettingsError, read_settings

_DEFAULT_FOLDER: Final = Path("models")


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Everything that is known, for programs.")
def list_models(*, as_json: bool) -> None:
    """List the models that Troupe knows, and which of them are here."""
    render = render_json if as_json else render_table
    click.echo(render(KNOWN_MODELS, _choose_folder(None)))


@click.command()
@click.argument("name")
@click.option(
    "--file", "wanted", default="", metavar="WHICH", help="A quantization, or part of a file name."
)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to; without it where your model is, or models/ here.",
)
def pull(name: str, wanted: str, folder: Path | None) -> None:
    """Get a model: a name from `list`, or OWNER/REPOSITORY/FILE of the hub.

    What is interrupted goes on with the same command. The lines for .env are written to standard
    output, everything else to standard error.
    """
    # A third of a second, that nobody else shall wait for
    from bot.cli.models.pulling import Puller, UnknownNameError  # noqa: PLC0415
    from bot.generation.hub.hub import Hub  # noqa: PLC0415

    folder = _choose_folder(folder)
    puller = Puller(Hub(), TerminalProgress())
    try:
        choice = puller.choose(name.strip(), wanted.strip())
        path = puller.pull(choice, folder)
    except UnknownNameError as error:
        raise Failure(str(error), 2) from error
    except PullError as error:
        raise Failure(str(error), 1) from error
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(INTERRUPTED)
    for sentence in describe_pulled(choice.model, path):
        click.echo(sentence, err=True)
    for line in list_settings(choice.model, path):
        click.echo(line)


def _choose_folder(folder: Path | None) -> Path:
    """Where the operator's own model is, so that `/admin model` finds the new one beside it."""
    if folder is not None:
        return folder
    try:
        engine = read_settings().engine
    except SettingsError as error:
        raise Failure(str(error), 2) from error
    if isinstance(engine, ModelFileConfig) and engine.model != DEMO_MODEL:
        return engine.model.parent
    return _DEFAULT_FOLDER
