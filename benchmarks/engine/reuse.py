"""How many tokens an engine evaluates for each one that it has never seen."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.engine.scenes import LENGTH_WORD, Scene, Strategy
from bot.prompting.formats.markers import PromptFormat
from bot.prompting.prompt import OpenTurn, PromptTurn
from bot.scenes.performer import Performer, Reply, Turn
from storage.records import Role

CountTokens = Callable[..., Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCost:
    """What one reply's prompt cost, in tokens."""

    scene: str
    evaluated: int
    """`prompt_n` of the engine's timings."""
    cached: int
    """`cache_n` of the same."""
    new: int
    """Never seen before, see `count_new`."""
    cut: bool
    """The history's beginning moved for this prompt."""
    full: bool
    """The history does not begin with the scene any more."""
    first_text_seconds: float
    """From the finished prompt to the first text that is shown, waiting for a slot included."""


@dataclass(slots=True, kw_only=True)
class Player:
    """Plays one scene and counts."""

    performer: Performer
    scene: Scene
    strategy: Strategy
    prompt_format: PromptFormat
    messages: Iterator[str]
    last: Reply | None = None

    async def play(self, seed: int) -> TurnCost | None:
        """Say something and have it answered.

        Returns:
            What it cost; None for the first reply of a scene, where nothing can be reused.
        """
        scene, loop = self.scene, asyncio.get_running_loop()
        anchor, known = scene.anchor, self.last is not None
        tail = self._write_tail(scene.add(Role.PERSON, next(self.messages)))
        prompt = await self.strategy(self.performer, scene)
        new = await count_new(
            self.performer.engine.count_tokens, prompt.text, tail=tail, reply=self.last
        )
        started, shown = loop.time(), list[float]()
        reply = await self.performer.speak(
            prompt,
            persona_name=scene.persona.name,
            show=lambda _: shown.append(loop.time()),
            seed=seed,
            turn=Turn(affinity=scene.key),
        )
        self.last = reply
        if reply.text:
            scene.add(Role.PERSONA, reply.text)
        if not known or reply.timings is None:
            return None
        return TurnCost(
            scene=scene.key,
            evaluated=reply.timings.prompt_tokens,
            cached=reply.timings.cached_tokens,
            new=new,
            cut=scene.anchor != anchor,
            full=scene.anchor is not None,
            first_text_seconds=(shown[0] if shown else loop.time()) - started,
        )

    def _write_tail(self, message: PromptTurn) -> str:
        """What this prompt says after the reply before, or else after the last one's turns."""
        before = self.scene.turns[-2] if len(self.scene.turns) > 1 else None
        segments = self.prompt_format.write_turn(message, before)
        opening = OpenTurn(name=self.scene.persona.name, length_word=LENGTH_WORD)
        segments += self.prompt_format.write_open_turn(opening, message)
        if before is not None and self.last is not None and self.last.text:
            segments.insert(0, self.prompt_format.write_turn(before)[-1])
        return "".join(segment.text for segment in segments)


async def count_new(
    count_tokens: CountTokens, prompt: str, *, tail: str, reply: Reply | None
) -> int:
    """Count the tokens of a prompt that its scene has never shown to the engine.

    They are those of the tail: what ends the turn of the reply before, the person's turn with its
    header, the header of the open turn. Not new is everything that the engine has evaluated for
    this scene, wherever it stands now: head and older turns, but also the reply before, which was
    evaluated while it was written, and its header, which ended the prompt before (there with a
    length word, which a finished turn has no more). Of the reply, the token that was drawn last
    never was evaluated: it counts as new where it is a part of the text, that is, where the reply
    was cut at its limit. So an engine that finds again and can move whatever it evaluated for the
    scene has a ratio of 1.0; one that only continues equal beginnings cannot reach that.

    Args:
        count_tokens: The engine's own.
        prompt: The rendered prompt.
        tail: Its end, from the end of the reply before on.
        reply: What came of the last prompt; None if there was none.
    """
    whole = await count_tokens(prompt, whole=True)
    if reply is None:
        return whole
    if not prompt.endswith(tail):
        message = "a prompt does not end as it should"
        raise ValueError(message)
    before = await count_tokens(prompt.removesuffix(tail), whole=True)
    again = await count_tokens(f" {reply.text}") if reply.text else 0
    evaluated = max(0, reply.timings.reply_tokens - 1) if reply.timings else 0
    return whole - before + max(0, again - evaluated)


def divide_tokens(costs: Iterable[TurnCost]) -> float:
    """Return tokens evaluated for each that was new, over all turns together."""
    costs = list(costs)
    return sum(cost.evaluated for cost in costs) / sum(cost.new for cost in costs)


def mean_first_text(costs: Sequence[TurnCost]) -> float:
    """Return mean seconds to the first text."""
    return statistics.fmean(cost.first_text_seconds for cost in costs)


async def play_beside(players: Sequence[Player], turns: int, seed: int) -> list[list[TurnCost]]:
    """Play one turn of each player after another, and return each one's costs.

    In turn, so that all of them see the same machine.
    """
    costs: list[list[TurnCost]] = [[] for _ in players]
    for number in range(turns):
        for player, own in zip(players, costs, strict=True):
            if cost := await player.play(seed + number):
                own.append(cost)
    return costs


async def play_at_once(players: Sequence[Player], rounds: int, seed: int) -> list[TurnCost]:
    """Have all players ask at once, round after round; the scheduler says who is next."""
    costs: list[TurnCost] = []
    for number in range(rounds):
        played = await asyncio.gather(
            *(player.play(seed + number * len(players) + n) for n, player in enumerate(players))
        )
        costs += [cost for cost in played if cost]
    return costs
