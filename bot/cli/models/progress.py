"""How far a download is: a bar in a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import click

from bot.generation.hub.errors import say_bytes

_BAR_WIDTH: Final = 24
_LINE_SHARE: Final = 0.1
"""Of the whole, between two plain lines."""
_SETTLED_SECONDS: Final = 1.0
"""Before that a speed says nothing."""


class TerminalProgress:
    """Writes to standard error, so that standard output holds the settings and nothing else."""

    def __init__(self) -> None:
        self._is_bar_open = False

    def say(self, sentence: str) -> None:
        """Write a line, below the bar if there is one."""
        click.echo("\n" * self._is_bar_open + sentence, err=True)

    @contextmanager
    def show(
        self, doing: str, *, done_bytes: int, total_bytes: int
    ) -> Generator[Callable[[int], None]]:
        """Show a long piece of work while it runs."""
        speed = _Speed(done_bytes=done_bytes, total_bytes=total_bytes)
        if not sys.stderr.isatty():
            yield _write_lines(doing, speed)
            return

        def describe(_: int | None) -> str:
            return speed.describe()

        with click.progressbar(
            length=total_bytes,
            label=doing,
            show_eta=False,  # click's counts what was there before as if it had come now
            width=_BAR_WIDTH,
            item_show_func=describe,
            file=sys.stderr,
        ) as bar:
            self._is_bar_open = True
            bar.update(done_bytes, current_item=0)

            def advance(count: int) -> None:
                speed.advance(count)
                bar.update(count, current_item=count)

            try:
                yield advance
            finally:
                self._is_bar_open = False


class _Speed:
    """How fast it goes, without what was there before."""

    def __init__(self, *, done_bytes: int, total_bytes: int) -> None:
        self.done_bytes = done_bytes
        self.total_bytes = total_bytes
        self._began_with = done_bytes
        self._began_at = time.monotonic()

    @property
    def share(self) -> float:
        """Of the whole, 0 to 1."""
        return self.done_bytes / self.total_bytes if self.total_bytes else 1.0

    def advance(self, count: int) -> None:
        """Count further bytes, or take some back that have to come again."""
        self.done_bytes += count

    def describe(self) -> str:
        """Sizes, and speed and time left as soon as they mean something."""
        text = f"{say_bytes(self.done_bytes)} of {say_bytes(self.total_bytes)}"
        seconds = time.monotonic() - self._began_at
        came = self.done_bytes - self._began_with
        if seconds < _SETTLED_SECONDS or came <= 0:
            return text
        left = (self.total_bytes - self.done_bytes) * seconds / came
        return f"{text}, {say_bytes(round(came / seconds))}/s, {_say_duration(left)} left"


def _write_lines(doing: str, speed: _Speed) -> Callable[[int], None]:
    """Begin with a line, go on with one for each tenth."""
    click.echo(f"{doing}: {speed.describe()}", err=True)
    next_share = speed.share + _LINE_SHARE

    def advance(count: int) -> None:
        nonlocal next_share
        speed.advance(count)
        if speed.share >= min(next_share, 1.0) and count > 0:
            click.echo(f"{doing}: {speed.share:.0%}, {speed.describe()}", err=True)
            next_share = speed.share + _LINE_SHARE

    return advance


def _say_duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
