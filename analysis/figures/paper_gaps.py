"""The published gaps as a forest: every model, every gap, and its ratio to the baseline."""

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.figures.style import COLOURS, Drawn, footnote
from analysis.layout import ALL
from analysis.published.names import GAPS, RATIOS
from analysis.published.tables import MEAN, of_models
from analysis.published.verdicts import ALPHA
from analysis.study import records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, LINE, PAPER = "#1a1d20", "#868e96", "#ffffff"
LANE = 0.26  # between the gaps of one model. Unit: row
LEAST_RATIO = 0.1  # the axis of ratios is a logarithm: what reaches zero leaves it with an arrow


def gap_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what the forest shows.

    Columns: model, gap, measure (gap or ratio), estimate, ci_low, ci_high, p_holm, n_episodes.
    """
    found = []
    columns = ("estimate", "ci_low", "ci_high", "p_holm", "n_episodes")
    for model, rows in of_models(frame):
        for measure, names in (("gap", GAPS), ("ratio", RATIOS)):
            for gap, estimand in names.items():
                if estimand in rows:
                    row = rows[estimand]
                    who = MEAN if model == ALL else model
                    shown = {column: row[column] for column in columns}
                    found.append({"model": who, "gap": gap, "measure": measure} | shown)
    return pd.DataFrame(found)


def gap_forest(rows: pd.DataFrame, note: str) -> Drawn:
    """Draw gaps around zero, and their ratios to the baseline on a logarithmic axis around 1.

    Args:
        rows: of ``gap_rows``.
        note: target, n and the kind of interval.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    models = list(dict.fromkeys(rows["model"]))
    figure = Figure(figsize=(9, 1.9 + 0.62 * len(models)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.15, 1))
    for number in range(1, len(models), 2):  # a band behind every second model
        for axes in (left, right):
            axes.axhspan(number - 0.5, number + 0.5, color=LINE, alpha=0.1, lw=0)
    for row in records(rows):
        y = models.index(row["model"]) + LANE * (list(GAPS).index(row["gap"]) - 1)
        if row["measure"] == "gap":
            _across(left, y, row, 100)
        else:
            _on_log(right, y, row)
    left.axvline(0, color=LINE, lw=0.9, zorder=0.5)
    right.axvline(1, color=LINE, lw=0.9, zorder=0.5)
    right.set_xscale("log")
    ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10]
    right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    right.set_xlim(LEAST_RATIO * 0.9, None)
    left.set_yticks(range(len(models)), models)
    left.set_ylim(len(models) - 0.5, -0.5)
    left.set_xlabel("gap, percentage points")
    right.set_xlabel("gap over baseline (logarithmic)")
    for axes in (left, right):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    handles = [Line2D([], [], color=COLOURS[gap], marker="o", lw=2, label=gap) for gap in GAPS]
    handles.append(
        Line2D([], [], color=INK, marker="o", lw=0, mfc=PAPER, label="does not survive Holm")
    )
    figure.legend(
        handles=handles, loc="outside upper left", ncols=len(handles), frameon=False, fontsize=9
    )
    footnote(figure, note)
    return Drawn(figure, rows)


def _across(axes: "Axes", y: float, row: dict[str, Any], scale: float) -> None:
    shade = COLOURS[row["gap"]]
    low, middle, high = (scale * row[name] for name in ("ci_low", "estimate", "ci_high"))
    axes.plot([low, high], [y, y], color=shade, lw=2, solid_capstyle="butt")
    hollow = row["gap"] != "application" and not row["p_holm"] < ALPHA
    axes.plot(middle, y, "o", color=shade, markersize=5.5, mfc=PAPER if hollow else shade, mew=1.4)


def _on_log(axes: "Axes", y: float, row: dict[str, Any]) -> None:
    """Draw a ratio; an interval that reaches zero, or is unbounded, ends in an arrow."""
    if row["estimate"] <= 0:  # has no logarithm; the table tells it
        return
    clipped = row | {"ci_low": max(row["ci_low"], LEAST_RATIO)}
    if math.isinf(row["ci_high"]):
        clipped["ci_high"] = 10.0
    _across(axes, y, clipped, 1)
    if row["ci_low"] < LEAST_RATIO:
        axes.plot(LEAST_RATIO, y, "<", color=COLOURS[row["gap"]], markersize=5, clip_on=False)
    if math.isinf(row["ci_high"]):
        axes.plot(10.0, y, ">", color=COLOURS[row["gap"]], markersize=5, clip_on=False)
