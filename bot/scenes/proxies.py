"""Who speaks through PluralKit or Tupperbox: their messages and the ones that they replace.

Such a service posts a person's words through its webhook, under a name that the person chose, and
deletes the original, in either order and seconds apart. Discord says nothing of which belongs to
which, and the services are not asked: the words tell. Kept in memory, because it is of no use
after those seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.messages import IncomingMessage
    from storage.records import DeletedTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A person's message that a proxy's may replace."""

    message_id: int
    scene_key: str
    person_id: int
    text: str
    additions: tuple[str, ...]
    at: float
    """When it was written, edited or deleted, whichever was last."""


class Originals:
    """People's messages that were written, edited or deleted in the last seconds."""

    def __init__(self, *, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._messages: dict[int, Original] = {}

    def note(self, message: "IncomingMessage") -> None:
        """A person wrote or edited a message."""
        if message.message_id is None:
            return
        self._drop_old()
        self._messages.pop(message.message_id, None)  # the newest stands last
        self._messages[message.message_id] = Original(
            message_id=message.message_id,
            scene_key=message.scene_key,
            person_id=message.author_id,
            text=message.text,
            additions=message.additions,
            at=self._clock(),
        )

    def note_deleted(
        self, scene_key: str, message_ids: "Sequence[int]", hidden: "Sequence[DeletedTurn]"
    ) -> None:
        """Messages were deleted: those that are known stay as they were written.

        Args:
            scene_key: Where they were.
            message_ids: Of all of them.
            hidden: The turns of those that were in the story, however old they are.
        """
        for deleted in hidden:
            if deleted.turn.person_id is not None and deleted.message_id not in self._messages:
                self._messages[deleted.message_id] = Original(
                    message_id=deleted.message_id,
                    scene_key=scene_key,
                    person_id=deleted.turn.person_id,
                    text=deleted.turn.text,
                    additions=(),
                    at=0.0,
                )
        for message_id in message_ids:
            if (original := self._messages.pop(message_id, None)) is not None:
                self._messages[message_id] = replace(original, at=self._clock())

    def take(self, message: "IncomingMessage") -> Original | None:
        """The newest message there whose words a proxy's message says; it is taken once."""
        self._drop_old()
        for original in reversed(self._messages.values()):
            if original.scene_key == message.scene_key and _says_again(message, original):
                return self._messages.pop(original.message_id)
        return None

    def _drop_old(self) -> None:
        oldest = self._clock() - self._seconds
        for original in list(self._messages.values()):
            if original.at >= oldest:
                return
            del self._messages[original.message_id]


def _says_again(message: "IncomingMessage", original: Original) -> bool:
    """Whether these are the original's words, without what marked them for the service."""
    if not message.text:
        return bool(message.additions) and message.additions == original.additions
    return _fold(message.text) in _fold(original.text)


def _fold(text: str) -> str:
    return " ".join(text.split())
