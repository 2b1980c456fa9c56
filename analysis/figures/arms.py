"""Figures of a factor's arms: the dose-response, and the effect beside that of a sham.

A study without further doses or without a sham has no such figure.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis import arms
from analysis.estimands import Contrast
from analysis.estimates import evaluate
from analysis.figures.marks import across, limits, percent, zero
from analysis.figures.notes import observed, target
from analysis.figures.style import (
    PAGE,
    SIZES,
    Drawn,
    bare,
    canvas,
    footnote,
    named,
    styled,
    title,
)
from analysis.figures.theme import colour, theme
from analysis.results import Estimates
from analysis.study import records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COMPARED = {  # kind of estimand -> what it is called, its marker
    "ame_dose": ("against nothing", "o"),
    "sham": ("its sham against nothing", "s"),
    "placebo": ("against its sham", "D"),
}
LIMITS = ("estimate", "ci_low", "ci_high")


def dose_note(estimates: Estimates, model: str, frame: pd.DataFrame) -> str:
    """Return what the dose-response must say of itself."""
    low, high = int(frame["n"].min()), int(frame["n"].max())
    each = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return (
        f"95 % interval of each success rate and slope; {target(estimates)}; {each} episodes per "
        f"point; {observed(estimates.study, model)}. Line: least squares. ? is the digit that "
        "varies."
    )


def placebo_note(estimates: Estimates, model: str) -> str:
    """Return what the effects beside the shams' must say of themselves."""
    return (
        f"95 % interval of each difference; {target(estimates)}; "
        f"{observed(estimates.study, model)}; n in a line: episodes of both arms. ? is the digit "
        "that differs. A sham: form and length of the intervention, true content that does not "
        "bear on the task."
    )


def dose_frame(estimates: Estimates, model: str) -> pd.DataFrame:
    """Return success by dose for every factor with doses that the data can compare.

    Columns: factor, capacity, dose, estimate, ci_low, ci_high, n, where, slope, slope_low,
    slope_high. No rows without further doses.
    """
    study = estimates.study
    layout, own = study.layout, estimates.rows[model]
    rows: list[dict[str, object]] = []
    for index, factor in enumerate(layout.factors):
        if not arms.has_doses(layout, index):
            continue
        doses = layout.doses(index)
        within = arms.settings(layout, index, doses)
        # A dose's rate over several settings is no estimand of the catalogue; its slope is.
        specs = [Contrast("", arms.weights(layout, index, {dose: 1.0}, within)) for dose in doses]
        place = study.place(model, estimates.uncertainty)
        points = evaluate(place, specs, [(0.0, 1.0)] * len(doses))
        steep = own[f"dose:{factor}"]
        if steep["status"] or any(one.status for one in points):
            continue
        shared = {"factor": factor, "capacity": study.capacities[factor]}
        shared |= {"where": arms.told(layout, within)}
        names = ("slope", "slope_low", "slope_high")
        slope = dict(zip(names, (steep[column] for column in LIMITS), strict=True))
        rows += [
            shared
            | {"dose": dose, "estimate": one.estimate, "ci_low": one.ci_low}
            | {"ci_high": one.ci_high, "n": one.n_episodes}
            | slope
            for dose, one in zip(doses, points, strict=True)
        ]
    return pd.DataFrame(rows)


def placebo_frame(estimates: Estimates, model: str) -> pd.DataFrame:
    """Return each factor's effect against nothing, its sham's, and its effect against the sham.

    Columns: factor, capacity, compared, estimate, ci_low, ci_high, n, where. A comparison that is
    not estimable has no row; no rows without a sham.
    """
    layout = estimates.study.layout
    own = estimates.rows[model]
    rows: list[dict[str, object]] = []
    for index, factor in enumerate(layout.factors):
        shared = {"factor": factor, "capacity": estimates.study.capacities[factor]}
        for within, names in arms.compared(layout, index).items():
            where = {"where": arms.label(layout, within)}
            for kind, (compared, _) in COMPARED.items():
                one = own.get(names.get(kind, ""))
                if one is not None and not one["status"]:
                    values = {name: one[name] for name in LIMITS} | {"n": one["n_episodes"]}
                    rows.append(shared | {"compared": compared} | where | values)
    return pd.DataFrame(rows)


@styled
def dose_response(frame: pd.DataFrame, model: str, note: str) -> Drawn:
    """Draw success by dose, a panel per factor: points with intervals, the line is the slope.

    Args:
        frame: of ``dose_frame``.
        model: whose rates they are.
        note: target, n and the kind of interval.
    """
    factors = list(dict.fromkeys(frame["factor"]))
    width = min(PAGE, max(4.2, 2.4 * len(factors)))
    figure, panels = canvas(width, 3.4, 1, len(factors), sharey=True)
    for axes, factor in zip(panels[0], factors, strict=True):
        _dose_panel(axes, factor, records(frame[frame["factor"] == factor]))
    panels[0][0].set_ylabel("success rate, %")
    panels[0][0].set_ylim(0, max(5.0, min(100.0, 105 * float(frame["ci_high"].max()))))
    title(figure, f"{named(model)}: success by dose")
    footnote(figure, note)
    return Drawn(figure, frame)


def _dose_panel(axes: "Axes", factor: str, points: list[dict[str, Any]]) -> None:
    shade, own = colour(points[0]["capacity"]), theme()
    doses = np.array([point["dose"] for point in points], dtype=np.float64)
    rates = np.array([percent(point["estimate"]) for point in points])
    slope, low, high = (percent(points[0][name]) for name in ("slope", "slope_low", "slope_high"))
    # A least-squares line goes through the means.
    axes.plot(doses, rates.mean() + slope * (doses - doses.mean()), color=shade, lw=1.2)
    for dose, rate, point in zip(doses, rates, points, strict=True):
        ends = [percent(point["ci_low"]), percent(point["ci_high"])]
        axes.plot([dose, dose], ends, color=own.ink, lw=1.3)
        axes.plot(dose, rate, "o", color=shade, markersize=6, markeredgecolor=own.ink, mew=0.7)
    axes.set_title(f"{factor}\n{limits(low, slope, high)} pp per step")
    axes.set_xlabel(f"dose ({points[0]['where']})", fontsize=SIZES["text"])
    axes.set_xticks(doses, [f"{dose:.0f}" for dose in doses])
    axes.set_xlim(doses[0] - 0.4, doses[-1] + 0.4)


@styled
def placebo_forest(frame: pd.DataFrame, model: str, note: str) -> Drawn:
    """Draw effects against nothing and against the sham around a line at zero.

    Args:
        frame: of ``placebo_frame``.
        model: whose effects they are.
        note: target, n and the kind of interval.
    """
    markers = dict(COMPARED.values())
    rows = records(frame)
    factors = list(dict.fromkeys(frame["factor"]))
    places, labels = [], []
    figure, ((axes,),) = canvas(PAGE, 1.35 + 0.23 * (len(rows) + len(factors)))
    zero(axes)
    y = 0.0
    for factor in factors:
        axes.text(
            -0.015, y, factor, transform=axes.get_yaxis_transform(), fontsize=SIZES["text"],
            fontweight="bold", ha="right", va="center",
        )  # fmt: skip
        for row in (row for row in rows if row["factor"] == factor):
            y += 1
            hollow = row["compared"] == COMPARED["sham"][0]
            across(axes, y, row, marker=markers[row["compared"]], hollow=hollow)
            said = limits(*(percent(row[name]) for name in ("ci_low", "estimate", "ci_high")))
            axes.text(
                1.01, y, f"{said}, n = {row['n']:,}", transform=axes.get_yaxis_transform(),
                fontsize=SIZES["text"], va="center_baseline", clip_on=False,
            )  # fmt: skip
            places.append(y)
            labels.append(f"{row['compared']}, at {row['where']}")
        y += 1
    axes.set_yticks(places, labels)
    axes.set_ylim(y - 0.4, -0.6)
    axes.margins(x=0.06)
    axes.set_xlabel("difference in success rate, percentage points")
    bare(axes, "left")
    title(figure, f"{named(model)}: what the content does beyond its form and length")
    footnote(figure, note)
    return Drawn(figure, frame)
