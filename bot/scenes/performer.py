"""From a scene to a reply's text: prompt, generation, tidying. It stores and shows nothing."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.generation.types import FinishReason, GenerationRequest
from bot.prompting.budget import TokenBudget, TokenCounter
from bot.prompting.builder import PromptBuilder, Script
from bot.prompting.formats.lengths import get_token_limit
from bot.text import tidy_reply

if TYPE_CHECKING:
    from bot.generation.engine import Engine
    from bot.generation.scheduler import Scheduler
    from bot.generation.types import ModelInfo, SamplerSettings, Timings
    from bot.prompting.formats.detect import FormatChoice
    from bot.prompting.prompt import Prompt

_SEEDS = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the persona said."""

    text: str
    """Tidied; empty if no words came."""
    finish_reason: FinishReason
    seed: int | None = None
    timings: "Timings | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How this model is spoken to."""

    choice: "FormatChoice"
    sampler: "SamplerSettings"
    special_strings: Sequence[str] = ()


class Performer:
    """Knows the model and how it is spoken to."""

    def __init__(
        self,
        engine: "Engine",
        scheduler: "Scheduler",
        choose_manner: Callable[["ModelInfo"], Manner],
    ) -> None:
        """Keep the parts.

        Args:
            engine: Counts tokens.
            scheduler: Generates, in order.
            choose_manner: Called once, when the engine has said what its model is.
        """
        self._engine = engine
        self._scheduler = scheduler
        self._choose_manner = choose_manner
        self._manner: Manner | None = None
        self._count_tokens = TokenCounter(engine.count_tokens)

    @property
    def engine(self) -> "Engine":
        """For its state."""
        return self._engine

    async def prepare(self, script: Script) -> "Prompt":
        """Wait for the model and build a prompt that fits.

        Raises:
            ContextOverflowError: If it cannot fit.
            EngineError: If the engine does not answer.
        """
        info = await self._engine.wait_ready()
        manner = self.get_manner(info)
        budget = TokenBudget(
            context_length=info.context_length, reply_tokens=get_token_limit(script.length_word)
        )
        builder = PromptBuilder(manner.choice.prompt_format, manner.special_strings)
        return await builder.build(script, budget=budget, count_tokens=self._count_tokens)

    async def speak(
        self,
        prompt: "Prompt",
        *,
        persona_name: str,
        show: Callable[[str], None],
        seed: int | None = None,
        affinity: str = "",
    ) -> Reply:
        """Generate a reply; an empty one is tried once more with another seed.

        Args:
            prompt: From `prepare`.
            persona_name: Taken off where the model repeats it.
            show: Called with the whole text so far each time it grew.
            seed: None draws one.
            affinity: The scene's, for routers that keep caches warm.

        Raises:
            GenerationError: If it failed.
            EngineError: If the engine ended or is not there.
        """
        info = await self._engine.wait_ready()
        first = secrets.randbelow(_SEEDS) if seed is None else seed
        reply = Reply(text="", finish_reason=FinishReason.STOP, seed=first)
        for attempt in (first, first + 1):
            request = GenerationRequest(
                prompt=prompt.text,
                max_tokens=prompt.max_tokens,
                sampler=self.get_manner(info).sampler,
                stop_sequences=prompt.stop_sequences,
                seed=attempt,
                affinity=affinity,
            )
            reply = await self._generate(request, persona_name, show)
            if reply.text:
                break
        return reply

    async def _generate(
        self, request: GenerationRequest, persona_name: str, show: Callable[[str], None]
    ) -> Reply:
        people = [
            stop.strip("\n:")
            for stop in request.stop_sequences
            if stop.startswith("\n") and stop.endswith(":")
        ]
        raw = shown = ""
        reason, timings = FinishReason.STOP, None
        async with aclosing(self._scheduler.generate(request)) as chunks:
            async for chunk in chunks:
                raw += chunk.text
                reason = chunk.finish_reason or reason
                timings = chunk.timings or timings
                text = tidy_reply(raw, persona_name=persona_name, people=people, final=False)
                if text and text != shown:
                    shown = text
                    show(text)
        text = tidy_reply(raw, persona_name=persona_name, people=people, final=True)
        return Reply(text=text, finish_reason=reason, seed=request.seed or 0, timings=timings)

    def get_manner(self, info: "ModelInfo") -> Manner:
        """How this model is spoken to, chosen once."""
        if self._manner is None:
            self._manner = self._choose_manner(info)
        return self._manner
