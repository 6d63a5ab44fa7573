"""The terminal as a stage, and lines from it without blocking the event loop."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from bot.errors import explain
from bot.scenes.stage import NoteMessage, ReplyDisplay
from bot.words import say

if TYPE_CHECKING:
    from storage.records import SceneRecord


class LineReader:
    """Reads lines in a daemon thread: a read that nobody wants any more must not hold the exit."""

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._is_terminal = source.isatty()

    async def read(self, mark: str) -> str | None:
        """Return the next line without its end, or None at the end of input."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = loop.create_future()

        def work() -> None:
            line = self._read_blocking(mark)
            loop.call_soon_threadsafe(_set_if_wanted, answer, line)

        threading.Thread(target=work, daemon=True, name="terminal-input").start()
        return await answer

    def _read_blocking(self, mark: str) -> str | None:
        if not self._is_terminal:
            line = self._source.readline()
            return line.rstrip("\r\n") if line else None
        with contextlib.suppress(ImportError):  # not on Windows
            import readline  # noqa: F401, PLC0415 # pyright: ignore[reportUnusedImport] - line editing
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

    def print_turn(self, name: str, text: str) -> None:
        """A finished turn."""
        _write(f"\n{name}: {text}\n\n")


class _TerminalReply:
    """What was printed stays; a text that does not go on from there is printed anew."""

    def __init__(self, persona_name: str) -> None:
        self._name = persona_name
        self._printed: str | None = None

    def show(self, text: str) -> None:
        if self._printed is None or not text.startswith(self._printed):
            _write(f"\n{self._name}: ")
            self._printed = ""
        _write(text[len(self._printed) :])
        self._printed = text

    def wait_for_engine(self, *, restarting: bool) -> None:
        self._line(say("engine_restarting" if restarting else "engine_loading"))

    async def finish(self, text: str) -> Sequence[int]:
        self.show(text)
        _write("\n\n")
        return ()

    async def fail(self, error: Exception) -> None:
        self._line(explain(error))

    async def discard(self) -> None:
        self._line("")

    async def aclose(self) -> None:
        pass

    def _line(self, text: str) -> None:
        _write(f"\n{text}\n")
        self._printed = None


def _set_if_wanted(answer: "asyncio.Future[str | None]", line: str | None) -> None:
    if not answer.done():
        answer.set_result(line)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
