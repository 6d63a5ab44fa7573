"""One at a time in each place."""

import asyncio
from weakref import WeakValueDictionary


class SceneLocks:
    """A lock for each scene key, there as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def get(self, scene_key: str) -> asyncio.Lock:
        """The lock of a place: its holder may look up and change what is open and said there."""
        lock = self._locks.get(scene_key)
        if lock is None:
            lock = self._locks[scene_key] = asyncio.Lock()
        return lock
