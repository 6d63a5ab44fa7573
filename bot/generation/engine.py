"""What every engine offers, and where an engine is reached."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Protocol

from bot.generation.types import EngineState, GenerationChunk, GenerationRequest, ModelInfo


class Engine(Protocol):
    """A model that continues prompts, wherever it runs."""

    @property
    def name(self) -> str:
        """For logs: the kind and what it serves."""
        ...

    @property
    def state(self) -> EngineState:
        """Whether it can be asked now."""
        ...

    @property
    def progress(self) -> float | None:
        """How much of the model has been loaded, from 0 to 1; None if unknown or not loading."""
        ...

    async def wait_ready(self) -> ModelInfo:
        """Wait until the model is loaded.

        Raises:
            EngineUnavailableError: If it will not come by itself.
        """
        ...

    async def count_tokens(self, text: str, *, whole: bool = False) -> int:
        """Count with the model's own tokenizer.

        Args:
            text: What to count.
            whole: True for a whole prompt, which gets the start token that a piece does not.

        Raises:
            EngineError: If the engine does not answer.
        """
        ...

    def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationChunk, None]:
        """Continue a prompt; closing the generator aborts the work.

        Raises:
            GenerationError: If this generation failed.
            EngineError: If the engine ended or is not there.
        """
        ...

    async def aclose(self) -> None:
        """Abort everything and free the model; can be called twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a llama.cpp server listens."""

    url: str
    """Without a slash at the end."""
    api_key: str = field(default="", repr=False)


class EndpointSource(Protocol):
    """Gives the address of a server that may come, die and come again elsewhere."""

    @property
    def state(self) -> EngineState:
        """Whether there is an address now."""
        ...

    @property
    def progress(self) -> float | None:
        """How much of the model has been loaded, from 0 to 1; None if unknown or not loading."""
        ...

    async def get_endpoint(self) -> Endpoint:
        """Wait for the server and say where it is.

        Raises:
            EngineUnavailableError: If it has been given up.
        """
        ...

    def report_hang(self, endpoint: Endpoint, reason: str) -> bool:
        """Have the server at this address replaced, because it does not answer.

        Args:
            endpoint: Where it was asked; nothing happens if it has been replaced since.
            reason: What it did not do, for the log.

        Returns:
            Whether the server is ours. Somebody else's is left alone and may only be slow.
        """
        ...

    async def aclose(self) -> None:
        """End the server if it is ours."""
        ...
