"""Waiting for the fake's state to change, without polling."""

import asyncio


class Changes:
    """Wakes everybody who waits whenever anything in the fake Discord changes.

    An asyncio.Condition can be notified only by a coroutine that holds its lock; people, channels
    and permissions of the fake change in plain functions. So this keeps futures.
    """

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Wake all who wait now."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def next(self) -> None:
        """Wait for the next change.

        Between looking at the state and calling this there must be no await, or a change is missed.
        """
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
