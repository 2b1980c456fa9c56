"""Figures: each function takes a frame and returns the figure with the frame it plotted.

Every figure names its target, its n and its interval. Colours are Okabe and Ito's, told apart with
any colour vision. matplotlib is imported when a figure is drawn, without a display.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis import intervals
from analysis.layout import ALL, SHAM, Layout
from analysis.published import CODES, Published
from analysis.published import estimates as published_estimates
from analysis.study import Study, records

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    "baseline": "#56616b",
    "identification": "#0072B2",
    "discovery": "#E69F00",
    "consolidation": "#CC79A7",
    "application": "#009E73",
    "residual": "#dcdfe2",
}
SPARE = ("#56B4E9", "#D55E00", "#F0E442", "#000000")  # capacities beyond the four
DPI = 160
HEIGHT = 0.84  # of a bar, in rows


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure and what it shows."""

    figure: "Figure"
    frame: pd.DataFrame


def save(drawn: Drawn, stem: Path) -> list[Path]:
    """Write ``stem``.png and ``stem``.svg; equal figures give equal bytes."""
    import matplotlib as mpl

    png, svg = stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".svg")
    drawn.figure.savefig(png, dpi=DPI, metadata={"Software": None})
    with mpl.rc_context({"svg.hashsalt": "scicrafter-diagnose"}):
        drawn.figure.savefig(svg, metadata={"Date": None, "Creator": None})
    return [png, svg]


def of_study(study: Study) -> dict[str, Drawn]:
    """Return a study's figures by file name: the capacity gaps, and a heat map per model."""
    drawn = {}
    frame = study.estimates("new")
    steps = stack_steps(study, frame)
    order = " > ".join(study.layout.factors)
    seen = int(study.episodes["success"].notna().sum())
    if not steps.empty:
        note = (
            f"Order: {order}. Whiskers: 95 % interval of the success rate at each boundary, "
            f"target new tasks (a sample of {len(study.layout.tasks)}); n = {seen:,} episodes."
        )
        drawn["capacity_gaps"] = capacity_bars(steps, note)
    counts = level_counts(study)
    for model in study.models:
        own = counts[counts["model"] == model]
        if own.empty:  # nothing was observed
            continue
        name = "levels" if len(study.models) == 1 else f"levels_{slug(model)}"
        drawn[name] = level_heatmap(own, f"{model}: success by level and condition")
    return drawn


def of_published(published: Published) -> dict[str, Drawn]:
    """Return the figures of the published tables by file name."""
    frame = published_estimates(published)
    parts = (
        ("baseline", "cell:0000"),
        ("identification", "cell:1000"),
        ("discovery", "cell:1110"),
    )
    rows = []
    for model in published.models:
        own = _by_name(frame, model)
        rows += _steps(model, [(part, own[name]) for part, name in parts])
    note = (
        "Order: gap_hints, then experiment_oracles with knowledge_notes. Whiskers: 95 % Wilson "
        "interval of the success rate at each boundary, target these 25 tasks, independent runs; "
        "n = 200 episodes per model and boundary. Source: SciCrafter, table 2."
    )
    drawn = {"published_capacity_gaps": capacity_bars(pd.DataFrame(rows), note, "application")}
    named = {code: name.replace("_", " + ") for name, code in CODES.items()}
    for model, levels in published.levels.items():
        counts = pd.DataFrame(
            {
                "model": model,
                "level": level,
                "condition": f"{named[code]} ({code})",
                "successes": count.successes,
                "n": count.n,
            }
            for level, cells in levels.items()
            for code, count in cells.items()
        )
        name = f"published_levels_{slug(model)}"
        title = f"{model}: success by level and condition (published)"
        drawn[name] = level_heatmap(counts, title)
    return drawn


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
        own = _by_name(frame, model)
        cells = [own[f"cell:{code}"] for code in codes]
        if all(np.isfinite(cell["estimate"]) for cell in cells):
            rows += _steps(model, list(zip(parts, cells, strict=True)))
    return pd.DataFrame(rows)


def _by_name(frame: pd.DataFrame, model: str) -> dict[str, dict[str, Any]]:
    return {str(row["estimand"]): row for row in records(frame[frame["model"] == model])}


def _steps(model: str, parts: list[tuple[str, dict[str, Any]]]) -> list[dict[str, object]]:
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
                fontsize=8.5, color=_readable(shade),
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


def _readable(background: str) -> str:
    from matplotlib.colors import to_rgb

    luminance = float(np.dot(to_rgb(background), (0.299, 0.587, 0.114)))
    return "#111111" if luminance > 0.55 else "white"


def footnote(figure: "Figure", text: str) -> None:
    """Write what a figure must say of itself below it: target, n, interval."""
    width = int(figure.get_figwidth() * 15)  # characters of 8 points
    wrapped = "\n".join(textwrap.wrap(text, width))
    figure.supxlabel(wrapped, fontsize=8, color="#444444", x=0.01, ha="left")


def _whisker(axes: "Axes", step: dict[str, Any], y: float) -> None:
    low, middle, high = (100 * float(step[name]) for name in ("ci_low", "end", "ci_high"))
    if np.isfinite(low):
        axes.plot([low, high], [y, y], color="white", lw=2.6, solid_capstyle="butt")
        axes.plot([low, high], [y, y], color="#111111", lw=1.1, solid_capstyle="butt")
    axes.plot(middle, y, "o", color="#111111", markersize=3, markeredgecolor="white", mew=0.5)


def level_counts(study: Study) -> pd.DataFrame:
    """Return successes and observed episodes by model, level and condition.

    Columns: model, level, condition, successes, n.
    """
    table, layout = study.episodes, study.layout
    seen = table[table["success"].notna()]
    code = pd.Series("", index=seen.index)
    for factor in layout.factors:
        code += seen[factor].astype(str)
    names = {code: condition(layout, code) for code in layout.codes}
    grouped = seen.assign(condition=code.map(names)).groupby(["model", "level", "condition"])
    counts = grouped["success"].agg(successes="sum", n="count").reset_index()
    planned = [names[own] for own in layout.codes]
    counts["condition"] = pd.Categorical(counts["condition"], planned, ordered=True)
    counts = counts.sort_values(["model", "level", "condition"])
    counts["condition"] = counts["condition"].astype(str)
    return counts.reset_index(drop=True)


def condition(layout: Layout, code: str) -> str:
    """Return a cell's name, each intervention by its last word: ``1010 hints + notes``.

    A further dose is told, and a sham: ``2900 hints 2 + sham oracles``.
    """
    forms = {"1": "{}", str(SHAM): "sham {}"}
    on = [
        forms.get(digit, f"{{}} {digit}").format(name.split("_")[-1])
        for name, digit in zip(layout.factors, code, strict=True)
        if digit != "0"
    ]
    if not on:
        return f"{code} nothing on"
    return f"{code} {'everything on' if code == layout.full else ' + '.join(on)}"


def level_heatmap(counts: pd.DataFrame, title: str) -> Drawn:
    """Draw success by level and condition, with n and Wilson's interval in each tested cell.

    Args:
        counts: condition, level, successes, n; what is absent was not tested and stays blank.
        title: says whose rates they are.
    """
    from matplotlib.figure import Figure

    frame = counts[counts["n"] > 0].reset_index(drop=True)
    frame["p"] = frame["successes"] / frame["n"]
    low, high = intervals.wilson(frame["p"].to_numpy(np.float64), frame["n"].to_numpy(np.float64))
    frame["ci_low"], frame["ci_high"] = low, high
    conditions, levels = _ordered(frame["condition"]), sorted(set(frame["level"]))
    grid = np.full((len(conditions), len(levels)), np.nan)
    longest = max(map(len, conditions))
    size = (0.4 + 0.082 * longest + 0.95 * len(levels), 1.0 + 0.58 * len(conditions))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    for _, cell in frame.iterrows():
        row, column = conditions.index(cell["condition"]), levels.index(cell["level"])
        grid[row, column] = cell["p"]
        colour = "#111111" if cell["p"] > 0.5 else "white"
        texts = (
            (-0.25, 10.0, f"{100 * cell['p']:.1f} %"),
            (0.08, 7.5, f"{100 * cell['ci_low']:.0f} to {100 * cell['ci_high']:.0f}"),
            (0.32, 7.5, f"n = {cell['n']:.0f}"),
        )
        for offset, points, text in texts:
            axes.text(
                column, row + offset, text, ha="center", va="center", fontsize=points, color=colour
            )
    axes.imshow(grid, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(levels)), [f"L{level}" for level in levels])
    axes.set_yticks(range(len(conditions)), conditions)
    axes.set_xticks(np.arange(len(levels) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(conditions) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    total = int(frame["n"].sum())
    note = (
        f"Target: these tasks, runs taken as independent; 95 % Wilson interval; n = {total:,} "
        "episodes. Blank: not tested."
    )
    footnote(figure, note)
    return Drawn(figure, frame)


def _ordered(names: "pd.Series[str]") -> list[str]:
    """Return conditions in the order given, or by their cell's code where they start with one."""
    unique = list(dict.fromkeys(names))
    return sorted(unique) if all(re.match(r"\d+ ", name) for name in unique) else unique


def slug(name: str) -> str:
    """Return a name fit for a file: ``reference/frontier`` -> ``reference-frontier``."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or "model"
