"""`troupe persona`: what cards there are, what is in them, and taking them in and out."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click

from bot.cli.failure import Failure
from bot.cli.persona_sheet import (
    describe,
    list_warnings,
    plain,
    render_json,
    render_list,
    render_sheet,
)
from bot.settings import Settings, SettingsError, read_settings
from personas.cards.read import CardFile, read_bytes, read_card, read_card_file
from personas.cards.writers.write import write_charx, write_json, write_png
from personas.errors import CardExistsError, InvalidCardError, PersonaError
from personas.importing import import_card, write_whole
from personas.library import PersonaLibrary, list_cards

_Spec = Literal["v2", "v3"]

_CARD = click.Path(path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group("persona")
def persona_commands() -> None:
    """Look at character cards, and take them in and out."""


@persona_commands.command("list")
def list_personas() -> None:
    """List the personas that there are: those that ship and those of your folder."""
    with _one_line():
        library = _open_library(_read_settings())
    click.echo(render_list(library))
    for problem in library.problems:
        click.echo(f"left out: {plain(str(problem))}", err=True)


@persona_commands.command()
@click.argument("file", type=_CARD)
@click.option("--json", "as_json", is_flag=True, help="One object with the card specs' own keys.")
def inspect(file: Path, *, as_json: bool) -> None:
    """Tell what a card holds."""
    with _one_line():
        persona = read_card(file)
    click.echo(render_json(persona) if as_json else render_sheet(persona))


@persona_commands.command("import")
@click.argument("file", type=_CARD)
@click.option("--to", "folder", type=_FOLDER, help="Without it the folder of your settings.")
@click.option("--replace", is_flag=True, help="Take the place of a card with the same key.")
def import_persona(file: Path, folder: Path | None, *, replace: bool) -> None:
    """Copy a card, or a folder of them, unchanged into the folder of your personas."""
    if folder is None:
        folder = _read_settings().persona_folder
    if folder is None:
        message = "no folder: set TROUPE_PERSONA_FOLDER, or name one with --to"
        raise Failure(message, 2)
    failed = 0
    with _one_line():
        files = _expand([file])
    for each in files:
        try:
            with _one_line():
                _import(each, folder, replace=replace)
        except Failure as failure:
            if len(files) == 1:
                raise
            failure.show()
            failed += 1
    if failed:
        message = f"{failed} of {len(files)} were not taken in"
        raise Failure(message, 1)


@persona_commands.command()
@click.argument("which", metavar="KEY|FILE")
@click.option(
    "--format",
    "container",
    type=click.Choice(["json", "png", "charx"]),
    required=True,
    help="CHARX holds most; PNG is what most programs read.",
)
@click.option("--spec", type=click.Choice(["v2", "v3"]), help="Without it both as far as it goes.")
@click.option("--picture", type=_CARD, help="For a PNG: this one, instead of the card's own.")
@click.option(
    "--to", "target", type=_CARD, help="Without it KEY with the ending, here; - is standard output."
)
@click.option("--replace", is_flag=True, help="Write over a file that is there.")
def export(
    which: str,
    container: str,
    spec: _Spec | None,
    picture: Path | None,
    target: Path | None,
    *,
    replace: bool,
) -> None:
    """Write a persona's card again, with everything that it came with."""
    if container == "charx" and spec == "v2":
        message = "CHARX holds V3 only: leave --spec out, or choose --format json or png"
        raise Failure(message, 2)
    if picture is not None and container != "png":
        message = "--picture is for --format png"
        raise Failure(message, 2)
    with _one_line():
        card_file = _find_card(which)
        data = _write(card_file, container, spec, picture)
    if target is None:
        target = Path(f"{card_file.persona.key or 'persona'}.{container}")
    if str(target) == "-":
        click.echo(data, nl=False)
        return
    _save(target, data, replace=replace)
    click.echo(plain(f"{describe(card_file.persona)} is now: {target}"))
    if container == "json" and card_file.picture is not None:
        click.echo("its picture does not fit into JSON: --format png or charx keep it", err=True)


@persona_commands.command()
@click.argument("files", metavar="FILE…", type=_CARD, nargs=-1, required=True)
def validate(files: tuple[Path, ...]) -> None:
    """Say of each card, or of those in a folder, whether it can be read and what is odd."""
    refused = 0
    with _one_line():
        cards = _expand(files)
    for file in cards:
        try:
            persona = read_card(file)
        except InvalidCardError as error:
            refused += 1
            click.echo(plain(f"refused  {error}"))
            continue
        warnings = list_warnings(persona)
        click.echo(plain(f"{'odd    ' if warnings else 'good   '}  {file}: {describe(persona)}"))
        for warning in warnings:
            click.echo(plain(f"         - {warning}"))
    if refused:
        message = f"{refused} of {len(cards)} cannot be read"
        raise Failure(message, 1)


def _import(file: Path, folder: Path, *, replace: bool) -> None:
    """Take one card in, and say so.

    Raises:
        PersonaError: If it cannot be.
    """
    try:
        imported = import_card(file, folder, replace=replace)
    except CardExistsError as error:
        message = f"{error}: rename the file, or replace the other card with --replace"
        raise Failure(plain(message), 1) from error
    is_at = "is there already" if imported.was_there else "is now"
    click.echo(plain(f"{describe(imported.persona)} {is_at}: {imported.path}"))
    for warning in list_warnings(imported.persona):
        click.echo(plain(f"- {warning}"), err=True)


def _expand(files: Sequence[Path]) -> list[Path]:
    """Give the files, and for a folder the cards in it.

    Raises:
        PersonaError: If a folder cannot be read.
    """
    return [each for file in files for each in (list_cards(file) if file.is_dir() else [file])]


def _find_card(which: str) -> CardFile:
    """Read the card in a file, or that of a persona in the library.

    Raises:
        PersonaError: If there is neither.
    """
    path = Path(which)
    if path.is_file():
        return read_card_file(path)
    library = _open_library(_read_settings())
    persona = library.find(which)
    file = library.find_file(persona.key) if persona is not None else None
    return (
        read_card_file(file)
        if file is not None
        else CardFile(persona=library.get(which), container="json")
    )


def _write(card_file: CardFile, container: str, spec: _Spec | None, picture: Path | None) -> bytes:
    if container == "charx":
        return write_charx(card_file)
    if container == "png":
        return write_png(card_file, spec, None if picture is None else read_bytes(picture))
    return write_json(card_file, spec or ("v3" if card_file.persona.kind == "v3" else "v2"))


def _save(target: Path, data: bytes, *, replace: bool) -> None:
    try:
        write_whole(target, data, replace=replace)
    except FileExistsError as error:
        message = f"{target} is there already: choose another with --to, or use --replace"
        raise Failure(plain(message), 1) from error
    except OSError as error:
        message = f"{target} cannot be written ({error.strerror})"
        raise Failure(plain(message), 1) from error


def _open_library(settings: Settings) -> PersonaLibrary:
    folders = [settings.persona_folder] if settings.persona_folder else []
    return PersonaLibrary.open(folders)


def _read_settings() -> Settings:
    try:
        return read_settings()
    except SettingsError as error:
        raise Failure(str(error), 2) from error


@contextmanager
def _one_line() -> Generator[None]:
    """What is wrong with a card becomes one line, whatever is in its name."""
    try:
        yield
    except PersonaError as error:
        raise Failure(plain(str(error)), 1) from error
