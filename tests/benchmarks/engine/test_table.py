"""What is printed and logged."""

import csv
from dataclasses import replace

from benchmarks.engine.reuse import TurnCost
from benchmarks.engine.table import (
    BLOCKS,
    MANY,
    ONE,
    ONE_UNMOVED,
    SLIDING,
    list_first_text_rows,
    list_reuse_rows,
    list_speed_rows,
    write_log,
    write_table,
)

COST = TurnCost(
    scene="a", evaluated=10, cached=90, new=8, cut=False, full=True, first_text_seconds=1.0
)
COSTS = {
    (ONE, BLOCKS): [COST, replace(COST, cut=True)],
    (ONE, SLIDING): [replace(COST, evaluated=80, first_text_seconds=4.0)],
    (ONE_UNMOVED, BLOCKS): [replace(COST, full=False)],
    (ONE_UNMOVED, SLIDING): [COST],
    (MANY, BLOCKS): [COST],
}


def test_the_table_says_which_was_which():
    rows = list_reuse_rows(COSTS)
    assert [(row.ratio, row.aim) for row in rows] == [
        (1.25, "at most 1.1"),
        (10.0, "–"),
        (1.25, "–"),
        (1.25, "–"),
        (1.25, "at most 1.3"),
    ]
    assert all(text in rows[0].what for text in (ONE, BLOCKS, "2 turns, 2 in a full window, 1 of"))


def test_waiting_is_compared_where_it_was_measured_side_by_side():
    assert [row.ratio for row in list_first_text_rows(COSTS)] == [0.25, 1.0]


def test_speed_is_the_median():
    [row] = list_speed_rows({4: [0.5, 0.99, 1.0]})
    assert write_table([row]).splitlines()[-1] == (
        "| tokens a second, 4 at once: Troupe ÷ bare client (median of 3 rounds, 0.50 to 1.00) "
        "| 0.99 | at least 0.95 |"
    )


def test_the_log_has_a_line_for_every_turn(tmp_path):
    file = tmp_path / "turns.csv"
    write_log(file, COSTS)
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 6
    assert rows[1]["dropped"] == BLOCKS
    assert rows[1]["cut"] == "True"
    assert rows[1]["evaluated"] == "10"
