"""How the command line ends when something is wrong: plain lines and an exit code."""

from typing import IO, Any, Final

import click

INTERRUPTED: Final = 130
"""What shells expect of a program that Ctrl-C ended."""


class Failure(click.ClickException):
    """Lines on standard error and an exit code: 1 for what went wrong, 2 for wrong usage."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code  # pyright: ignore[reportAttributeAccessIssue] - click reads it here

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002
        """Without click's capital "Error:"."""
        for line in self.message.splitlines():
            click.echo(f"troupe: {line}", err=True)
