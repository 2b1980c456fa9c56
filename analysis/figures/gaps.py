"""Stacked capacity gaps: where a success rate comes from, capacity by capacity."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.figures.style import COLOURS, SPARE, Drawn, footnote, readable
from analysis.layout import ALL
from analysis.study import Study, records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 0.84  # of a bar, in rows


def stack_steps(study: Study, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the segments of each model's stack, in the factors' order; no rows if not estimable.

    Columns: model, part, start, end, ci_low, ci_high (of the boundary at ``end``).
    """
    layout = study.layout
    k = len(layout.factors)
    codes = ["1" * on + "0" * (k - on) for on in range(k + 1)]
    parts = ["baseline", *(study.capacities[factor] for factor in layout.factors)]
    rows = []
    for model in [*study.models, *([ALL] if len(study.models) > 1 else [])]:
        own = by_name(frame, model)
        cells = [own[f"cell:{code}"] for code in codes]
        if all(np.isfinite(cell["estimate"]) for cell in cells):
            rows += steps_of(model, list(zip(parts, cells, strict=True)))
    return pd.DataFrame(rows)


def by_name(frame: pd.DataFrame, model: str) -> dict[str, dict[str, Any]]:
    """Return one model's rows of the estimates, by estimand."""
    return {str(row["estimand"]): row for row in records(frame[frame["model"] == model])}


def steps_of(model: str, parts: list[tuple[str, dict[str, Any]]]) -> list[dict[str, object]]:
    """Return the segments of one model's stack from the cells at their ends."""
    rows: list[dict[str, object]] = []
    start = 0.0
    for part, cell in parts:
        end = float(cell["estimate"])
        limits = {"ci_low": float(cell["ci_low"]), "ci_high": float(cell["ci_high"])}
        rows.append({"model": model, "part": part, "start": start, "end": end} | limits)
        start = end
    return rows


def capacity_bars(steps: pd.DataFrame, note: str, rest: str = "residual") -> Drawn:
    """Draw stacked capacity-gap bars, one per model, with an interval at every boundary.

    Where an intervention made things worse a stack would hide it: then each step of each model has
    a lane of its own, a loss hatched.

    Args:
        steps: model, part, start, end, ci_low, ci_high.
        note: the order, the target, n and the kind of interval.
        rest: what the part above the last boundary is called.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    models = list(dict.fromkeys(steps["model"]))
    parts = list(dict.fromkeys(steps["part"]))
    spare = iter(SPARE)
    colours = {part: COLOURS.get(part) or next(spare) for part in parts}
    losses = bool((steps["end"] < steps["start"]).any())
    height = 1.3 + (1.3 if losses else 0.62) * len(models) + 0.3
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.add_subplot()
    for row, model in enumerate(models):
        own = records(steps[steps["model"] == model])
        (_lanes if losses else _stack)(axes, row, own, colours)
    axes.set_yticks(range(len(models)), models)
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("success rate, %")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    handles = [Patch(color=colours[part], label=part) for part in parts]
    label = rest if rest == "residual" else f"{rest} (residual)"
    handles.append(Patch(color=COLOURS["residual"], label=label))
    if losses:
        handles.append(Patch(facecolor="white", edgecolor="#333333", hatch="////", label="a loss"))
    figure.legend(
        handles=handles, loc="outside upper left", ncols=len(handles), frameon=False,
        fontsize=9, columnspacing=1.4, handlelength=1.4,
    )  # fmt: skip
    footnote(figure, note)
    return Drawn(figure, steps)


def _stack(axes: "Axes", row: int, steps: list[dict[str, Any]], colours: dict[str, str]) -> None:
    """Draw one stack: figures in its upper part, whiskers below, staggered to stay apart."""
    ends = [0.0, *(100 * float(step["end"]) for step in steps), 100.0]
    shades = [*(colours[step["part"]] for step in steps), COLOURS["residual"]]
    for start, end, shade in zip(ends, ends[1:], shades, strict=False):
        axes.barh(row, end - start, left=start, height=HEIGHT, color=shade)
        if end - start >= 4.5:
            axes.text(
                (start + end) / 2, row - 0.22, f"{end - start:.1f}", ha="center", va="center",
                fontsize=8.5, color=readable(shade),
            )  # fmt: skip
    for step, y in zip(steps, np.linspace(0.0, 0.33, len(steps)), strict=True):
        _whisker(axes, step, row + y)


def _lanes(axes: "Axes", row: int, steps: list[dict[str, Any]], colours: dict[str, str]) -> None:
    """Draw one model's steps below each other, each from where the last one ended."""
    lane = HEIGHT / (len(steps) + 1)
    for number, step in enumerate(steps):
        y = row - HEIGHT / 2 + (number + 0.5) * lane
        start, end = 100 * float(step["start"]), 100 * float(step["end"])
        left, width, shade = min(start, end), abs(end - start), colours[step["part"]]
        if end >= start:
            axes.barh(y, width, left=left, height=lane, color=shade)
        else:
            axes.barh(
                y, width, left=left, height=lane, facecolor="white", edgecolor=shade, hatch="////",
                linewidth=0.0,
            )  # fmt: skip
        _whisker(axes, step, y)
        right = float(np.nanmax([start, end, 100 * float(step["ci_high"])]))
        sign = "" if number == 0 else "+"
        axes.text(min(right + 1, 94), y, f"{end - start:{sign}.1f}", va="center", fontsize=8.5)
    top, y = 100 * float(steps[-1]["end"]), row + HEIGHT / 2 - lane / 2
    axes.barh(y, 100 - top, left=top, height=lane, color=COLOURS["residual"])
    axes.text((top + 100) / 2, y, f"{100 - top:.1f}", ha="center", va="center", fontsize=8.5)


def _whisker(axes: "Axes", step: dict[str, Any], y: float) -> None:
    low, middle, high = (100 * float(step[name]) for name in ("ci_low", "end", "ci_high"))
    if np.isfinite(low):
        axes.plot([low, high], [y, y], color="white", lw=2.6, solid_capstyle="butt")
        axes.plot([low, high], [y, y], color="#111111", lw=1.1, solid_capstyle="butt")
    axes.plot(middle, y, "o", color="#111111", markersize=3, markeredgecolor="white", mew=0.5)
