"""Forests: effects around a line at zero, ratios around one on a log axis.

Several models have a row each, and their mean a diamond as wide as its interval; the panels are the
interventions. One model has a panel for each way of asking what an intervention adds: they differ,
and a reader who sees one alone would not know.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.figures.marks import (
    MARKER,
    across,
    diamond,
    headed,
    leading,
    percent,
    short,
    signed,
    zero,
)
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
    title,
)
from analysis.figures.theme import colour, theme
from analysis.layout import ALL
from analysis.results import Estimates
from analysis.study import records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = {  # the fairest that a design allows first
    "shapley": "Shapley value",
    "ame": "average effect",
    "seq": "in sequence",
    "add1": "added first",
    "loo": "added last",
}
RATIOS = {"ratio": "(baseline + gap) / baseline", "mlogor": "odds ratio"}
LEADING = ("shapley", "seq", "add1")
LIMITS = ("ci_low", "estimate", "ci_high")
BOUNDS = ("manski_low", "manski_high")  # where episodes are missing
NOT_ESTIMABLE = "not estimable"
MOST_PANELS = 4  # side by side
CLOSE = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8)  # ticks of a short log axis


def forest_frame(estimates: Estimates) -> pd.DataFrame:
    """Return the rows of the forest; no rows if no effect is estimable.

    Columns: panel, row, model, kind, factor, capacity, estimate, ci_low, ci_high, n, method,
    status, pooled, manski_low, manski_high. A row that is not estimable is there, without numbers.
    """
    kinds = list(KINDS) if len(estimates.study.models) == 1 else [leading(estimates, LEADING)]
    return _rows(estimates, {kind: KINDS[kind] for kind in kinds})


def ratio_frame(estimates: Estimates) -> pd.DataFrame:
    """Return the rows of the forest of ratios: of ``forest_frame``, each number a ratio.

    A gap's ratio to the baseline, r, stands as 1 + r, a log odds ratio as the odds ratio: both are
    1 where there is no effect. A limit may be 0 or infinite.
    """
    several = len(estimates.study.models) > 1
    frame = _rows(estimates, {"ratio": RATIOS["ratio"]} if several else RATIOS)
    for column in (*LIMITS, *BOUNDS) if not frame.empty else ():
        of_gap = frame["kind"] == "ratio"
        own = frame[column].astype(float)
        with np.errstate(over="ignore"):  # an odds ratio may be beyond every float
            frame[column] = np.where(of_gap, np.maximum(1 + own, 0.0), np.exp(own))
    return frame


def _rows(estimates: Estimates, kinds: dict[str, str]) -> pd.DataFrame:
    study = estimates.study
    several = len(study.models) > 1
    rows: list[dict[str, object]] = []
    by_model = {model: estimates.rows[model] for model in estimates.models}
    for kind, asked in kinds.items():
        found = []
        for factor in study.layout.factors:
            for model, own in by_model.items():
                one = own.get(f"{kind}:{factor}")
                if one is None:
                    continue
                capacity = study.capacities[factor]
                panel = headed(capacity, factor) if several else asked
                row: dict[str, object] = {"panel": panel, "row": model if several else factor}
                row |= {"model": model, "pooled": several and model == ALL}
                row |= {"kind": kind, "factor": factor, "capacity": capacity}
                row |= {name: float(one[name]) for name in (*LIMITS, *BOUNDS)}
                row |= {"n": one["n_episodes"]}
                row |= {"method": one["method"], "status": one["status"]}
                found.append(row)
        if any(np.isfinite(float(str(row["estimate"]))) for row in found):
            rows += found
    return pd.DataFrame(rows)


@styled
def forest(frame: pd.DataFrame, heading: str, note: str) -> Drawn:
    """Draw effects around a line at zero.

    Args:
        frame: of ``forest_frame``.
        heading: whose effects, and which.
        note: target, n, interval and what is missing.
    """
    return _forest(frame, heading, note, log=False)


@styled
def ratios(frame: pd.DataFrame, heading: str, note: str) -> Drawn:
    """Draw ratios around a line at one, on a log axis; an arrow goes on beyond the axis.

    Args:
        frame: of ``ratio_frame``.
        heading: whose ratios, and which.
        note: target, n, interval and what is missing.
    """
    return _forest(frame, heading, note, log=True)


def _forest(frame: pd.DataFrame, heading: str, note: str, *, log: bool) -> Drawn:
    panels = list(dict.fromkeys(frame["panel"]))
    names = list(dict.fromkeys(frame["row"]))
    columns = min(len(panels), MOST_PANELS + 1)
    rows = -(-len(panels) // columns)
    several = bool(frame["pooled"].any())
    height = 1.35 + rows * (0.45 + (0.27 if several else 0.36) * len(names))
    figure, grid = canvas(
        PAGE, height, rows, columns, sharey=True, sharex="none" if log else "all"
    )  # fmt: skip
    flat = [axes for line in grid for axes in line]
    span = _span(frame) if log else None
    for axes, panel in zip(flat, panels, strict=False):
        own = records(frame[frame["panel"] == panel])
        if span is not None:
            _log_axis(axes, span)
        zero(axes, at=1.0 if log else 0.0)
        for row in own:
            _draw(axes, float(names.index(row["row"])), row, span)
        axes.set_title(panel, fontsize=SIZES["text"])
        if several:
            axes.axhline(len(names) - 1.5, color=theme().faint, lw=0.8, zorder=0.4)
        bare(axes, "left")
    for axes in flat[len(panels) :]:
        axes.set_visible(False)
    flat[0].set_ylim(len(names) - 0.4, -0.75 if not several else -0.6)
    labels = [named(name) if several else name for name in names]
    for line in grid:
        line[0].set_yticks(range(len(names)), [folded(name, 22) for name in labels])
        line[0].tick_params(axis="y", labelsize=SIZES["text"] if rows == 1 else SIZES["small"])
    if not log:
        flat[0].margins(x=0.08)
        flat[0].locator_params(axis="x", nbins=4 if columns > 2 else 7)
    title(figure, heading)
    footnote(figure, note)
    return Drawn(figure, frame)


def _draw(axes: "Axes", y: float, row: dict[str, Any], span: tuple[float, float] | None) -> None:
    if not np.isfinite(row["estimate"]):
        axes.text(
            0.5, y, NOT_ESTIMABLE, transform=axes.get_yaxis_transform(), fontsize=SIZES["small"],
            style="italic", color=theme().quiet, ha="center", va="center",
            bbox={"facecolor": theme().paper, "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
        return
    if span is not None:
        _ratio(axes, y, row, span)
        return
    _bounds(axes, y, row)
    if row["pooled"]:
        diamond(axes, y, row)
    else:
        across(axes, y, row)
        _over(axes, y, row, percent(row["estimate"]), signed(percent(row["estimate"])))


def _bounds(axes: "Axes", y: float, row: dict[str, Any]) -> None:
    """Draw what missing episodes at their worst and best would make of the estimate."""
    ends = [percent(row[name]) for name in BOUNDS]
    if np.isfinite(ends).all():
        axes.plot(ends, [y + 0.2] * 2, color=theme().quiet, lw=1.0, ls=":")


def _over(axes: "Axes", y: float, row: dict[str, Any], x: float, text: str) -> None:
    """Write an estimate over its mark, where the rows stand far enough apart: of one model."""
    if row["row"] == row["factor"]:
        axes.annotate(
            text, (x, y), xytext=(0, 4.5), textcoords="offset points", ha="center", va="bottom",
            fontsize=SIZES["small"], in_layout=False,
            bbox={"facecolor": theme().paper, "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip


def _span(frame: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the log axis: all estimates, and limits within a factor of four."""
    own = frame[np.isfinite(frame["estimate"]) & (frame["estimate"] > 0)]
    least, most = min(1.0, float(own["estimate"].min())), max(1.0, float(own["estimate"].max()))
    low = float(own["ci_low"].clip(lower=least / 4).min(skipna=True))
    high = float(own["ci_high"].clip(upper=most * 4).max(skipna=True))
    low, high = (least if math.isnan(low) else low), (most if math.isnan(high) else high)
    return min(low, least, 0.8) / 1.1, max(high, most, 1.25) * 1.1


def _log_axis(axes: "Axes", span: tuple[float, float]) -> None:
    """Set a log axis with ticks at powers of two, or closer ones where it is short."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(*span)
    first, last = math.ceil(math.log2(span[0])), math.floor(math.log2(span[1]))
    if last - first < 2:
        ticks = {tick: f"{tick:g}" for tick in CLOSE if span[0] <= tick <= span[1]}
    else:
        step = -(-(last - first + 1) // 5)
        ticks = {2.0**n: _power(n) for n in range(first, last + 1) if n % step == 0}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()


def _power(power: int) -> str:
    return f"{2**power}" if power >= 0 else f"1/{2**-power}"


def _ratio(axes: "Axes", y: float, row: dict[str, Any], span: tuple[float, float]) -> None:
    """Draw a ratio with its interval; arrows where the interval goes on beyond the axis."""
    own = theme()
    low, middle, high = (float(row[name]) for name in LIMITS)
    shown = [min(max(value, span[0]), span[1]) for value in (low, high)]
    if not math.isnan(low):
        axes.plot(shown, [y, y], color=own.ink, lw=1.3)
        for beyond, x, marker in ((low < span[0], shown[0], "<"), (high > span[1], shown[1], ">")):
            if beyond:
                axes.plot(x, y, marker, color=own.ink, markersize=4.5, clip_on=False)
    if middle < span[0]:  # a rate of 0 has no place on a log axis
        axes.plot(span[0], y, "<", color=colour(row["capacity"]), markersize=7, clip_on=False)
        return
    axes.plot(
        middle, y, "D" if row["pooled"] else "o", markersize=MARKER + 1.0 * row["pooled"],
        markerfacecolor=colour(row["capacity"]), markeredgecolor=own.ink, mew=0.7,
    )  # fmt: skip
    _over(axes, y, row, middle, f"{middle:.2f}")


def said(estimates: Estimates, frame: pd.DataFrame) -> str:
    """Return how to read a forest: what the diamond is, or how its panels differ."""
    worst = "Dotted: missing episodes at their worst and best. "
    worst = worst if frame[list(BOUNDS)].notna().any(axis=None) else ""
    if frame["pooled"].any():
        return (
            f"{worst}Diamond: the models averaged within each task, equal weights; as wide as its "
            "interval."
        )
    order = " > ".join(estimates.study.layout.factors)
    texts = {
        "shapley": "Shapley value: mean over all orders.",
        "ame": "Average effect: mean over the settings of the others.",
        "seq": f"In sequence: {order}.",
        "add1": "First: nothing else on.",
        "loo": "Last: all else on.",
    }
    return worst + " ".join(texts[kind] for kind in dict.fromkeys(frame["kind"]))


def names_missing(frame: pd.DataFrame) -> list[str]:
    """Return what a forest's frame holds without numbers, in words."""
    lost = frame[~np.isfinite(frame["estimate"].astype(float))]
    several = bool(frame["pooled"].any())
    words = {**KINDS, **RATIOS}
    return [
        f"{short(row['factor'])} ({named(row['model']) if several else words[row['kind']]})"
        for row in records(lost)
    ]
