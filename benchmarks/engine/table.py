"""What was measured as a Markdown table, and turn by turn as CSV."""

import csv
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from benchmarks.engine.reuse import TurnCost, divide_tokens, mean_first_text

BLOCKS, SLIDING = "turns dropped in blocks (Troupe)", "history slides by one message"
"""The two ways to let go of what no longer fits."""
ONE, ONE_UNMOVED, MANY = "one scene", "one scene, n_cache_reuse 0", "12 scenes on 2 slots"
"""What is played. With `n_cache_reuse` 0, llama.cpp's default, nothing moves in the cache."""
AIMS = {(ONE, BLOCKS): "at most 1.1", (MANY, BLOCKS): "at most 1.3"}
_SPEED_AIM = "at least 0.95"

Costs = Mapping[tuple[str, str], Sequence[TurnCost]]
"""By what was played and how turns were dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    ratio: float
    aim: str = "–"


def list_reuse_rows(costs: Costs) -> list[Row]:
    """Return the rows about tokens that are evaluated again."""
    return [
        Row(
            what=f"tokens evaluated ÷ never seen before, {played}: {dropped} ({_describe(own)})",
            ratio=divide_tokens(own),
            aim=AIMS.get((played, dropped), "–"),
        )
        for (played, dropped), own in costs.items()
    ]


def list_first_text_rows(costs: Costs) -> list[Row]:
    """Return the rows about waiting: only for what was played turn by turn beside each other."""
    return [
        Row(
            what=f"mean seconds to the first text, {played}: in blocks ÷ sliding",
            ratio=mean_first_text(costs[played, BLOCKS]) / mean_first_text(costs[played, SLIDING]),
        )
        for played in (ONE, ONE_UNMOVED)
    ]


def list_speed_rows(ratios: Mapping[int, Sequence[float]]) -> list[Row]:
    """Return the rows about tokens a second: by replies at once, the ratio of each round."""
    return [
        Row(
            what=(
                f"tokens a second, {at_once} at once: Troupe ÷ bare client "
                f"(median of {len(found)} rounds, {min(found):.2f} to {max(found):.2f})"
            ),
            ratio=statistics.median(found),
            aim=_SPEED_AIM,
        )
        for at_once, found in ratios.items()
    ]


def write_table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | ratio | aim |", "| --- | --- | --- |"]
    lines += [f"| {row.what} | {row.ratio:.2f} | {row.aim} |" for row in rows]
    return "\n".join(lines)


def write_log(path: Path, costs: Costs) -> None:
    """Write what each turn cost."""
    names = [field.name for field in fields(TurnCost)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["played", "dropped", *names])
        for key, own in costs.items():
            writer.writerows([*key, *(getattr(cost, name) for name in names)] for cost in own)


def _describe(costs: Sequence[TurnCost]) -> str:
    full, cut = sum(cost.full for cost in costs), sum(cost.cut for cost in costs)
    return f"{len(costs)} turns, {full} in a full window, {cut} of them dropped turns"
