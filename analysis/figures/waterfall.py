"""The Shapley waterfall: from nothing on to everything on, each intervention's share of the way."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.figures.marks import percent, plain, short, signed
from analysis.figures.style import (
    PAGE,
    SIZES,
    Drawn,
    canvas,
    folded,
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

ENDS = {"start": "nothing on", "end": "everything on"}


def waterfall_frame(estimates: Estimates) -> pd.DataFrame:
    """Return the steps of each model's waterfall; a model without all Shapley values has none.

    Columns: model, part, capacity, start, end, estimate, ci_low, ci_high (of the step, or of the
    rate at either end), order_low, order_high, method.
    """
    study = estimates.study
    layout = study.layout
    rows: list[dict[str, object]] = []
    for model in estimates.models:
        own = estimates.rows[model]
        ends = [own[f"cell:{layout.codes[0]}"], own[f"cell:{layout.full}"]]
        steps = [own[f"shapley:{factor}"] for factor in layout.factors]
        if not all(np.isfinite(float(one["estimate"])) for one in (*ends, *steps)):
            continue
        at = float(ends[0]["estimate"])
        rows.append(_row(model, ENDS["start"], "baseline", (0.0, at), ends[0], ends[0]))
        for factor, one in zip(layout.factors, steps, strict=True):
            span = (at, at + float(one["estimate"]))
            orders = own[f"seq:{factor}"]
            rows.append(_row(model, factor, study.capacities[factor], span, one, orders))
            at = span[1]
        rows.append(_row(model, ENDS["end"], "baseline", (0.0, at), ends[1], ends[1]))
    return pd.DataFrame(rows)


def _row(
    model: str,
    part: str,
    capacity: str,
    span: tuple[float, float],
    found: Mapping[str, Any],
    orders: Mapping[str, Any],
) -> dict[str, object]:
    row = {"model": model, "part": part, "capacity": capacity, "start": span[0], "end": span[1]}
    row |= {name: found[name] for name in ("estimate", "ci_low", "ci_high", "method")}
    return row | {name: orders[name] for name in ("order_low", "order_high")}


def said(estimates: Estimates) -> str:
    """Return how to read the waterfall."""
    orders = math.factorial(len(estimates.study.layout.factors))
    text = "A step is a Shapley value: the mean gain over all orders of switching things on."
    if orders > 1:
        text += (
            f" Thin bracket: from its least to its greatest gain over the {orders} orders, from "
            "where the step begins."
        )
    return text


@styled
def waterfall(frame: pd.DataFrame, heading: str, note: str) -> Drawn:
    """Draw a waterfall per model.

    Args:
        frame: of ``waterfall_frame``.
        heading: whose.
        note: how to read it, target, n, interval and what is missing.
    """
    models = list(dict.fromkeys(frame["model"]))
    columns = min(3, len(models))
    rows = -(-len(models) // columns)
    several = len(models) > 1
    size = (PAGE, 1.3 + 1.75 * rows) if several else (5.4, 3.9)
    figure, grid = canvas(*size, rows, columns, sharex=True, sharey=True)
    flat = [axes for line in grid for axes in line]
    for axes, model in zip(flat, models, strict=False):
        _panel(axes, records(frame[frame["model"] == model]), small=several)
        if several:
            axes.set_title(folded(named(model), 36), fontsize=SIZES["text"])
    for axes in flat[len(models) :]:
        axes.set_visible(False)
    if len(models) % columns:  # panels above the hidden ones have no axis below them
        for axes in flat[len(models) - columns : (rows - 1) * columns]:
            axes.tick_params(labelbottom=True)
    for line in grid:
        line[0].set_ylabel("success rate, %")
    rows_ = records(frame)
    tops = [_top(row, _base(row), orders=True) for row in rows_]
    flat[0].set_ylim(_bottom(rows_), max(100.0, *tops) + (12 if several else 6))
    flat[0].set_yticks([0, 25, 50, 75, 100])
    for axes in flat:
        axes.spines["left"].set_bounds(0, 100)
    title(figure, heading)
    footnote(figure, note)
    return Drawn(figure, frame)


def _base(step: dict[str, Any]) -> float:
    """Return what a step's size is counted from. Unit: percent."""
    return 0.0 if _is_end(step) else percent(step["start"])


def _is_end(step: dict[str, Any]) -> bool:
    return step["part"] in ENDS.values()


def _bottom(steps: list[dict[str, Any]]) -> float:
    """Return the lower end of the axis: 0, or what a loss leads below it."""
    lowest = [
        _base(step) + percent(step[name]) for step in steps for name in ("ci_low", "order_low")
    ]
    least = float(np.nanmin([0.0, *lowest]))
    return least - 4 if least < 0 else 0.0


def _panel(axes: "Axes", steps: list[dict[str, Any]], *, small: bool) -> None:
    own = theme()
    for x, step in enumerate(steps):
        start, end = percent(step["start"]), percent(step["end"])
        shade = colour(step["capacity"])
        loss = end < start
        axes.bar(
            x, end - start, bottom=start, width=0.62, facecolor=own.paper if loss else shade,
            edgecolor=shade, hatch="////" if loss else None, linewidth=0.8 if loss else 0.0,
        )  # fmt: skip
        if x < len(steps) - 1:
            axes.plot([x + 0.31, x + 0.69], [end, end], color=own.line, lw=0.7)
        base = _base(step)
        _intervals(axes, x, step, base)
        _number(axes, x, step, base, small=small)
    ends = {ENDS["start"]: "none", ENDS["end"]: "all"} if small else {}
    names = [
        ends.get(step["part"], step["part"]) if _is_end(step) else short(step["part"])
        for step in steps
    ]
    axes.set_xticks(range(len(steps)), [name.replace(" ", "\n") for name in names])
    axes.tick_params(axis="x", labelsize=6.0 if small else SIZES["text"], length=0)
    axes.set_xlim(-0.5, len(steps) - 0.4)


def _intervals(axes: "Axes", x: int, step: dict[str, Any], base: float) -> None:
    """Draw the interval on the bar and, beside it, the range over the orders as a bracket."""
    own = theme()
    low, high = percent(step["ci_low"]), percent(step["ci_high"])
    axes.plot([x, x], [base + low, base + high], color=own.paper, lw=3.0)
    axes.plot([x, x], [base + low, base + high], color=own.ink, lw=1.3)
    if step["order_low"] < step["order_high"]:
        ends = [base + percent(step["order_low"]), base + percent(step["order_high"])]
        axes.plot(
            [x + 0.36, x + 0.42, x + 0.42, x + 0.36], [ends[0], *ends, ends[1]], color=own.quiet,
            lw=0.8,
        )  # fmt: skip


def _top(step: dict[str, Any], base: float, *, orders: bool) -> float:
    """Return the upper end of what is drawn of a step, with or without its range over orders."""
    tops = [base, percent(step["end"]), base + percent(step["ci_high"])]
    return float(np.nanmax([*tops, base + percent(step["order_high"])] if orders else tops))


def _number(axes: "Axes", x: int, step: dict[str, Any], base: float, *, small: bool) -> None:
    """Write the step's size above it; a small panel has no room for it beside the bracket."""
    written = plain if _is_end(step) else signed
    axes.annotate(
        written(percent(step["estimate"])), (x, _top(step, base, orders=small)), xytext=(0, 2),
        textcoords="offset points", ha="center", va="bottom",
        fontsize=6.5 if small else SIZES["text"],
    )  # fmt: skip
