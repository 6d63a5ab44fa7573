"""Who is next: as many generations at once as the engine has slots, the others in order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.generation.engine import Engine
    from bot.generation.types import GenerationChunk, GenerationRequest


class Scheduler:
    """Hands the engine's slots out in the order of asking."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._slots: asyncio.Semaphore | None = None

    async def generate(
        self, request: "GenerationRequest"
    ) -> AsyncGenerator["GenerationChunk", None]:
        """Wait for a slot and continue the prompt; closing the generator gives the slot back.

        Raises:
            GenerationError: If this generation failed.
            EngineError: If the engine ended or is not there.
        """
        if self._slots is None:
            info = await self._engine.wait_ready()
            # Nothing was awaited since: two tasks here would otherwise make two semaphores.
            self._slots = self._slots or asyncio.Semaphore(info.slots)
        async with self._slots, aclosing(self._engine.generate(request)) as chunks:
            async for chunk in chunks:
                yield chunk
