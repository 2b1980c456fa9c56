"""Power curves: how large an effect a study finds, with tasks as a sample and without."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.figures.style import (
    COLOURS,
    SIZES,
    SPARE,
    Drawn,
    canvas,
    footnote,
    styled,
    theme,
    title,
)
from analysis.planning.power import Components, Size

CLUSTERED, LOOSE = "new tasks: clustered", "these tasks only: not clustered"
_STYLES = {CLUSTERED: (COLOURS["identification"], "-"), LOOSE: (SPARE[1], "--")}
MOST_RUNS = 32
WIDE = 9.0  # so that a curve's label stays clear of its neighbour. Unit: inch


def curves(components: Components, sizes: Sequence[Size], effects: Sequence[float]) -> pd.DataFrame:
    """Return power by effect and by runs.

    Columns: panel (``effect`` or ``runs``), target, tasks, runs, effect, power; in proportions.

    Args:
        components: of the contrast.
        sizes: the study first, then other splits of its episodes, of new tasks.
        effects: along the first panel; the second has the one that the study finds with 0.8.
    """
    rows = []
    study = sizes[0]
    for size in [*sizes, Size(study.tasks, study.runs, "fixed")]:
        rows += [_row("effect", size, effect, components) for effect in effects]
    effect = study.detectable(components)
    for target in ("new", "fixed"):
        for runs in range(1, max(MOST_RUNS, 2 * study.runs) + 1):
            size = Size(study.tasks, runs, "new" if target == "new" else "fixed")
            rows.append(_row("runs", size, effect, components))
    return pd.DataFrame(rows)


def _row(panel: str, size: Size, effect: float, components: Components) -> dict[str, object]:
    return {
        "panel": panel,
        "target": size.target,
        "tasks": size.tasks,
        "runs": size.runs,
        "effect": effect,
        "power": size.power(components, effect),
    }


@styled
def power_curves(frame: pd.DataFrame, name: str, note: str) -> Drawn:
    """Draw power by effect (for each split of the episodes) and by runs.

    Args:
        frame: of ``curves``; its first row is of the study itself.
        name: the estimand.
        note: target, n, test, and where the spread is from.
    """
    figure, [[left, right]] = canvas(WIDE, 4.2, 1, 2, sharey=True)
    own = frame.iloc[0]
    by_effect, by_runs = frame[frame["panel"] == "effect"], frame[frame["panel"] == "runs"]
    height = 0.62  # of the first label; the others stand higher, where curves are further apart
    for (target, tasks, runs), part in by_effect.groupby(["target", "tasks", "runs"], sort=False):
        study = (tasks, runs) == (own["tasks"], own["runs"])
        colour, line = _STYLES[CLUSTERED if target == "new" else LOOSE]
        loose = target == "fixed"
        shade = 1.0 if study else 0.45
        left.plot(100 * part["effect"], part["power"], line, color=colour, alpha=shade, lw=2)
        label = f"{tasks} x {runs}" + ("" if target == "new" else ",\nthese tasks")
        at = int(np.argmin(np.abs(part["power"].to_numpy() - (0.75 if loose else height))))
        left.annotate(
            label, (100 * part["effect"].iloc[at], part["power"].iloc[at]), fontsize=SIZES["small"],
            color=colour, ha="right" if loose else "left", va="center",
            xytext=(-6 if loose else 6, 0), textcoords="offset points",
            bbox={"facecolor": theme().paper, "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
        height += 0.14
    for target, part in by_runs.groupby("target", sort=False):
        kind = CLUSTERED if target == "new" else LOOSE
        colour, line = _STYLES[kind]
        right.plot(part["runs"], part["power"], line, color=colour, lw=2, label=kind)
    right.axvline(own["runs"], color=theme().faint, lw=1, zorder=0)
    for axes in (left, right):
        axes.axhline(0.8, color=theme().faint, lw=1, zorder=0)
        axes.set_ylim(0, 1.02)
    left.set_xlim(0, 100 * by_effect["effect"].max())
    left.set_xlabel("true effect, percentage points")
    left.set_ylabel("power")
    left.set_title("By effect (tasks x runs)", loc="left")
    right.set_xlim(1, by_runs["runs"].max())
    right.set_xlabel(f"runs of each of {own['tasks']} tasks")
    right.set_title(f"By runs, for {100 * by_runs['effect'].iloc[0]:.1f} pp", loc="left")
    right.legend(loc="lower right")
    title(figure, f"Power to find {name}")
    footnote(figure, note)
    return Drawn(figure, frame)
