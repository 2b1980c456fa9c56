"""Why episodes fail, by condition: of all observed episodes, so that a bar is a failure rate.

A cause is what is physically wrong with the device that failed. It is no capacity.
"""

from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.levels import condition, written_codes
from analysis.figures.style import (
    PAGE,
    SIZES,
    Drawn,
    bare,
    canvas,
    folded,
    footnote,
    styled,
)
from analysis.figures.theme import KINDS, theme
from analysis.results import Estimates
from analysis.study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OTHER, UNKNOWN = "another cause", "not labelled"
MOST = len(KINDS)  # causes with a colour of their own


def failure_frame(study: Study) -> pd.DataFrame:
    """Return failed episodes by model, condition and cause; no rows where no failure is labelled.

    Columns: model, code, condition, cause, episodes, failed (of the cell), n (observed in the
    cell), share (of ``n``). The commonest causes have their names, in that order; then come
    ``another cause`` and, for failures without a cause, ``not labelled``.
    """
    layout = study.layout
    seen = study.episodes[study.episodes["success"].notna()]
    failed = seen[seen["success"] == 0]
    if not (failed["failure_cause"] != "").any():
        return pd.DataFrame()
    common = failed.loc[failed["failure_cause"] != "", "failure_cause"].value_counts()
    ranked = common.reset_index().sort_values(
        ["count", "failure_cause"], ascending=[False, True], kind="stable"
    )["failure_cause"]
    # One cause more needs no name of its own than "another cause".
    kept = list(ranked if len(ranked) <= MOST else ranked[:MOST])
    cause = failed["failure_cause"].where(failed["failure_cause"].isin([*kept, ""]), OTHER)
    counted = (
        failed.assign(cause=cause.replace("", UNKNOWN), code=written_codes(failed, layout))
        .groupby(["model", "code", "cause"])["run"]
        .count()
    )
    cells = seen.assign(code=written_codes(seen, layout)).groupby(["model", "code"])["success"]
    sizes = cells.agg(n="count", passed="sum")
    rows = []
    for (model, code), size in sizes.iterrows():
        n, lost = int(size["n"]), int(size["n"] - size["passed"])
        shared = {"model": model, "code": code, "condition": condition(layout, code)}
        for name in [*kept, OTHER, UNKNOWN]:
            episodes = int(counted.get((model, code, name), 0))
            rows.append(
                shared
                | {"cause": name, "episodes": episodes, "failed": lost, "n": n}
                | {"share": episodes / n}
            )
    frame = pd.DataFrame(rows)
    absent = frame.groupby("cause")["episodes"].transform("sum") == 0
    return frame[~absent].reset_index(drop=True)


def said(frame: pd.DataFrame, estimates: Estimates) -> str:
    """Return the figure's note: shares have no interval, and a cause is no capacity."""
    from analysis.figures.notes import observed

    named = int(frame.loc[~frame["cause"].isin([UNKNOWN]), "episodes"].sum())
    failed = int(frame["episodes"].sum())
    unknown = failed - named
    labelled = f"{named:,} of {failed:,} failures are labelled"
    labelled += f", {unknown:,} are not" if unknown else ""
    return (
        "Share of the observed episodes of a condition; a bar is its failure rate. Right: failed "
        "of observed. The cause that weighs most in a failed device, which is no capacity: "
        f"{labelled}. Counts of these episodes, no intervals; {observed(estimates.study)}."
    )


@styled
def failures(frame: pd.DataFrame, heading: str, note: str) -> Drawn:
    """Draw stacked shares of causes, a bar per condition; a panel per model.

    Args:
        frame: of ``failure_frame``.
        heading: whose.
        note: how to read it, n and what is missing.
    """
    from matplotlib.patches import Patch

    models = list(dict.fromkeys(frame["model"]))
    causes = list(dict.fromkeys(frame["cause"]))
    codes = sorted(set(frame["code"]))
    several = len(models) > 1
    columns = min(4, len(models))
    rows = -(-len(models) // columns)
    bar = 0.13 if several else 0.2
    legend_rows = -(-len(causes) // 4)
    height = 1.05 + 0.17 * legend_rows + rows * (0.35 + bar * len(codes))
    figure, grid = canvas(PAGE, height, rows, columns, sharey=True, sharex=True)
    flat = [axes for line in grid for axes in line]
    shades = _shades(causes)
    for axes, model in zip(flat, models, strict=False):
        _bars(axes, frame[frame["model"] == model], codes, shades, several)
        if several:
            axes.set_title(folded(model, 22), fontsize=SIZES["text"])
    for axes in flat[len(models) :]:
        axes.set_visible(False)
    told = dict(zip(frame["code"], frame["condition"], strict=True))
    for line in grid:
        names = [code if several else told[code] for code in codes]
        line[0].set_yticks(range(len(codes)), names)
        line[0].tick_params(axis="y", labelsize=6.5 if several else SIZES["text"])
    flat[0].set_ylim(len(codes) - 0.4, -0.6)
    flat[0].set_xlim(0, max(5.0, 100 * _longest(frame) * (1.3 if several else 1.1)))
    patches = [
        Patch(
            facecolor=shades[cause], hatch="////" if cause == UNKNOWN else None,
            hatchcolor=theme().quiet, label=cause.replace("_", " "),
        )
        for cause in causes
    ]  # fmt: skip
    figure.legend(
        handles=patches, loc="outside upper left", ncols=min(4, len(causes)), columnspacing=1.2,
        handlelength=1.2, handletextpad=0.5, borderpad=0.2, alignment="left", title=heading,
        title_fontsize=SIZES["title"],
    )  # fmt: skip
    footnote(figure, note)
    return Drawn(figure, frame)


def _longest(frame: pd.DataFrame) -> float:
    return float((frame["failed"] / frame["n"]).max())


def _shades(causes: list[str]) -> dict[str, str]:
    named = dict(zip([c for c in causes if c not in {OTHER, UNKNOWN}], KINDS, strict=False))
    return {**named, OTHER: theme().rest, UNKNOWN: theme().residual}


def _bars(
    axes: "Axes", own: pd.DataFrame, codes: list[str], shades: dict[str, str], several: bool
) -> None:
    for y, code in enumerate(codes):
        cell = own[own["code"] == code]
        if cell.empty:  # this model was not tested here
            axes.text(
                0.6, y, "not tested", fontsize=6, va="center", color=theme().quiet, style="italic"
            )
            continue
        left = 0.0
        for cause, episodes, share in zip(
            cell["cause"], cell["episodes"], cell["share"], strict=True
        ):
            if episodes:
                axes.barh(
                    y, 100 * share, left=left, height=0.8, facecolor=shades[cause],
                    edgecolor=theme().paper, linewidth=0.4,
                    hatch="////" if cause == UNKNOWN else None, hatchcolor=theme().quiet,
                )  # fmt: skip
            left += 100 * share
        failed, n = int(cell["failed"].iloc[0]), int(cell["n"].iloc[0])
        axes.annotate(
            f"{failed:,} / {n:,}", (left, y), xytext=(3, 0), textcoords="offset points",
            va="center", fontsize=6 if several else SIZES["small"], in_layout=False,
        )  # fmt: skip
    bare(axes, "left")
