"""Where replies are shown: a Discord channel, a terminal. The service knows only this much."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.generation.types import EngineState, QueuePlace
    from storage.records import SceneRecord

NoteMessage = Callable[[int, int | None], Awaitable[None]]
"""Called with a message's id and its part as soon as it is posted, so that a crash forgets none;
and with None before it is deleted, so that nobody's words are taken back with it."""


class StageError(Exception):
    """The stage could not show a reply."""

    def __init__(self, message: str, *, is_permanent: bool) -> None:
        """Say why, and whether it is worth another try.

        Args:
            message: For the log.
            is_permanent: The channel is gone or must not be written in; False is trouble that
                passes.
        """
        super().__init__(message)
        self.is_permanent = is_permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What stands under a reply: which of how many alternatives is shown, counted from 0."""

    shown: int
    count: int


class ReplyDisplay(Protocol):
    """One reply while it grows."""

    def show(self, text: str) -> None:
        """Show the text so far; returns at once, the newest text wins."""
        ...

    def wait_for_engine(self, state: "EngineState") -> None:
        """Say in one line that the answer will come by itself; the next text takes its place."""
        ...

    def wait_in_queue(self, place: "QueuePlace") -> None:
        """Say in one line who is before this reply, and offer to cancel it."""
        ...

    async def finish(self, text: str, *, row: Row) -> Sequence[int]:
        """Show the whole text with its row, and return the ids of its messages.

        Raises:
            StageError: If it could not be shown.
        """
        ...

    async def fail(self, error: Exception) -> None:
        """Say in one line what went wrong, in place of the reply."""
        ...

    async def discard(self) -> None:
        """Take away what was shown: there will be no reply."""
        ...

    async def aclose(self) -> None:
        """Stop showing and leave what is there; can be called twice."""
        ...


class Stage(Protocol):
    """Opens displays."""

    async def open_reply(
        self,
        scene: "SceneRecord",
        *,
        persona_name: str,
        message_ids: Sequence[int],
        note_message: NoteMessage,
    ) -> ReplyDisplay:
        """Get ready to show a reply; messages of an earlier, broken try are used again.

        Raises:
            StageError: If the place is gone or must not be written in.
        """
        ...

    async def take_row(self, scene: "SceneRecord", message_ids: Sequence[int]) -> None:
        """Take the row from a reply that is not the newest any more; messages may be gone."""
        ...
