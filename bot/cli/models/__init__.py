"""`troupe models`: what models there are, what a file holds, and how to get one."""

import click

from bot.cli.models.inspect_file import inspect_model
from bot.cli.models.pull import list_models, pull


@click.group("models")
def model_commands() -> None:
    """Look at model files, and get them."""


model_commands.add_command(inspect_model)
model_commands.add_command(list_models)
model_commands.add_command(pull)
