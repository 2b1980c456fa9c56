"""Estimation plots in the manner of Gardner and Altman: every task's dot, then the mean difference.

An effect is a weighted difference of cells. The cells it adds are one arm, those it subtracts the
other, and both are of the same tasks: the dots are paired by task.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.estimands import CATALOGUE, Contrast
from analysis.figures.marks import headed, leading, limits, percent, short, zero
from analysis.figures.style import (
    COLUMN,
    PAGE,
    SIZES,
    Drawn,
    bare,
    canvas,
    folded,
    footnote,
    named,
    styled,
    title,
)
from analysis.figures.theme import colour, theme
from analysis.layout import ALL, Floats
from analysis.results import Estimates
from analysis.study import records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = {  # the effect drawn, the first that most models have whole; and what its arms are
    "ame": ("average effect", "mean over the settings of the others"),
    "seq": ("gap in sequence", "the cells before and after it in the sequence"),
    "add1": ("effect alone", "nothing on, and it alone"),
}


def estimation_frame(estimates: Estimates) -> pd.DataFrame:
    """Return each task's rates in both arms of each effect; no rows if no effect is estimable.

    Columns: model, kind, factor, capacity, task, level, without, with_, difference, estimate,
    ci_low, ci_high, method. The mean of the differences is the estimate.
    """
    rows: list[dict[str, object]] = []
    layout = estimates.study.layout
    kind = leading(estimates, tuple(KINDS))
    specs = {spec.name: spec for spec in CATALOGUE[kind].specs(layout)}
    for model in estimates.models:
        own = estimates.rows[model]
        for factor in layout.factors:
            found, spec = own[f"{kind}:{factor}"], specs[f"{kind}:{factor}"]
            if found["status"] or not isinstance(spec, Contrast):
                continue
            shared = {"model": model, "kind": kind, "factor": factor}
            shared |= {"capacity": estimates.study.capacities[factor]}
            told = {name: found[name] for name in ("estimate", "ci_low", "ci_high", "method")}
            tasks, without, with_ = _arms(estimates, model, spec)
            rows += [
                shared
                | {"task": layout.tasks[task], "level": layout.levels[task]}
                | {"without": before, "with_": after, "difference": after - before}
                | told
                for task, before, after in zip(
                    tasks.tolist(), without.tolist(), with_.tolist(), strict=True
                )
            ]
    return pd.DataFrame(rows)


def _arms(estimates: Estimates, model: str, spec: Contrast) -> tuple[Any, Floats, Floats]:
    """Return the tasks with data in both arms, and each one's rate without and with."""
    place = estimates.study.place(model, estimates.uncertainty)
    weights = place.weights(spec)
    if weights is None:  # then it is not estimable and was left out
        raise AssertionError(spec.name)
    usable, _ = place.usable(weights, place.tasks(spec))
    p = place.sample.only(usable).p
    return np.flatnonzero(usable), np.maximum(-weights, 0) @ p, np.maximum(weights, 0) @ p


def said(estimates: Estimates, frame: pd.DataFrame) -> str:
    """Return how to read the plot: what a dot is, what is paired, what is resampled."""
    effect, arms = KINDS[str(frame["kind"].iloc[0])]
    counts = frame.groupby(["model", "factor"])["task"].nunique()
    low, high = int(counts.min()), int(counts.max())
    tasks = f"{low}" if low == high else f"{low} to {high}"
    unit = "the task" if estimates.target == "new" else "the run within its task"
    return (
        f"A dot is a task ({tasks} of them), paired with itself; arms: {arms}. With the interval: "
        f"the {effect}, the mean of the paired differences. Resampling unit: {unit}."
    )


@styled
def estimation(frame: pd.DataFrame, heading: str, note: str) -> Drawn:
    """Draw every task in both arms and, below, its difference; several models: differences only.

    Args:
        frame: of ``estimation_frame``.
        heading: whose effects.
        note: what a dot is, target, n, interval and what is missing.
    """
    factors = list(dict.fromkeys(frame["factor"]))
    models = list(dict.fromkeys(frame["model"]))
    if len(models) > 1:
        return _strips(frame, heading, note, (models, factors))
    width = min(PAGE, max(COLUMN, 0.4 + 1.7 * len(factors)))
    figure, grid = canvas(width, 5.2, 2, len(factors), sharey="row", height_ratios=[1.15, 1.0])
    for column, factor in enumerate(factors):
        own = frame[frame["factor"] == factor]
        _paired(grid[0][column], own)
        _differences(grid[1][column], own)
    grid[0][0].set_ylabel("success rate of a task, %")
    grid[0][0].set_ylim(-4, 104)
    grid[1][0].set_ylabel("paired difference, pp")
    title(figure, heading)
    footnote(figure, note)
    return Drawn(figure, frame)


def _paired(axes: "Axes", own: pd.DataFrame) -> None:
    first = own.iloc[0]
    shade, ink = colour(str(first["capacity"])), theme()
    before, after = (100 * own[name].to_numpy(np.float64) for name in ("without", "with_"))
    axes.plot([0, 1], [before, after], color=ink.line, lw=0.6, alpha=0.7)
    axes.plot(np.zeros(len(own)), before, "o", color=ink.quiet, markersize=3, mew=0)
    axes.plot(np.ones(len(own)), after, "o", color=shade, markersize=3, mew=0)
    for x, values in ((-0.17, before), (1.17, after)):
        axes.plot(x, values.mean(), "D", color=ink.ink, markersize=4)
    axes.set_title(headed(first["capacity"], first["factor"]), fontsize=SIZES["text"])
    axes.set_xticks([0, 1], ["without", "with"])
    axes.set_xlim(-0.45, 1.45)


def _differences(axes: "Axes", own: pd.DataFrame) -> None:
    row = own.iloc[0]
    ink = theme()
    values = 100 * own["difference"].to_numpy(np.float64)
    axes.plot(
        _spread(values, 0.05), values, "o", color=colour(str(row["capacity"])), markersize=3.4,
        mew=0,
    )  # fmt: skip
    low, middle, high = (percent(row[name]) for name in ("ci_low", "estimate", "ci_high"))
    axes.plot([0.8, 0.8], [low, high], color=ink.ink, lw=1.6)
    axes.plot(0.8, middle, "o", color=ink.ink, markersize=5.2)
    zero(axes, vertical=False)
    axes.set_xticks([0, 0.8], ["each task", "mean"])
    axes.set_xlim(-0.5, 1.2)
    axes.set_xlabel(limits(low, middle, high), fontsize=SIZES["text"])


def _spread(values: Floats, step: float, width: float = 0.4) -> Floats:
    """Return places beside each other for dots that would lie upon one another; no lot is drawn."""
    span = max(float(np.ptp(values)), 1e-9)
    bins = np.floor((values - values.min()) / span * 24).astype(int)
    places = np.zeros(len(values))
    for own in np.unique(bins):
        members = np.flatnonzero(bins == own)
        apart = min(step, 2 * width / max(len(members) - 1, 1))
        places[members] = (np.arange(len(members)) - (len(members) - 1) / 2) * apart
    return places


def _strips(
    frame: pd.DataFrame, heading: str, note: str, names: tuple[list[str], list[str]]
) -> Drawn:
    """Draw a strip of task differences per model, an interval under each."""
    models, factors = names
    height = 1.45 + 0.42 * len(models)
    figure, ((*panels,),) = canvas(PAGE, height, 1, len(factors), sharey=True, sharex=True)
    for axes, factor in zip(panels, factors, strict=True):
        zero(axes)
        for y, model in enumerate(models):
            own = frame[(frame["factor"] == factor) & (frame["model"] == model)]
            if not own.empty:
                _strip(axes, float(y), own)
        first = frame[frame["factor"] == factor].iloc[0]
        axes.set_title(headed(first["capacity"], factor), fontsize=SIZES["text"])
        if models[-1] == ALL:
            axes.axhline(len(models) - 1.45, color=theme().faint, lw=0.8, zorder=0.4)
        bare(axes, "left")
    panels[0].set_yticks(range(len(models)), [folded(named(model), 22) for model in models])
    panels[0].set_ylim(len(models) - 0.4, -0.6)
    title(figure, heading)
    footnote(figure, note)
    return Drawn(figure, frame)


def _strip(axes: "Axes", y: float, own: pd.DataFrame) -> None:
    row, ink = own.iloc[0], theme()
    values = 100 * own["difference"].to_numpy(np.float64)
    axes.plot(
        values, y - 0.12 + _spread(values, 0.07, 0.2), "o", color=colour(str(row["capacity"])),
        markersize=2.4, mew=0,
    )  # fmt: skip
    low, middle, high = (percent(row[name]) for name in ("ci_low", "estimate", "ci_high"))
    axes.plot([low, high], [y + 0.28] * 2, color=ink.ink, lw=1.3)
    axes.plot(middle, y + 0.28, "o", color=ink.ink, markersize=3.6)


def lacking(estimates: Estimates, frame: pd.DataFrame) -> list[str]:
    """Return the effects that are not in the frame, in words."""
    drawn = {(row["model"], row["factor"]) for row in records(frame)}
    return [
        f"{short(factor)} ({named(model)})" if len(estimates.models) > 1 else short(factor)
        for model in estimates.models
        for factor in estimates.study.layout.factors
        if (model, factor) not in drawn
    ]
