"""Effects by level: where on the way from easy to hard an intervention helps."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.figures.marks import headed, percent, zero
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

LIMITS = ("estimate", "ci_low", "ci_high")


def level_effect_frame(estimates: Estimates) -> pd.DataFrame:
    """Return each intervention's average effect by level; no rows with one level only.

    Columns: model, factor, capacity, level, estimate, ci_low, ci_high, method, overall: the effect
    over all levels.
    """
    study = estimates.study
    levels = sorted(set(study.layout.levels))
    rows: list[dict[str, object]] = []
    for model in estimates.models if len(levels) > 1 else ():
        own = estimates.rows[model]
        for factor in study.layout.factors:
            shared = {"model": model, "factor": factor, "capacity": study.capacities[factor]}
            for level in levels:
                one = own.get(f"ame_level:{factor}@L{level}")
                if one is not None and not one["status"]:
                    found = {name: one[name] for name in (*LIMITS, "method")}
                    overall = {"overall": own[f"ame:{factor}"]["estimate"]}
                    rows.append(shared | {"level": level} | found | overall)
    return pd.DataFrame(rows)


@styled
def level_effects(frame: pd.DataFrame, heading: str, note: str) -> Drawn:
    """Draw effects over levels: a column of panels per intervention, a row per model.

    Args:
        frame: of ``level_effect_frame``.
        heading: whose.
        note: target, n, interval and what is missing.
    """
    models = list(dict.fromkeys(frame["model"]))
    factors = list(dict.fromkeys(frame["factor"]))
    several = len(models) > 1
    height = 1.3 + (0.82 * len(models) if several else 2.1)
    figure, grid = canvas(PAGE, height, len(models), len(factors), sharex=True, sharey=True)
    levels = sorted(set(frame["level"]))
    for line, model in zip(grid, models, strict=True):
        for axes, factor in zip(line, factors, strict=True):
            own = frame[(frame["model"] == model) & (frame["factor"] == factor)]
            _panel(axes, records(own), small=several)
        if several:
            line[0].set_ylabel(
                folded(named(model), 16), rotation=0, ha="right", va="center",
                fontsize=SIZES["text"],
            )  # fmt: skip
            line[0].tick_params(axis="y", labelsize=SIZES["small"])
    for axes, factor in zip(grid[0], factors, strict=True):
        capacity = frame.loc[frame["factor"] == factor, "capacity"].iloc[0]
        axes.set_title(headed(capacity, factor), fontsize=SIZES["text"])
        axes.set_xticks(levels, [f"L{level}" for level in levels])
        axes.set_xlim(levels[0] - 0.5, levels[-1] + 0.5)
    if not several:
        grid[0][0].set_ylabel("average effect")
    title(figure, heading)
    footnote(figure, note)
    return Drawn(figure, frame)


def _panel(axes: "Axes", points: list[dict[str, Any]], *, small: bool) -> None:
    own = theme()
    zero(axes, vertical=False)
    if not points:
        return
    shade = colour(points[0]["capacity"])
    overall = percent(points[0]["overall"])
    if np.isfinite(overall):
        axes.axhline(overall, color=shade, lw=1.0, ls=(0, (4, 2)), zorder=0.6)
    for point in points:
        low, high = percent(point["ci_low"]), percent(point["ci_high"])
        axes.plot([point["level"]] * 2, [low, high], color=own.ink, lw=0.9 if small else 1.3)
        axes.plot(
            point["level"], percent(point["estimate"]), "o", color=shade,
            markersize=3.2 if small else 5.2, markeredgecolor=own.ink, mew=0.5 if small else 0.7,
        )  # fmt: skip
