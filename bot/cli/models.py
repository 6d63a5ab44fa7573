"""`troupe models`: what models there are, what a file holds, and how to get one."""

import click


@click.group()
def models() -> None:
    """Look at model files, and get them."""
