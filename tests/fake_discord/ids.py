"""Snowflakes, the ids of Discord: a time in the upper bits.

discord.py reads times out of ids (age of a message, expiry of an interaction), so what happens
during a test needs an id of now, while people and servers existed long before.
"""

import itertools
import time

DISCORD_EPOCH_MS = 1_420_070_400_000
_FIRST_OLD = 801_234_567_890_123_456  # 18 digits, made in January 2021
_OLD_STEP = 3_600_000 << 22  # an hour


class Snowflakes:
    """Gives every object of one fake Discord its own id."""

    def __init__(self) -> None:
        self._old = itertools.count(_FIRST_OLD, _OLD_STEP + 7)
        self._last = 0

    def old(self) -> int:
        """Return an id of 18 digits of something that existed before the test."""
        return next(self._old)

    def new(self) -> int:
        """Return an id of now, larger than every id returned before."""
        now = (time.time_ns() // 1_000_000 - DISCORD_EPOCH_MS) << 22
        self._last = max(self._last + 1, now)
        return self._last
