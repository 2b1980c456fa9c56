"""The figure of a study of forks: rescued late, untouched, and helped from the start."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.figures.style import COLOURS, Drawn, footnote, slug, styled
from analysis.forks import UNTOUCHED, Forks, is_sham
from analysis.study import records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OTHER = "#333333"  # of a capacity without a colour of its own
MARKERS = {"late": "o", "start": "D"}
APART = 0.16  # between a row's two marks


def of_forks(forks: Forks) -> dict[str, Drawn]:
    """Return the study's figure by file name; one per model."""
    several = len(forks.models) > 1
    return {
        f"rescue_{slug(model)}" if several else "rescue": rescue_figure(
            rescue_frame(forks, model), model, _note(forks, model)
        )
        for model in forks.models
    }


def _note(forks: Forks, model: str) -> str:
    own = forks.table[forks.table["model"] == model]
    return (
        f"Failed baseline episodes of {forks.source}, continued from {forks.at}: n = {len(own):,} "
        f"per arm. Bars: 95 % intervals, Wilson, target new tasks (clustered by "
        f"{own['task'].nunique()} tasks). From the start: the same task and run with the "
        "intervention there from the first message on."
    )


def rescue_frame(forks: Forks, model: str) -> pd.DataFrame:
    """Return what the figure shows.

    Columns: arm, capacity, offered (late or start), estimate, ci_low, ci_high, n. What is not
    estimable has no row.
    """
    frame = forks.estimates("new")
    rows = {str(row["estimand"]): row for row in records(frame[frame["model"] == model])}
    shown: list[dict[str, object]] = []
    for arm in (UNTOUCHED, *forks.arms):
        for offered, kind in (("late", "rescue"), ("start", "rescue_start")):
            row = rows.get(f"{kind}:{arm}@{forks.at}")
            if row is None or row["status"]:
                continue
            limits = {name: row[name] for name in ("estimate", "ci_low", "ci_high")}
            shared = {"arm": arm, "capacity": forks.arms.get(arm, ""), "offered": offered}
            shown.append({**shared, **limits, "n": row["n_episodes"]})
    columns = ["arm", "capacity", "offered", "estimate", "ci_low", "ci_high", "n"]
    return pd.DataFrame(shown, columns=columns)


@styled
def rescue_figure(frame: pd.DataFrame, model: str, note: str) -> Drawn:
    """Draw the share of failed episodes that succeed, by what joins them and when.

    Args:
        frame: of ``rescue_frame``.
        model: whose episodes they are.
        note: target, n and the kind of interval.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    arms = list(dict.fromkeys(frame["arm"]))
    figure = Figure(figsize=(8.4, 1.9 + 0.5 * len(arms)), layout="constrained")
    axes = figure.add_subplot()
    for place, arm in enumerate(arms):
        for row in records(frame[frame["arm"] == arm]):
            _mark(axes, place, row)
    axes.set_yticks(range(len(arms)), arms, fontsize=9)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("failed baseline episodes that succeed, %")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    keys = [
        Line2D([], [], marker=MARKERS[offered], linestyle="", color=OTHER, label=label,
               markerfacecolor="white" if offered == "start" else OTHER)
        for offered, label in (("late", "joins at the fork"), ("start", "there from the start"))
    ]  # fmt: skip
    axes.legend(handles=keys, loc="lower right", fontsize=8.5, frameon=False)
    figure.suptitle(f"{model}: rescued from a failed episode", fontsize=11, x=0.01, ha="left")
    footnote(figure, note)
    return Drawn(figure, frame)


def _mark(axes: "Axes", place: int, row: dict[str, Any]) -> None:
    capacity = "residual" if is_sham(row["arm"]) else row["capacity"] or "baseline"
    colour = COLOURS.get(capacity, OTHER)
    start = row["offered"] == "start"
    y = place + (APART if start else -APART)
    axes.plot([100 * row["ci_low"], 100 * row["ci_high"]], [y, y], color=colour, lw=2)
    axes.plot(
        100 * row["estimate"], y, MARKERS[row["offered"]], color=colour, markersize=7,
        markerfacecolor="white" if start else colour, markeredgewidth=1.5,
    )  # fmt: skip
