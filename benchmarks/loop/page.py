"""The table and the figure of what came out: loop.csv, loop.png, and Markdown for docs/loop.md."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.figures.style import DPI, PAGE
from analysis.figures.theme import COLOURS, LIGHT
from analysis.layout import CAPACITIES
from benchmarks.loop.measures import DIAGNOSED, SHARES, measured, summarised
from benchmarks.loop.seeds import BASE
from benchmarks.loop.sizes import TREATMENTS
from benchmarks.pages import put
from diagnose.markdown import table

NAME = "loop"
ROWS = "loop.csv"
TOLD = {
    "baseline": "baseline",
    **{name: name for name in CAPACITIES.values()},
    "residual": "residual",
    "held_out": "held-out levels",
    "heeds_law": "heeds a true note",
    "heeds_contrary": "heeds a contrary note",
    "nll": "old replies (nats)",
}


def written(folder: Path, docs: Path) -> str:
    """Write loop.csv and loop.png to ``docs``, and the table into its loop.md where there is one.

    Seeds that loop.csv has and the folder has not are kept: seeds may be made one after another.

    Returns:
        The table as Markdown.
    """
    docs.mkdir(parents=True, exist_ok=True)
    frame = with_kept(measured(folder), docs / ROWS)
    frame.to_csv(docs / ROWS, index=False, float_format="%.9g")
    frame = pd.read_csv(docs / ROWS)  # the page tells what the file holds
    summary = summarised(frame)
    _figure(summary, frame).savefig(docs / "loop.png", dpi=DPI, metadata={"Software": None})
    text = markdown(summary)
    page = docs / f"{NAME}.md"
    if page.is_file():
        put(NAME, text, page)
    return text


def with_kept(frame: pd.DataFrame, rows: Path) -> pd.DataFrame:
    """Return the rows of a folder, and those of other seeds that a file holds."""
    if not rows.is_file():
        return frame
    kept = pd.read_csv(rows)
    kept = kept[~kept["seed"].isin(frame["seed"])]
    return pd.concat([kept, frame], ignore_index=True).sort_values("seed", kind="stable")


def markdown(summary: pd.DataFrame) -> str:
    """Return a row per agent: what it is, and by how much each quantity changed."""
    rows = {(row["agent"], row["quantity"]): row for row in summary.to_dict("records")}
    agents = _agents(summary)
    shown = [name for name in TOLD if any((agent, name) in rows for agent in agents)]
    heads = ["", "parameters", "seconds", *(TOLD[name] for name in shown)]
    lines = []
    for agent in agents:
        cells = [f"`{agent}`"]
        cells += [_number(rows.get((agent, name))) for name in ("parameters", "seconds")]
        cells += [_cell(rows.get((agent, name)), agent) for name in shown]
        lines.append(cells)
    return table(heads, lines)


def _agents(summary: pd.DataFrame) -> list[str]:
    there = set(summary["agent"])
    return [name for name in (BASE, *TREATMENTS) if name in there]


def _number(row: Any) -> str:
    return "" if row is None else f"{row['mean']:,.0f}"


def _cell(row: Any, agent: str) -> str:
    """Tell the base's mean, or a change from it; the interval in brackets where there is one."""
    if row is None:
        return ""
    name, sign = ("mean", "") if agent == BASE else ("change", "+")
    low, high = ("low", "high") if agent == BASE else ("change_low", "change_high")
    if math.isnan(row[low]):
        return f"{row[name]:{sign}.2f}"
    return f"{row[name]:{sign}.2f} [{row[low]:{sign}.2f}, {row[high]:{sign}.2f}]"


def _figure(summary: pd.DataFrame, frame: pd.DataFrame) -> Any:
    """Draw each quantity's level per agent, with every seed: the gaps, then what else changed."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    agents = _agents(summary)
    shown = (*DIAGNOSED, "held_out", "heeds_contrary")
    figure, axes = plt.subplots(2, 4, figsize=(PAGE, 4.6), sharey=True, layout="constrained")
    rows = {(row["agent"], row["quantity"]): row for row in summary.to_dict("records")}
    for axis, quantity in zip(axes.flat, shown, strict=True):
        colour = COLOURS.get(quantity, LIGHT.rest)
        for place, agent in enumerate(reversed(agents)):
            row = rows.get((agent, quantity))
            if row is None:
                continue
            if not math.isnan(row["low"]):
                axis.plot([row["low"], row["high"]], [place, place], color=LIGHT.ink, linewidth=1)
            own = frame[(frame["agent"] == agent) & (frame["quantity"] == quantity)]["value"]
            axis.plot(own, [place + 0.25] * len(own), "|", color=LIGHT.rest, markersize=4)
            marked = {"markersize": 4, "markeredgecolor": LIGHT.ink, "markeredgewidth": 0.5}
            axis.plot(row["mean"], place, "o", color=colour, **marked)
        base = rows.get((BASE, quantity))
        if base is not None:
            axis.axvline(base["mean"], color=LIGHT.line, linewidth=0.8, linestyle=":")
        axis.set_xlim(-0.04 if quantity in SHARES else -0.44, 1.04 if quantity in SHARES else 0.64)
        axis.set_ylim(-0.6, len(agents) - 0.4)
        axis.set_title(TOLD[quantity], fontsize=8.5, color=LIGHT.ink)
        axis.set_yticks(range(len(agents)), list(reversed(agents)), fontsize=7)
        axis.tick_params(axis="x", labelsize=7)
        axis.grid(axis="x", color=LIGHT.faint)
        axis.set_axisbelow(True)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    seeds = int(summary["seeds"].max())
    figure.supxlabel(
        f"share of episodes; capacities are Shapley values. {seeds} base agents, a stroke each; "
        "lines are 95 % t intervals over them; dotted: before treatment",
        fontsize=7,
    )
    return figure
