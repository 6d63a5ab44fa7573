"""Runs as many generations at once as the engine has slots; the others wait in a fair queue."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.generation.errors import GenerationTimeoutError, QueueFullError
from bot.generation.fair_queue import FairQueue, Ticket
from bot.generation.types import QueuePlace

if TYPE_CHECKING:
    from bot.generation.engine import Engine
    from bot.generation.types import GenerationChunk, GenerationRequest

_QUEUE_LIMIT = 50
"""Who would be further back is refused at once: nobody waits that long for a reply in a chat."""
_REMEMBERED = 20
"""Generations whose length tells how long the next ones will take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How busy the engine is."""

    running: int
    waiting: int
    slots: int


@dataclass(slots=True, eq=False)
class _Job:
    """A request on its way."""

    ticket: Ticket
    tell: Callable[[QueuePlace | None], None] | None
    granted: asyncio.Event
    told: QueuePlace | None = None


class Scheduler:
    """Hands the engine's slots out: fair to people and scenes, in order within a scene."""

    def __init__(
        self,
        engine: "Engine",
        *,
        queue_limit: int = _QUEUE_LIMIT,
        timeout_seconds: float | None = None,
    ) -> None:
        """Keep the engine and the limits.

        Args:
            engine: Generates.
            queue_limit: How many may wait.
            timeout_seconds: How long a generation may take from its first moment in a slot; None
                leaves it to the engine, which ends what is silent.
        """
        self._engine = engine
        self._queue_limit = queue_limit
        self._timeout_seconds = timeout_seconds
        self._queue = FairQueue()
        self._jobs: dict[Ticket, _Job] = {}
        self._slots = 1
        self._durations: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def load(self) -> Load:
        """How busy the engine is now."""
        return Load(running=self._queue.serving, waiting=len(self._queue), slots=self._slots)

    def find_place(self, scene: str) -> QueuePlace | None:
        """Where a scene's first request waits; None if none does.

        Args:
            scene: The request's `affinity`.
        """
        for number, ticket in enumerate(self._queue.order(), start=1):
            if ticket.scene == scene:
                return self._describe(number)
        return None

    async def generate(
        self,
        request: "GenerationRequest",
        tell: Callable[[QueuePlace | None], None] | None = None,
    ) -> AsyncGenerator["GenerationChunk", None]:
        """Wait for a slot and continue the prompt; closing the generator gives the slot back.

        Args:
            request: Of one scene, only one runs at a time.
            tell: Called with the place in the queue whenever it changed while waiting, and with
                None when the waiting is over.

        Raises:
            QueueFullError: If too many wait already.
            GenerationError: If this generation failed.
            EngineError: If the engine ended or is not there.
        """
        # Every time: a server that came back may have other slots.
        self._slots = (await self._engine.wait_ready()).slots
        self._queue.keep_warm(self._slots)
        job = self._enter(request, tell)
        loop = asyncio.get_running_loop()
        entered = loop.time()
        try:
            await job.granted.wait()
            started = loop.time()
            async with aclosing(self._engine.generate(request)) as chunks:
                while (chunk := await self._read(chunks, started)) is not None:
                    if chunk.finish_reason is not None:
                        self._durations.append(loop.time() - started)
                    if chunk.timings is not None:
                        waited = replace(chunk.timings, waited_seconds=started - entered)
                        chunk = replace(chunk, timings=waited)
                    yield chunk
        finally:
            del self._jobs[job.ticket]
            self._queue.leave(job.ticket)
            self._grant()

    async def _read(
        self, chunks: AsyncGenerator["GenerationChunk", None], started: float
    ) -> "GenerationChunk | None":
        """The next chunk, within the time that a generation has."""
        if self._timeout_seconds is None:
            return await anext(chunks, None)
        # Around one step and not around the whole: the time must not run out in the code of
        # whoever reads the chunks.
        try:
            async with asyncio.timeout_at(started + self._timeout_seconds):
                return await anext(chunks, None)
        except TimeoutError as error:
            raise GenerationTimeoutError(self._timeout_seconds) from error

    def _enter(
        self, request: "GenerationRequest", tell: Callable[[QueuePlace | None], None] | None
    ) -> _Job:
        if self._queue.serving >= self._slots and len(self._queue) >= self._queue_limit:
            place = self._describe(len(self._queue) + 1)
            raise QueueFullError(place=place.number, seconds=place.seconds)
        scene = request.affinity or object()
        person = scene if request.person is None else request.person
        ticket = self._queue.add(scene=scene, person=person)
        job = self._jobs[ticket] = _Job(ticket, tell, asyncio.Event())
        self._grant()
        return job

    def _grant(self) -> None:
        """Give free slots to those who are next, and tell the others where they are."""
        while self._queue.serving < self._slots and (ticket := self._queue.take()):
            job = self._jobs[ticket]
            job.granted.set()
            if job.tell is not None and job.told is not None:
                job.tell(None)
        for number, ticket in enumerate(self._queue.order(), start=1):
            job, place = self._jobs[ticket], self._describe(number)
            if job.tell is not None and job.told != place:
                job.told = place
                job.tell(place)

    def _describe(self, number: int) -> QueuePlace:
        """A place with about how long it takes: whole rounds of all slots."""
        if not self._durations:
            return QueuePlace(number=number, seconds=None)
        mean = sum(self._durations) / len(self._durations)
        rounds = -(-number // self._slots)
        return QueuePlace(number=number, seconds=round(mean * rounds, 1))
