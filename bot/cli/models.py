"""`troupe models`: what models there are, what a file holds, and how to get one."""

import click

from bot.cli.inspect_model import inspect_model
from bot.cli.pull import list_models, pull


@click.group()
def models() -> None:
    """Look at model files, and get them."""


models.add_command(inspect_model)
models.add_command(list_models)
models.add_command(pull)
