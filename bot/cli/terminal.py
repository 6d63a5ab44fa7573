"""The terminal as a stage, and lines from it without blocking the event loop."""

import asyncio
import contextlib
import re
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self, TextIO

from bot.errors import explain, say_wait
from bot.scenes.stage import NoteMessage, ReplyDisplay, Row
from bot.words import say

if sys.platform == "win32":
    termios = None
else:
    import readline  # noqa: F401 # pyright: ignore[reportUnusedImport] - line editing for input()
    import termios

if TYPE_CHECKING:
    from bot.generation.engine import Engine
    from bot.generation.types import EngineState, QueuePlace
    from storage.records import SceneRecord

_PROGRESS_SECONDS = 0.2
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class LineReader:
    """Reads lines in a daemon thread: a read that nobody wants any more must not hold the exit.

    As a context manager it gives the terminal back as it was: a line that is being edited when the
    program ends would leave it without echo.
    """

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._is_terminal = source.isatty()
        self._modes: list[Any] | None = None

    def __enter__(self) -> Self:
        """Remember the terminal's modes."""
        if self._is_terminal and termios is not None:
            self._modes = termios.tcgetattr(self._source)
        return self

    def __exit__(self, *_: object) -> None:
        """Put them back."""
        if self._modes is not None and termios is not None:
            termios.tcsetattr(self._source, termios.TCSADRAIN, self._modes)

    async def read(self, mark: str) -> str | None:
        """Return the next line without its end, or None at the end of input."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = loop.create_future()

        def work() -> None:
            try:
                line = self._read_blocking(mark)
            except (OSError, ValueError):  # the terminal is gone
                line = None
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_set_if_wanted, answer, line)

        threading.Thread(target=work, daemon=True, name="terminal-input").start()
        return await answer

    def _read_blocking(self, mark: str) -> str | None:
        if not self._is_terminal:
            line = self._source.readline()
            return line.rstrip("\r\n") if line else None
        try:
            return input(mark)
        except EOFError:
            return None


class TerminalStage:
    """Prints replies as they grow."""

    async def open_reply(
        self,
        scene: "SceneRecord",  # noqa: ARG002 - there is one scene here
        *,
        persona_name: str,
        message_ids: Sequence[int],  # noqa: ARG002 - lines are not messages
        note_message: NoteMessage,  # noqa: ARG002
    ) -> ReplyDisplay:
        """A reply under the persona's name."""
        return _TerminalReply(persona_name)

    async def take_row(
        self,
        scene: "SceneRecord",
        message_ids: Sequence[int],
    ) -> None:
        """Lines have no rows."""

    def print_turn(self, name: str, text: str) -> None:
        """A finished turn."""
        write(f"\n{name}: {text}\n\n")


class _TerminalReply:
    """What was printed stays; a text that does not go on from there is printed anew."""

    def __init__(self, persona_name: str) -> None:
        self._name = persona_name
        self._printed: str | None = None

    def show(self, text: str) -> None:
        if self._printed is None or not text.startswith(self._printed):
            write(f"\n{self._name}: ")
            self._printed = ""
        write(text[len(self._printed) :])
        self._printed = text

    def wait_for_engine(self, state: "EngineState") -> None:
        self._line(say(f"engine_{state}"))

    def wait_in_queue(self, place: "QueuePlace") -> None:
        self._line(say("queue_place", number=place.number, wait=say_wait(place.seconds)))

    async def finish(self, text: str, *, row: Row) -> Sequence[int]:  # noqa: ARG002 - as above
        self.show(text)
        write("\n\n")
        return ()

    async def fail(self, error: Exception) -> None:
        self._line(explain(error))

    async def discard(self) -> None:
        self._line("")

    async def aclose(self) -> None:
        pass

    def _line(self, text: str) -> None:
        write(f"\n{text}\n")
        self._printed = None


async def show_loading(engine: "Engine") -> None:
    """Say that the model loads, and on a terminal how much of it has; runs until cancelled."""
    shown = say("chat_loading")
    sys.stdout.write(shown)
    sys.stdout.flush()
    try:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            if engine.progress is None or not sys.stdout.isatty():
                continue
            line = say("chat_loading_progress", percent=round(100 * engine.progress))
            if line != shown:
                shown = line
                sys.stdout.write(f"\r{line}")
                sys.stdout.flush()
    finally:
        write("\n")


def _set_if_wanted(answer: "asyncio.Future[str | None]", line: str | None) -> None:
    if not answer.done():
        answer.set_result(line)


def write(text: str) -> None:
    """Write to standard output now; control characters of cards and models do not steer it."""
    sys.stdout.write(_CONTROLS.sub("", text))
    sys.stdout.flush()
