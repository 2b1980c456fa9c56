"""Marks that several figures draw: an estimate with its interval, and the names of things."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analysis.figures.style import folded
from analysis.figures.theme import colour, theme
from analysis.load import BUNDLE
from analysis.results import Estimates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKER = 5.2  # Unit: point
MINUS = "−"  # as on the axes


def percent(value: float) -> float:
    """Return percentage points."""
    return 100 * float(value)


def short(factor: str) -> str:
    """Return an intervention by its last word: ``gap_hints`` -> ``hints``."""
    return " + ".join(name.rsplit("_", maxsplit=1)[-1] for name in factor.split(BUNDLE))


def leading(estimates: Estimates, kinds: Sequence[str]) -> str:
    """Return the first kind of effect that half of the models have whole, or the least absent."""
    factors = estimates.study.layout.factors

    def found(model: str, kind: str) -> int:
        own = (estimates.rows[model].get(f"{kind}:{factor}") for factor in factors)
        return sum(one is not None and not one["status"] for one in own)

    models = estimates.study.models
    for kind in kinds:
        if 2 * sum(found(model, kind) == len(factors) for model in models) >= len(models):
            return kind
    return max(kinds, key=lambda kind: sum(found(model, kind) for model in models))


def headed(capacity: str, factor: str) -> str:
    """Return the title of an intervention's panel."""
    told = folded(factor, 22)
    return told if capacity == factor else f"{folded(capacity, 22)}\n{told}"


def limits(low: float, middle: float, high: float) -> str:
    """Return an estimate with its interval, in percentage points: ``+34.0 [28.1, 39.9]``."""
    if math.isnan(low) or math.isnan(high):
        return f"{signed(middle)} [no interval]"
    return f"{signed(middle)} [{plain(low)}, {plain(high)}]"


def signed(value: float) -> str:
    """Return a difference with its sign: ``+34.0``."""
    return f"{_tidy(value):+.1f}".replace("-", MINUS)


def plain(value: float) -> str:
    """Return a number to one digit: ``28.1``."""
    return f"{_tidy(value):.1f}".replace("-", MINUS)


def _tidy(value: float) -> float:
    """Return a value to one digit, never minus zero."""
    return round(value, 1) + 0.0


def across(
    axes: "Axes",
    y: float,
    row: dict[str, Any],
    *,
    marker: str = "o",
    hollow: bool = False,
    size: float = MARKER,
) -> None:
    """Draw a row of a forest: the interval in ink, the estimate in the capacity's colour.

    Args:
        axes: in percentage points.
        y: where.
        row: estimate, ci_low, ci_high as proportions, capacity.
        marker: of the estimate.
        hollow: the marker's face is paper.
        size: of the marker. Unit: point.
    """
    low, middle, high = (percent(row[name]) for name in ("ci_low", "estimate", "ci_high"))
    shade, own = colour(row["capacity"]), theme()
    axes.plot([low, high], [y, y], color=own.ink, lw=1.3)
    axes.plot(
        middle, y, marker, markersize=size, markerfacecolor=own.paper if hollow else shade,
        markeredgecolor=own.ink if not hollow else shade, mew=0.7 if not hollow else 1.4,
    )  # fmt: skip


def diamond(axes: "Axes", y: float, row: dict[str, Any], height: float = 0.3) -> None:
    """Draw a pooled row: a diamond as wide as its interval, its middle the estimate."""
    from matplotlib.patches import Polygon

    low, middle, high = (percent(row[name]) for name in ("ci_low", "estimate", "ci_high"))
    if math.isnan(low):
        across(axes, y, row, marker="D")
        return
    corners = [(low, y), (middle, y - height), (high, y), (middle, y + height)]
    axes.add_patch(
        Polygon(corners, closed=True, facecolor=colour(row["capacity"]), edgecolor=theme().ink,
                linewidth=0.7, zorder=2)
    )  # fmt: skip


def zero(axes: "Axes", *, vertical: bool = True, at: float = 0.0) -> None:
    """Draw the line of no effect."""
    draw = axes.axvline if vertical else axes.axhline
    draw(at, color=theme().line, lw=0.9, zorder=0.5)
