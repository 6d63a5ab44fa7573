"""When each growing reply may be written again, so that Discord never has to hold one back.

Discord allows about five edits in five seconds in a channel and fifty requests a second in all, and
tells the limits of a moment only in its answers. Its library waits where one is used up, but then
with a text that grows old: it is better not to get there.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp

from bot.messages import Pacing

_BURST = 10
"""Writes that need not wait for each other: replies mostly begin one by one."""
_MOST_STRAIN = 3
"""Times that spacing is doubled for a 429."""
_CALM = 20
"""After so many usual spacings without a 429, one doubling is taken back."""
_TOO_MANY_REQUESTS = 429
_CHANNEL_PATH = re.compile(r"/channels/(\d+)/messages")
_WEBHOOK_PATH = re.compile(r"/webhooks/\d+/[^/]+(?:/messages|$)")


@dataclass(slots=True)
class _Strain:
    """What Discord's refusals have left behind."""

    level: float = 0.0
    noted_at: float = 0.0
    until: float = 0.0

    def get_level(self, now: float, calm_seconds: float) -> float:
        """How often spacing is doubled now."""
        rest = (now - self.noted_at) / calm_seconds if calm_seconds else self.level
        return max(0.0, self.level - rest)


class Pace:
    """What all replies of this process know of each other and of Discord's limits."""

    def __init__(self, pacing: Pacing, clock: Callable[[], float] = time.monotonic) -> None:
        self.pacing = pacing
        self._clock = clock
        self._streams: dict[int, int] = {}
        self._strains: dict[int | None, _Strain] = {}
        self._next_place = 0.0

    def open_lane(self, channel_id: int) -> "Lane":
        """Return what tells one reply in this channel when it may be written."""
        return Lane(self, channel_id)

    def get_time(self) -> float:
        """Seconds by the clock that all times here are of."""
        return self._clock()

    def get_spacing(self, channel_id: int) -> float:
        """Seconds from one write of a reply to its next.

        The channel's share is divided among the replies that grow in it, the bot's among all; each
        429 of the last time doubles it.
        """
        own, pacing = max(1, self._streams.get(channel_id, 0)), self.pacing
        shared = max(pacing.edit_seconds * own, pacing.write_seconds * sum(self._streams.values()))
        calm, now = pacing.edit_seconds * _CALM, self._clock()
        levels = [strain.get_level(now, calm) for strain in self._find_strains(channel_id)]
        return shared * 2.0 ** max(levels, default=0)

    def get_held_until(self, channel_id: int) -> float:
        """When Discord takes writes in this channel again."""
        return max((strain.until for strain in self._find_strains(channel_id)), default=0.0)

    def note_limit(self, seconds: float, channel_id: int | None = None) -> None:
        """Discord said 429, and for how long; without a channel it holds for everything."""
        now = self._clock()
        strain = self._strains.setdefault(channel_id, _Strain())
        level = strain.get_level(now, self.pacing.edit_seconds * _CALM)
        strain.level, strain.noted_at = min(_MOST_STRAIN, level + 1), now
        strain.until = max(strain.until, now + seconds)

    def count(self, channel_id: int, streams: int) -> None:
        """Note that so many more replies grow in a channel, or fewer."""
        self._streams[channel_id] = self._streams.get(channel_id, 0) + streams
        if not self._streams[channel_id]:
            del self._streams[channel_id]
            strain = self._strains.get(channel_id)
            if strain and not strain.get_level(self._clock(), self.pacing.edit_seconds * _CALM):
                del self._strains[channel_id]

    async def take_place(self) -> None:
        """Wait for a place among the writes of all replies, which are spread over the second."""
        now, apart = self._clock(), self.pacing.write_seconds
        place = max(self._next_place, now - _BURST * apart)
        self._next_place = place + apart
        if place > now:
            await asyncio.sleep(place - now)

    def _find_strains(self, channel_id: int) -> list[_Strain]:
        found = (self._strains.get(channel_id), self._strains.get(None))
        return [strain for strain in found if strain is not None]


class Lane:
    """One reply's way into its channel."""

    def __init__(self, pace: Pace, channel_id: int) -> None:
        self.pacing = pace.pacing
        self._pace = pace
        self._channel_id = channel_id
        self._wrote_at: float | None = None
        self._is_closed = False

    @property
    def next_at(self) -> float:
        """When the reply may be written again."""
        held = self._pace.get_held_until(self._channel_id)
        if self._wrote_at is None:
            return held
        return max(held, self._wrote_at + self._pace.get_spacing(self._channel_id))

    async def take_place(self) -> None:
        """Wait for this write's place among those of all replies."""
        await self._pace.take_place()

    def note_write(self) -> None:
        """A write ended; from the first on, the reply counts among those that grow."""
        if self._wrote_at is None and not self._is_closed:
            self._pace.count(self._channel_id, 1)
        self._wrote_at = self._pace.get_time()

    def close(self) -> None:
        """The reply grows no more."""
        if self._wrote_at is not None and not self._is_closed:
            self._pace.count(self._channel_id, -1)
        self._is_closed = True


def trace_limits(pace: Pace) -> aiohttp.TraceConfig:
    """Have a client's HTTP tell of each 429: its library repeats the call and says nothing."""

    async def note(
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        if params.response.status == _TOO_MANY_REQUESTS:
            headers = params.response.headers
            seconds = headers.get("X-RateLimit-Reset-After") or headers.get("Retry-After", "")
            note_refusal(
                pace,
                path=params.url.path,
                is_global="X-RateLimit-Global" in headers,
                seconds=read_seconds(seconds),
            )

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(note)
    return trace


def note_refusal(pace: Pace, *, path: str, is_global: bool, seconds: float) -> None:
    """Note a 429 for what it concerns; that of a webhook for all, for its path names no channel."""
    channel = _CHANNEL_PATH.search(path)
    if is_global or _WEBHOOK_PATH.search(path):
        pace.note_limit(seconds)
    elif channel:
        pace.note_limit(seconds, int(channel[1]))


def read_seconds(value: str) -> float:
    """A header's seconds; none where it holds something else."""
    try:
        return max(0.0, float(value))
    except ValueError:
        return 0.0
