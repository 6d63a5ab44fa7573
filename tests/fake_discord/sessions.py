"""One socket, and the session that outlives it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fake_discord.events import (
    MESSAGE_CONTENT,
    can_bot_see,
    hide_content,
    needed_intent,
)

if TYPE_CHECKING:
    from aiohttp import web

    from tests.fake_discord.changes import Changes
    from tests.fake_discord.channels import FakeChannel
    from tests.fake_discord.guilds import FakeGuild
    from tests.fake_discord.messages import FakeMessage

_SENDS_WINDOW = 60.0


@dataclass(slots=True)
class EventRule:
    """What happens to the next events of one name: they come late, or more than once."""

    event: str
    times: int = 1
    copies: int = 1
    delay: float = 0.0


class Connection:
    """One socket of a client, with a task that writes what is due, in order."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, changes: Changes
    ) -> None:
        self.socket = socket
        self.session: Session | None = None
        self.closed_by_us = False
        self._transport = transport
        self._changes = changes
        self._due: asyncio.Queue[str] = asyncio.Queue()
        self._unsent = 0
        self._sends: deque[float] = deque()
        self._writer = asyncio.create_task(self._write())

    @property
    def is_idle(self) -> bool:
        """Whether all that was due has been written."""
        return self._unsent == 0

    def send(self, frame: dict[str, Any]) -> None:
        """Write a frame as soon as those before it are written."""
        self._unsent += 1
        self._due.put_nowait(json.dumps(frame))

    async def _write(self) -> None:
        while True:
            text = await self._due.get()
            with contextlib.suppress(ConnectionError):
                await self.socket.send_str(text)
            self._unsent -= 1
            self._changes.notify()

    def count_send(self) -> int:
        """Count a frame from the client; return how many there were in the last minute."""
        now = time.monotonic()
        self._sends.append(now)
        while self._sends[0] < now - _SENDS_WINDOW:
            self._sends.popleft()
        return len(self._sends)

    def abort(self) -> None:
        """End the socket as a broken line does."""
        self.closed_by_us = True
        if self._transport is not None:
            self._transport.abort()

    async def close(self, code: int) -> None:
        """Close the socket with a code."""
        self.closed_by_us = True
        await self.socket.close(code=code)

    async def end(self) -> None:
        """Stop writing."""
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer


@dataclass(eq=False, slots=True, kw_only=True)
class Session:
    """What IDENTIFY began: it numbers its events and keeps them for RESUME."""

    id: str
    intents: int
    shard: tuple[int, int] | None = None
    connection: Connection | None = None
    sequence: int = 0
    sent: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def has_guild(self, guild: FakeGuild | None) -> bool:
        """Whether events of this server come on this shard; private ones come on the first."""
        if self.shard is None:
            return True
        number, count = self.shard
        return (guild.id >> 22) % count == number if guild is not None else number == 0

    def reads(
        self,
        event: str,
        data: dict[str, Any],
        guild: FakeGuild | None,
        channel: FakeChannel | None,
        message: FakeMessage | None,
    ) -> dict[str, Any] | None:
        """Return an event as this session gets it; None if it does not."""
        intent = needed_intent(event, in_guild=guild is not None)
        if intent and not self.intents & intent:
            return None
        if not self.has_guild(guild) or not can_bot_see(channel):
            return None
        if message is not None and not self.intents & MESSAGE_CONTENT:
            return hide_content(data, message)
        return data

    def send(self, event: str, data: dict[str, Any]) -> None:
        """Number an event, keep it, and send it if there is a socket."""
        self.sequence += 1
        frame = {"op": 0, "t": event, "s": self.sequence, "d": data}
        self.sent.append((self.sequence, json.loads(json.dumps(frame))))
        if self.connection is not None:
            self.connection.send(frame)

    def resume(self, connection: Connection, since: int) -> None:
        """Go on with a new socket: replay what came after `since`, then RESUMED."""
        self.connection = connection
        connection.session = self
        for number, frame in self.sent:
            if number > since:
                connection.send(frame)
        self.sequence += 1
        connection.send({"op": 0, "t": "RESUMED", "s": self.sequence, "d": {"_trace": []}})
