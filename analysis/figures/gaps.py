"""Stacked capacity gaps: where a success rate comes from, capacity by capacity."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.figures.marks import plain, signed
from analysis.figures.style import (
    PAGE,
    SIZES,
    Drawn,
    bare,
    canvas,
    folded,
    footnote,
    named,
    styled,
)
from analysis.figures.theme import BLACK, COLOURS, SPARE, WHITE, colour, readable, theme
from analysis.layout import ALL
from analysis.study import Study, records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 0.84  # of a bar, in rows
CHARACTER = 1.15  # of a bar's number, at its usual size. Unit: percent of the axis


def stack_steps(study: Study, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the segments of each model's stack, in the factors' order; no rows if not estimable.

    Columns: model, part, start, end, ci_low, ci_high, method (of the boundary at ``end``).
    """
    layout = study.layout
    k = len(layout.factors)
    codes = ["1" * on + "0" * (k - on) for on in range(k + 1)]
    parts = ["baseline", *(study.capacities[factor] for factor in layout.factors)]
    rows = []
    frame = frame[frame["estimand"].str.startswith("cell:")]
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
        row = {"model": model, "part": part, "start": start, "end": end}
        rows.append(row | limits | {"method": str(cell["method"])})
        start = end
    return rows


@styled
def capacity_bars(steps: pd.DataFrame, note: str, rest: str = "residual") -> Drawn:
    """Draw stacked capacity-gap bars, one per model, with an interval at every boundary.

    Where an intervention made things worse a stack would hide it: then each step of each model has
    a lane of its own, a loss hatched.

    Args:
        steps: model, part, start, end, ci_low, ci_high.
        note: the order, the target, n and the kind of interval.
        rest: what the part above the last boundary is called.
    """
    from matplotlib.patches import Patch

    models = list(dict.fromkeys(steps["model"]))
    parts = list(dict.fromkeys(steps["part"]))
    colours = _palette(parts)
    losses = bool((steps["end"] < steps["start"]).any())
    row_height = 0.17 * (len(parts) + 1) if losses else 0.52
    lines = 1 + (len(parts) + 2 > 7)
    height = 0.95 + 0.2 * lines + row_height * len(models) + (0.15 if len(models) == 1 else 0)
    figure, ((axes,),) = canvas(PAGE, height)
    for row, model in enumerate(models):
        own = records(steps[steps["model"] == model])
        (_lanes if losses else _stack)(axes, row, own, colours)
    axes.set_yticks(range(len(models)), [folded(named(model), 25) for model in models])
    axes.tick_params(axis="y", labelsize=SIZES["note"])
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("success rate, %")
    bare(axes, "left")
    handles = [Patch(facecolor=colours[part], label=part) for part in parts]
    label = rest if rest == "residual" else f"{rest} (residual)"
    handles.append(Patch(facecolor=theme().residual, label=label))
    if losses:
        handles.append(
            Patch(facecolor=theme().paper, edgecolor=theme().quiet, hatch="////", label="a loss")
        )
    figure.legend(
        handles=handles, loc="outside upper left", ncols=-(-len(handles) // lines),
        columnspacing=1.2, handlelength=1.2, handletextpad=0.5, borderpad=0.2,
    )  # fmt: skip
    footnote(figure, note)
    return Drawn(figure, steps)


def _palette(parts: list[str]) -> dict[str, str]:
    """Return each part's colour: a capacity's own, or one of those that are to spare."""
    spare = iter(SPARE * len(parts))
    known = {part: part in COLOURS or part.split(" + ")[0] in COLOURS for part in parts}
    return {part: colour(part) if known[part] else next(spare) for part in parts}


def _stack(axes: "Axes", row: int, steps: list[dict[str, Any]], colours: dict[str, str]) -> None:
    """Draw one stack: figures in its upper part, whiskers below, staggered to stay apart."""
    ends = [0.0, *(100 * float(step["end"]) for step in steps), 100.0]
    shades = [*(colours[step["part"]] for step in steps), theme().residual]
    for start, end, shade in zip(ends, ends[1:], shades, strict=False):
        axes.barh(row, end - start, left=start, height=HEIGHT, color=shade)
        _inside(axes, (start, end), row - 0.22, shade)
    for step, y in zip(steps, np.linspace(0.02, 0.33, len(steps)), strict=True):
        _whisker(axes, step, row + y)


def _inside(axes: "Axes", span: tuple[float, float], y: float, shade: str) -> None:
    """Write a segment's size into it, where it is wide enough."""
    start, end = span
    text = f"{end - start:.1f}"
    for size in (SIZES["text"], SIZES["small"]):
        if end - start < CHARACTER * size / SIZES["text"] * len(text):
            continue
        own = theme()
        axes.text(
            (start + end) / 2, y, text, ha="center", va="center", fontsize=size,
            color=own.ink if shade == own.residual else readable(shade),
        )  # fmt: skip
        return


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
                y, width, left=left, height=lane, facecolor=theme().paper, edgecolor=shade,
                hatch="////", linewidth=0.0,
            )  # fmt: skip
        _whisker(axes, step, y)
        _beside(axes, y, step, signed if number else plain)
    top, y = 100 * float(steps[-1]["end"]), row + HEIGHT / 2 - lane / 2
    axes.barh(y, 100 - top, left=top, height=lane, color=theme().residual)
    _inside(axes, (top, 100.0), y, theme().residual)


def _beside(axes: "Axes", y: float, step: dict[str, Any], written: Callable[[float], str]) -> None:
    """Write a lane's size right of it, or left of it where the right has no room."""
    edges = [100 * float(step[name]) for name in ("start", "end", "ci_low", "ci_high")]
    left, right = float(np.nanmin(edges)), float(np.nanmax(edges))
    text = written(100 * (float(step["end"]) - float(step["start"])))
    fits = right + 1 + CHARACTER * len(text) <= 100
    axes.text(
        right + 1 if fits else left - 1, y, text, va="center", ha="left" if fits else "right",
        fontsize=SIZES["small"],
    )  # fmt: skip


def _whisker(axes: "Axes", step: dict[str, Any], y: float) -> None:
    low, middle, high = (100 * float(step[name]) for name in ("ci_low", "end", "ci_high"))
    if np.isfinite(low):
        axes.plot([low, high], [y, y], color=WHITE, lw=2.4, clip_on=False)
        axes.plot([low, high], [y, y], color=BLACK, lw=1.0, clip_on=False)
    axes.plot(
        middle, y, "o", color=BLACK, markersize=3, markeredgecolor=WHITE, mew=0.5, clip_on=False
    )
