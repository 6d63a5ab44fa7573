"""Noticing two edits of one message on their way at the same time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.fake_discord.recording import RecordedRequest
    from tests.fake_discord.world import World


class EditsInFlight:
    """Counts the edits of each message that have come in and are not answered yet.

    Which of two such edits is last is chance, so a person may be left with the older text.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    @contextlib.contextmanager
    def watch(self, record: RecordedRequest, params: Mapping[str, str]) -> Iterator[None]:
        """Count one request while it is served; a second edit of its message is a violation."""
        key = params.get("m") or self._original(record, params)
        if record.method != "PATCH" or key is None:
            yield
            return
        counts = self._world.edits_in_flight
        counts[key] += 1
        if counts[key] > 1:
            self._world.violation(f"{counts[key]} edits of message {key} in flight at once")
        try:
            yield
        finally:
            counts[key] -= 1

    def _original(self, record: RecordedRequest, params: Mapping[str, str]) -> str | None:
        """Return the id of the message that `@original` stands for."""
        if not record.route.endswith("@original"):
            return None
        for interaction in self._world.interactions.values():
            if interaction.token == params["t"]:
                message = interaction.original or interaction.message
                return str(message.id) if message is not None else None
        return None
