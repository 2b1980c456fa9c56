"""The figure of a calibration: coverage with binomial error bars, naming rate against runs."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.intervals import wilson
from diagnose.cli.calibration import DRAWS, KINDS, NAMING_RUNS, TASKS
from diagnose.cli.calibration_scores import LEAST, NOMINAL, Calibration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = dict(zip(DRAWS, ("#0072B2", "#D55E00", "#009E73"), strict=True))
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


def figure(rows: pd.DataFrame, naming: pd.DataFrame, done: Calibration) -> "Figure":
    """Return the figure: coverage by profile with binomial error bars, naming rate by runs."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(rows["profile"]))
    drawn = Figure(figsize=(11, 3.6 + 0.42 * len(names)), layout="constrained")
    grid = drawn.add_gridspec(2, 6, height_ratios=(0.8 + 0.42 * len(names), 3.0))
    for column, kind in enumerate(KINDS):
        axes = drawn.add_subplot(grid[0, 2 * column : 2 * column + 2])
        _draw_coverage(axes, rows[rows["estimand"].str.startswith(f"{kind}:")], names, done)
        axes.set_title(kind)
        if column:
            axes.set_yticklabels([])
        else:
            drawn.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=3)
    for column, draw in enumerate(DRAWS[:2]):
        axes = drawn.add_subplot(grid[1, 3 * column : 3 * column + 3])
        _draw_naming(axes, naming[(naming["tasks"] == draw) & (naming["planted"] != "")])
        axes.set_title(f"planted bottleneck named, {draw} tasks")
    note = (
        f"Coverage: mean over the four interventions' 95 % intervals; {TASKS} tasks x "
        f"{len(done.results[0].subject.supplied)} cells x {done.runs} runs. Bars: 95 % Wilson "
        f"interval, n = {done.replicates} studies a point. Line at 95 %, dotted at 93 %."
    )
    drawn.supxlabel(note, fontsize=8)
    return drawn


def _draw_coverage(axes: "Axes", rows: pd.DataFrame, names: list[str], done: Calibration) -> None:
    shown = [draw for draw in DRAWS if draw in set(rows["tasks"])]
    for shift, draw in enumerate(shown):
        own = rows[rows["tasks"] == draw].groupby("profile")["coverage"].mean().loc[names]
        values = own.to_numpy()
        low, high = wilson(values, np.full(len(values), float(done.replicates)))
        y = np.arange(len(names)) + 0.22 * (shift - 1)
        axes.errorbar(
            100 * values,
            y,
            xerr=100 * np.array([values - low, high - values]),
            fmt=MARKS[shift],
            color=COLOURS[draw],
            markersize=4,
            linewidth=1.2,
            label=draw,
        )
    axes.axvline(100 * NOMINAL, color="#56616b", linewidth=1)
    axes.axvline(100 * LEAST, color="#56616b", linewidth=1, linestyle=":")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(min(88.0, axes.get_xlim()[0]), 100.5)
    axes.set_xlabel("coverage, %")


def _draw_naming(axes: "Axes", rows: pd.DataFrame) -> None:
    colours = ("#0072B2", "#E69F00", "#CC79A7", "#009E73", "#D55E00", "#56B4E9", "#000000")
    for number, (profile, own) in enumerate(rows.groupby("profile", sort=False)):
        share = 100 * own["share"].to_numpy()
        bars = np.array([share - 100 * own["share_low"], 100 * own["share_high"] - share])
        axes.errorbar(
            own["runs"] * 1.03 ** (number - 2),
            share,
            yerr=bars,
            marker=MARKS[number % len(MARKS)],
            color=colours[number % len(colours)],
            markersize=4,
            linewidth=1.2,
            label=str(profile),
        )
    axes.axhline(100 * NOMINAL, color="#56616b", linewidth=1, linestyle=":")
    axes.set_xscale("log", base=2)
    axes.set_xticks(NAMING_RUNS, [str(runs) for runs in NAMING_RUNS])
    axes.set_ylim(min(80.0, axes.get_ylim()[0]), 101)
    axes.set_xlabel("runs per task")
    axes.set_ylabel("studies, %")
    if len(rows):
        axes.legend(loc="lower right", fontsize=8)
