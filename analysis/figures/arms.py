"""Figures of a factor's arms: the dose-response, and the effect beside that of a sham.

A study without further doses or without a sham has no such figure. Both are about new tasks.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis import arms
from analysis.estimands import CATALOGUE, Contrast
from analysis.estimates import Finding, evaluate
from analysis.figures.style import COLOURS, Drawn, footnote, slug
from analysis.study import Study, records
from analysis.uncertainty import Uncertainty

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HOW = Uncertainty("new")
OTHER = "#333333"  # of a capacity without a colour of its own
COMPARED = {  # kind of estimand -> what it is called, its marker
    "ame_dose": ("against nothing", "o"),
    "sham": ("its sham against nothing", "s"),
    "placebo": ("against its sham", "D"),
}


def of_study(study: Study) -> dict[str, Drawn]:
    """Return the figures of the study's doses and shams, by file name; one per model."""
    layout, drawn = study.layout, {}
    several = len(study.models) > 1
    for model in study.models:
        suffix = f"_{slug(model)}" if several else ""
        of_doses, of_shams = dose_frame(study, model), placebo_frame(study, model)
        tasks = f"target new tasks (t over {len(layout.tasks)} tasks)"
        if not of_doses.empty:
            note = (
                f"95 % interval of each success rate and slope, {tasks}; "
                f"{_runs(of_doses, 'point')}. Line: least squares. ? is the digit that varies."
            )
            drawn[f"dose_response{suffix}"] = dose_response(of_doses, model, note)
        if not of_shams.empty:
            note = (
                f"95 % interval of each difference, {tasks}; n: episodes of both arms. ? is the "
                "digit that differs. A sham: form and length of the intervention, true content "
                "that does not bear on the task."
            )
            drawn[f"placebo{suffix}"] = placebo_forest(of_shams, model, note)
    return drawn


def _runs(frame: pd.DataFrame, each: str) -> str:
    low, high = int(frame["n"].min()), int(frame["n"].max())
    count = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"n = {count} episodes per {each}"


def dose_frame(study: Study, model: str) -> pd.DataFrame:
    """Return success by dose for every factor with doses that the data can compare.

    Columns: factor, capacity, dose, estimate, ci_low, ci_high, n, where, slope, slope_low,
    slope_high. No rows without further doses.
    """
    layout, place = study.layout, study.place(model, HOW)
    rows: list[dict[str, object]] = []
    for index, factor in enumerate(layout.factors):
        if not arms.has_doses(layout, index):
            continue
        doses = layout.doses(index)
        within = arms.settings(layout, index, doses)
        weighed = [*({dose: 1.0} for dose in doses), arms.slope(doses)]
        specs = [Contrast("", arms.weights(layout, index, one, within)) for one in weighed]
        spans = [*([(0.0, 1.0)] * len(doses)), (-1.0, 1.0)]
        *points, steep = found = evaluate(place, specs, spans)
        if any(one.status for one in found):
            continue
        shared = {"factor": factor, "capacity": study.capacities[factor]}
        shared |= {"where": arms.told(layout, within)}
        slope = {"slope": steep.estimate, "slope_low": steep.ci_low, "slope_high": steep.ci_high}
        rows += [
            shared | {"dose": dose} | _limits(point) | slope
            for dose, point in zip(doses, points, strict=True)
        ]
    return pd.DataFrame(rows)


def placebo_frame(study: Study, model: str) -> pd.DataFrame:
    """Return each factor's effect against nothing, its sham's, and its effect against the sham.

    Columns: factor, capacity, compared, estimate, ci_low, ci_high, n, where. A comparison that is
    not estimable has no row; no rows without a sham.
    """
    layout = study.layout
    entries = [CATALOGUE[kind] for kind in ("ame_dose", "sham", "placebo", "placebo_cell")]
    specs = {spec.name: spec for entry in entries for spec in entry.specs(layout)}
    found = evaluate(study.place(model, HOW), list(specs.values()), [(-1.0, 1.0)] * len(specs))
    by_name = dict(zip(specs, found, strict=True))
    rows: list[dict[str, object]] = []
    for index, factor in enumerate(layout.factors):
        shared = {"factor": factor, "capacity": study.capacities[factor]}
        for within, names in arms.compared(layout, index).items():
            where = {"where": arms.label(layout, within)}
            for kind, (compared, _) in COMPARED.items():
                one = by_name.get(names.get(kind, ""))
                if one is not None and not one.status:
                    rows.append(shared | {"compared": compared} | where | _limits(one))
    return pd.DataFrame(rows)


def _limits(found: Finding) -> dict[str, object]:
    limits: dict[str, object] = {
        "estimate": found.estimate,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
    }
    return limits | {"n": found.n_episodes}


def dose_response(frame: pd.DataFrame, model: str, note: str) -> Drawn:
    """Draw success by dose, a panel per factor: points with intervals, the line is the slope.

    Args:
        frame: of ``dose_frame``.
        model: whose rates they are.
        note: target, n and the kind of interval.
    """
    from matplotlib.figure import Figure

    factors = list(dict.fromkeys(frame["factor"]))
    figure = Figure(figsize=(max(5.0, 2.9 * len(factors)), 3.9), layout="constrained")
    panels = figure.subplots(1, len(factors), sharey=True, squeeze=False)[0]
    for axes, factor in zip(panels, factors, strict=True):
        _dose_panel(axes, factor, records(frame[frame["factor"] == factor]))
    panels[0].set_ylabel("success rate, %")
    panels[0].set_ylim(bottom=0)
    _title(figure, f"{model}: success by dose")
    footnote(figure, note)
    return Drawn(figure, frame)


def _dose_panel(axes: "Axes", factor: str, points: list[dict[str, Any]]) -> None:
    colour = COLOURS.get(points[0]["capacity"], OTHER)
    doses = np.array([point["dose"] for point in points], dtype=np.float64)
    rates = np.array([100 * point["estimate"] for point in points])
    slope, low, high = (100 * points[0][name] for name in ("slope", "slope_low", "slope_high"))
    # A least-squares line goes through the means.
    axes.plot(doses, rates.mean() + slope * (doses - doses.mean()), color=colour, lw=1.2)
    for dose, rate, point in zip(doses, rates, points, strict=True):
        axes.plot([dose, dose], [100 * point["ci_low"], 100 * point["ci_high"]], color=colour, lw=2)
        axes.plot(dose, rate, "o", color=colour, markersize=7, markeredgecolor="white")
    limits = "no interval" if np.isnan(low) else f"{low:.1f}, {high:.1f}"
    axes.set_title(f"{factor}\n{slope:+.1f} pp per step [{limits}]", fontsize=9, color="#111111")
    axes.set_xlabel(f"dose ({points[0]['where']})", fontsize=8)
    axes.set_xticks(doses, [f"{dose:.0f}" for dose in doses])
    axes.set_xlim(doses[0] - 0.4, doses[-1] + 0.4)
    axes.spines[["top", "right"]].set_visible(False)


def placebo_forest(frame: pd.DataFrame, model: str, note: str) -> Drawn:
    """Draw effects against nothing and against the sham around a line at zero.

    Args:
        frame: of ``placebo_frame``.
        model: whose effects they are.
        note: target, n and the kind of interval.
    """
    from matplotlib.figure import Figure

    markers = dict(COMPARED.values())
    rows = records(frame)
    factors = list(dict.fromkeys(frame["factor"]))
    places, labels = [], []
    figure = Figure(figsize=(9, 1.6 + 0.34 * (len(rows) + len(factors))), layout="constrained")
    axes = figure.add_subplot()
    axes.axvline(0, color="#888888", lw=1)
    y = 0.0
    for factor in factors:
        axes.text(
            -0.01, y, factor, transform=axes.get_yaxis_transform(), fontsize=9, fontweight="bold",
            ha="right", va="center",
        )  # fmt: skip
        for row in (row for row in rows if row["factor"] == factor):
            y += 1
            _effect(axes, y, row, markers[row["compared"]])
            places.append(y)
            labels.append(f"{row['compared']}, at {row['where']}")
        y += 1
    axes.set_yticks(places, labels, fontsize=8.5)
    axes.set_ylim(y - 0.4, -0.6)
    axes.margins(x=0.08)
    axes.set_xlabel("difference in success rate, percentage points")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _title(figure, f"{model}: what the content does beyond its form and length")
    footnote(figure, note)
    return Drawn(figure, frame)


def _effect(axes: "Axes", y: float, row: dict[str, Any], marker: str) -> None:
    colour = COLOURS.get(row["capacity"], OTHER)
    low, middle, high = (100 * float(row[name]) for name in ("ci_low", "estimate", "ci_high"))
    hollow = row["compared"] == COMPARED["sham"][0]
    axes.plot([low, high], [y, y], color=colour, lw=2)
    axes.plot(
        middle, y, marker, color=colour, markerfacecolor="white" if hollow else colour,
        markersize=7, markeredgewidth=1.5,
    )  # fmt: skip
    limits = "no interval" if np.isnan(low) else f"{low:.1f}, {high:.1f}"
    said = f"{middle:+.1f} [{limits}], n = {row['n']:,}"
    beside = axes.get_yaxis_transform()
    axes.text(1.01, y, said, transform=beside, fontsize=8.5, va="center", clip_on=False)


def _title(figure: "Figure", text: str) -> None:
    figure.suptitle(text, fontsize=11, x=0.01, ha="left")
