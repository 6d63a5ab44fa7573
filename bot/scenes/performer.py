"""From a scene to a reply's text: prompt, generation, tidying. It stores and shows nothing."""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.generation.types import FinishReason, GenerationRequest
from bot.prompting.budget import TokenBudget, TokenCounter
from bot.prompting.builder import PromptBuilder, Script
from bot.prompting.formats.detect import FormatChoice
from bot.prompting.formats.lengths import get_token_limit
from bot.prompting.formats.messages import read_messages
from bot.scenes.tuning import add_layers
from bot.text import tidy_reply

if TYPE_CHECKING:
    from bot.generation.engine import Engine
    from bot.generation.sampler_layers import SamplerLayers
    from bot.generation.scheduler import Load, Scheduler
    from bot.generation.types import ModelInfo, QueuePlace, SamplerSettings, Timings
    from bot.prompting.formats.markers import PromptFormat
    from bot.prompting.prompt import Prompt

_log = logging.getLogger(__name__)

_SEEDS = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the persona said."""

    text: str
    """Tidied; empty if no words came."""
    finish_reason: FinishReason
    seed: int | None = None
    timings: "Timings | None" = None
    sampler: "SamplerSettings | None" = None
    """How its words were chosen; None is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Whose turn it is in the queue."""

    affinity: str = ""
    """The scene's, also for routers that keep caches warm."""
    person: int | None = None
    """Who is answered."""
    tell: Callable[["QueuePlace | None"], None] | None = None
    """Called with the place while it waits, and with None when it is served after all."""


NO_TURN = Turn()
"""Of somebody who is alone with the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How this model is spoken to."""

    choice: FormatChoice
    layers: "SamplerLayers"
    special_strings: Sequence[str] = ()
    formats: "Mapping[str, PromptFormat]" = field(default_factory=dict[str, "PromptFormat"])
    """Those that a scene may have instead, by name."""

    @property
    def sampler(self) -> "SamplerSettings":
        """How words are chosen where neither persona nor scene says otherwise."""
        return self.layers.settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneManner:
    """How the model is spoken to in one scene."""

    choice: FormatChoice
    layers: "SamplerLayers"
    offered: Sequence[str] = ()
    """The formats that it may have; none where the server writes prompts itself."""


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
            choose_manner: Called once a model, when the engine has said what it is.
        """
        self._engine = engine
        self._scheduler = scheduler
        self._choose_manner = choose_manner
        self._manners: dict[str, Manner] = {}
        self._missed_formats: set[str] = set()
        self._count_tokens = TokenCounter(engine.count_tokens)

    @property
    def engine(self) -> "Engine":
        """For its state."""
        return self._engine

    @property
    def load(self) -> "Load":
        """How busy the engine is."""
        return self._scheduler.load

    def find_place(self, affinity: str) -> "QueuePlace | None":
        """Where a scene waits; None if it does not."""
        return self._scheduler.find_place(affinity)

    async def prepare(self, script: Script) -> "Prompt":
        """Wait for the model and build a prompt that fits.

        Raises:
            ContextOverflowError: If it cannot fit.
            EngineError: If the engine does not answer.
        """
        info = await self._engine.wait_ready()
        manner, own = self.get_manner(info), self.get_scene_manner(info, script)
        budget = TokenBudget(
            context_length=info.context_length, reply_tokens=get_token_limit(script.length_word)
        )
        builder = PromptBuilder(own.choice.prompt_format, manner.special_strings)
        prompt = await builder.build(script, budget=budget, count_tokens=self._count_tokens)
        return replace(prompt, model=info.name, sampler=own.layers.settings)

    async def speak(
        self,
        prompt: "Prompt",
        *,
        persona_name: str,
        show: Callable[[str], None],
        begun: str = "",
        seed: int | None = None,
        turn: Turn = NO_TURN,
    ) -> Reply:
        """Generate a reply; an empty one is tried once more with another seed.

        Args:
            prompt: From `prepare`.
            persona_name: Taken off where the model repeats it.
            show: Called with the whole text so far each time it grew.
            begun: What is there already, where the prompt goes on with it: the reply has it too.
            seed: None draws one.
            turn: Whose turn it is, and who is told while it waits.

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
                sampler=prompt.sampler or self.get_manner(info).sampler,
                stop_sequences=prompt.stop_sequences,
                seed=attempt,
                affinity=turn.affinity,
                model=prompt.model,
                person=turn.person,
                goes_on=bool(begun),
                messages=read_messages(prompt.segments) if info.takes_messages else (),
            )
            reply = await self._generate(
                request, persona_name, show, turn.tell, begun, prompt.reply_markers
            )
            if reply.text != begun.strip():
                break
        return reply

    async def _generate(
        self,
        request: GenerationRequest,
        persona_name: str,
        show: Callable[[str], None],
        tell: Callable[["QueuePlace | None"], None] | None,
        begun: str,
        markers: Sequence[str],
    ) -> Reply:
        tidy = partial(tidy_reply, persona_name=persona_name, markers=markers)
        people = [
            stop.strip("\n:")
            for stop in request.stop_sequences
            if stop.startswith("\n") and stop.endswith(":")
        ]
        raw, shown = begun, begun.strip()
        reason, timings = FinishReason.STOP, None
        async with aclosing(self._scheduler.generate(request, tell)) as chunks:
            async for chunk in chunks:
                is_apart = bool(begun and request.messages and raw == begun)
                raw += f" {chunk.text.lstrip()}" if is_apart and chunk.text else chunk.text
                reason = chunk.finish_reason or reason
                timings = chunk.timings or timings
                text = tidy(raw, people=people, final=False)
                if text and text != shown:
                    shown = text
                    show(text)
        is_cut = reason is FinishReason.LENGTH
        text = tidy(raw, people=people, final=True, is_cut=is_cut)
        return Reply(
            text=text,
            finish_reason=reason,
            seed=request.seed or 0,
            timings=timings,
            sampler=request.sampler,
        )

    def get_manner(self, info: "ModelInfo") -> Manner:
        """How this model is spoken to, chosen once."""
        if info.name not in self._manners:
            self._manners[info.name] = self._choose_manner(info)
        return self._manners[info.name]

    def get_scene_manner(self, info: "ModelInfo", script: Script) -> SceneManner:
        """How this model is spoken to in a scene: what persona and scene say goes first."""
        manner = self.get_manner(info)
        choice, name = manner.choice, script.format_name
        if name is not None and not info.takes_messages:
            if own := manner.formats.get(name):
                choice = FormatChoice(prompt_format=own, reason="this scene's own setting")
            else:
                choice = self._miss_format(name, choice)
        return SceneManner(
            choice=choice,
            layers=add_layers(manner.layers, script),
            offered=() if info.takes_messages else tuple(manner.formats),
        )

    def _miss_format(self, name: str, choice: FormatChoice) -> FormatChoice:
        """The model's own format, because a preset was taken away; the log says so once."""
        if name not in self._missed_formats:
            self._missed_formats.add(name)
            _log.warning(
                "a scene's prompt format %s is not there any more: the model's stands in",
                name,
                extra={"action": "format-missed"},
            )
        reason = f"this scene's {name} is not there any more; {choice.reason}"
        return replace(choice, reason=reason)

    def change_model(self, choose_manner: Callable[["ModelInfo"], Manner]) -> None:
        """Forget what was known of the model: another one took its place."""
        self._choose_manner = choose_manner
        self._manners.clear()
        self._count_tokens = TokenCounter(self._engine.count_tokens)
