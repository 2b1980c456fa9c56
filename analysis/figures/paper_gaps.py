"""The published gaps as a forest: every model, every gap, and its ratio to the baseline."""

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.figures.marks import zero
from analysis.figures.style import PAGE, Drawn, bare, canvas, footnote, styled
from analysis.figures.theme import colour, theme
from analysis.layout import ALL
from analysis.published.names import GAPS, RATIOS
from analysis.published.tables import MEAN, of_models
from analysis.published.verdicts import ALPHA
from analysis.study import records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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


@styled
def gap_forest(rows: pd.DataFrame, note: str) -> Drawn:
    """Draw gaps around zero, and their ratios to the baseline on a logarithmic axis around 1.

    Args:
        rows: of ``gap_rows``.
        note: target, n and the kind of interval.
    """
    from matplotlib.lines import Line2D

    models = list(dict.fromkeys(rows["model"]))
    height = 1.5 + 0.5 * len(models)
    figure, panels = canvas(PAGE, height, 1, 2, sharey=True, width_ratios=(1.15, 1))
    left, right = panels[0]
    for number in range(1, len(models), 2):  # a band behind every second model
        for axes in (left, right):
            axes.axhspan(number - 0.5, number + 0.5, color=theme().faint, lw=0, zorder=0)
    for row in records(rows):
        y = models.index(row["model"]) + LANE * (list(GAPS).index(row["gap"]) - 1)
        if row["measure"] == "gap":
            _across(left, y, row, 100)
        else:
            _on_log(right, y, row)
    zero(left)
    zero(right, at=1.0)
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
        bare(axes, "left")
    handles = [Line2D([], [], color=colour(gap), marker="o", lw=2, label=gap) for gap in GAPS]
    handles.append(
        Line2D(
            [],
            [],
            color=theme().ink,
            marker="o",
            lw=0,
            mfc=theme().paper,
            label="does not survive Holm",
        )
    )
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    footnote(figure, note)
    return Drawn(figure, rows)


def _across(axes: "Axes", y: float, row: dict[str, Any], scale: float) -> None:
    shade = colour(row["gap"])
    low, middle, high = (scale * row[name] for name in ("ci_low", "estimate", "ci_high"))
    axes.plot([low, high], [y, y], color=shade, lw=1.6, solid_capstyle="butt")
    hollow = row["gap"] != "application" and not row["p_holm"] < ALPHA
    axes.plot(
        middle, y, "o", color=shade, markersize=4.8, mfc=theme().paper if hollow else shade, mew=1.2
    )


def _on_log(axes: "Axes", y: float, row: dict[str, Any]) -> None:
    """Draw a ratio; an interval that reaches zero, or is unbounded, ends in an arrow."""
    if row["estimate"] <= 0:  # has no logarithm; the table tells it
        return
    clipped = row | {"ci_low": max(row["ci_low"], LEAST_RATIO)}
    if math.isinf(row["ci_high"]):
        clipped["ci_high"] = 10.0
    _across(axes, y, clipped, 1)
    if row["ci_low"] < LEAST_RATIO:
        axes.plot(LEAST_RATIO, y, "<", color=colour(row["gap"]), markersize=5, clip_on=False)
    if math.isinf(row["ci_high"]):
        axes.plot(10.0, y, ">", color=colour(row["gap"]), markersize=5, clip_on=False)
