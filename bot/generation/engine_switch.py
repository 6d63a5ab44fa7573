"""An engine whose model can be exchanged while people play.

One machine seldom has room for two models: the old one is closed before the new one loads. Nothing
is lost meanwhile, because whoever asks waits at the gate, and a reply that was cut off is asked for
again by whoever wanted it, from a prompt written for the new model.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from bot.generation.errors import EngineDiedError, EngineUnavailableError
from bot.generation.types import EngineState

if TYPE_CHECKING:
    from bot.generation.engine import Engine
    from bot.generation.types import GenerationChunk, GenerationRequest, ModelInfo

_LOAD_SECONDS = 900.0
"""A model that takes longer, or a server that does not answer, is given up for the former one."""
_PATIENCE_SECONDS = 30.0
"""Replies that are being written may take this long before the model under them is taken away."""


class EngineSwitch:
    """Passes everything on to the engine that is there now."""

    def __init__(
        self,
        engine: "Engine",
        *,
        patience_seconds: float = _PATIENCE_SECONDS,
        load_seconds: float = _LOAD_SECONDS,
    ) -> None:
        self._engine = engine
        self._patience_seconds = patience_seconds
        self._load_seconds = load_seconds
        self._gate = asyncio.Event()
        self._gate.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._running = 0
        self._swapping = asyncio.Lock()

    @property
    def name(self) -> str:
        """Of the engine that is there now."""
        return self._engine.name

    @property
    def state(self) -> EngineState:
        """Loading as long as one is exchanged."""
        return self._engine.state if self._gate.is_set() else EngineState.LOADING

    @property
    def progress(self) -> float | None:
        """Of loading."""
        return self._engine.progress

    async def wait_ready(self) -> "ModelInfo":
        """Wait until a model is loaded.

        Raises:
            EngineUnavailableError: If it will not come by itself.
        """
        await self._gate.wait()
        return await self._engine.wait_ready()

    async def count_tokens(self, text: str, *, whole: bool = False) -> int:
        """Count with the tokenizer of the model that is there now.

        Raises:
            EngineError: If the engine does not answer.
        """
        await self._gate.wait()
        return await self._engine.count_tokens(text, whole=whole)

    async def generate(
        self, request: "GenerationRequest"
    ) -> AsyncGenerator["GenerationChunk", None]:
        """Continue a prompt, if it was written for the model that is there now.

        Raises:
            GenerationError: If this generation failed.
            EngineError: If the engine ended, or another model took its place.
        """
        await self._gate.wait()
        engine = self._engine
        if request.model and (await engine.wait_ready()).name != request.model:
            raise EngineDiedError(engine.name)
        self._running += 1
        self._idle.clear()
        try:
            async with aclosing(engine.generate(request)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def swap(
        self,
        open_new: Callable[[], "Engine"],
        open_old: Callable[[], "Engine"],
        *,
        switched: Callable[[], None],
    ) -> "ModelInfo":
        """Take another engine in this one's place; the old one comes back if it does not load.

        Args:
            open_new: Starts the engine that is wanted.
            open_old: Starts the present one again.
            switched: Called when the new model has loaded and before anybody can ask it.

        Raises:
            EngineError: If the new model cannot be loaded; the old one is loading again.
        """
        async with self._swapping:
            self._gate.clear()
            try:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._patience_seconds):
                        await self._idle.wait()
                await self._engine.aclose()
                return await self._load(open_new, open_old, switched)
            finally:
                self._gate.set()

    async def _load(
        self,
        open_new: Callable[[], "Engine"],
        open_old: Callable[[], "Engine"],
        switched: Callable[[], None],
    ) -> "ModelInfo":
        try:
            self._engine = open_new()
            async with asyncio.timeout(self._load_seconds):
                info = await self._engine.wait_ready()
        except BaseException as error:  # also when it is cancelled: somebody has to be there
            await self._engine.aclose()
            name, self._engine = self._engine.name, open_old()
            if isinstance(error, TimeoutError):
                fix = f"it did not load within {self._load_seconds:g} s"
                raise EngineUnavailableError(name, fix) from error
            raise
        switched()
        return info

    async def aclose(self) -> None:
        """Abort everything and free the model; can be called twice."""
        await self._engine.aclose()
