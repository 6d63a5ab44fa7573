"""Draw the loss curve of a training log."""

import csv
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw_curve(log: Path, picture: Path) -> None:
    """Draw training loss and held-out loss over tokens."""
    with log.open(newline="") as file:
        rows = list(csv.reader(file))
    millions = [int(row[1]) / 1e6 for row in rows]
    held = [(m, float(row[3])) for m, row in zip(millions, rows, strict=True) if row[3]]
    figure, axes = plt.subplots(figsize=(6, 3.4), dpi=90)
    axes.plot(millions, [float(row[2]) for row in rows], linewidth=0.8, label="training")
    axes.plot(*zip(*held, strict=True), "o-", markersize=3, label="held out")
    axes.set_ylim(0, min(3.0, max(float(row[2]) for row in rows)))
    axes.set_xlabel("million tokens")
    axes.set_ylabel("loss a token (replies only)")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture)
