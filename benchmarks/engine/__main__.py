"""Measure Troupe's way to its engine. Usage: python -m benchmarks.engine [--log FILE].

Every figure is a ratio within this run, on the model that ships; the aims were set before. Nothing
fails.
"""

import argparse
import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.engine.reuse import Player, TurnCost, play_at_once, play_beside
from benchmarks.engine.scenes import Strategy, iterate_messages, open_scenes, slide, trim_block
from benchmarks.engine.table import (
    BLOCKS,
    MANY,
    ONE,
    ONE_UNMOVED,
    SLIDING,
    Row,
    list_first_text_rows,
    list_reuse_rows,
    list_speed_rows,
    write_log,
    write_table,
)
from benchmarks.engine.throughput import compare_speed
from bot.engine_room import open_performer
from bot.generation.config import DEMO_MODEL, LlamaCppConfig
from bot.scenes.performer import Performer
from bot.settings import Settings

_STRATEGIES = {BLOCKS: trim_block, SLIDING: slide}
_SCENES, _SLOTS = 12, 2


async def make_players(performer: Performer, strategy: Strategy, count: int) -> list[Player]:
    """Return a player for each of so many new scenes."""
    prompt_format = performer.get_manner(await performer.engine.wait_ready()).choice.prompt_format
    return [
        Player(
            performer=performer,
            scene=scene,
            strategy=strategy,
            prompt_format=prompt_format,
            messages=iterate_messages(number),
        )
        for number, scene in enumerate(open_scenes(count))
    ]


async def play_one_scene(
    turns: int, seed: int, context_length: int
) -> dict[tuple[str, str], list[TurnCost]]:
    """Play one scene in four ways, turn by turn beside each other, each on a worker of its own."""
    model = LlamaCppConfig(model=DEMO_MODEL, slots=1, context_length=context_length)
    configs = {ONE: model, ONE_UNMOVED: model.model_copy(update={"cache_reuse": 0})}
    players: dict[tuple[str, str], Player] = {}
    async with AsyncExitStack() as stack:
        for played, config in configs.items():
            for dropped, strategy in _STRATEGIES.items():
                opening = open_performer(Settings(engine=config))
                performer = await stack.enter_async_context(opening)
                [players[played, dropped]] = await make_players(performer, strategy, 1)
        costs = await play_beside(list(players.values()), turns, seed)
    return dict(zip(players, costs, strict=True))


async def play_many_scenes(
    rounds: int, seed: int, context_length: int
) -> dict[tuple[str, str], list[TurnCost]]:
    """Play more scenes than there are slots, in one way after the other."""
    config = LlamaCppConfig(model=DEMO_MODEL, slots=_SLOTS, context_length=context_length)
    costs: dict[tuple[str, str], list[TurnCost]] = {}
    for dropped, strategy in _STRATEGIES.items():
        async with open_performer(Settings(engine=config)) as performer:
            players = await make_players(performer, strategy, _SCENES)
            costs[MANY, dropped] = await play_at_once(players, rounds, seed)
    return costs


async def measure(chosen: argparse.Namespace) -> list[Row]:
    """Measure everything, one thing after another."""
    seed, window = chosen.seed, chosen.context_length
    costs = await play_one_scene(chosen.turns, seed, window)
    costs |= await play_many_scenes(chosen.rounds, seed, window)
    if chosen.log:
        write_log(chosen.log, costs)
    ratios = await compare_speed(chosen.speed_rounds, seed, window)
    return [*list_reuse_rows(costs), *list_first_text_rows(costs), *list_speed_rows(ratios)]


def main() -> None:
    """Play, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--turns", type=int, default=200, help="of the one scene")
    parser.add_argument("--rounds", type=int, default=20, help="turns of each of the many scenes")
    parser.add_argument("--speed-rounds", type=int, default=11)
    parser.add_argument("--context-length", type=int, default=1024, help="tokens of each window")
    parser.add_argument("--log", type=Path, help="write what each turn cost to this file, as CSV")
    print(write_table(asyncio.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
