"""Success by level and condition: a heat map with n and an interval in every cell."""

import re

import numpy as np
import pandas as pd

from analysis import intervals
from analysis.figures.style import SIZES, Drawn, bare, canvas, footnote, styled, title
from analysis.figures.theme import readable, theme
from analysis.layout import SHAM, Layout
from analysis.study import Study


def level_counts(study: Study) -> pd.DataFrame:
    """Return successes and observed episodes by model, level and condition.

    Columns: model, level, condition, successes, n.
    """
    table, layout = study.episodes, study.layout
    seen = table[table["success"].notna()]
    names = {code: condition(layout, code) for code in layout.codes}
    conditions = written_codes(seen, layout).map(names)
    grouped = seen.assign(condition=conditions).groupby(["model", "level", "condition"])
    counts = grouped["success"].agg(successes="sum", n="count").reset_index()
    planned = [names[own] for own in layout.codes]
    counts["condition"] = pd.Categorical(counts["condition"], planned, ordered=True)
    counts = counts.sort_values(["model", "level", "condition"])
    counts["condition"] = counts["condition"].astype(str)
    return counts.reset_index(drop=True)


def written_codes(episodes: pd.DataFrame, layout: Layout) -> "pd.Series[str]":
    """Return each episode's cell: one digit per factor."""
    code = pd.Series("", index=episodes.index)
    for factor in layout.factors:
        code += episodes[factor].astype(str)
    return code


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


@styled
def level_heatmap(counts: pd.DataFrame, heading: str, told: str = "") -> Drawn:
    """Draw success by level and condition, with n and Wilson's interval in each tested cell.

    Args:
        counts: condition, level, successes, n; what is absent was not tested and stays blank.
        heading: says whose rates they are.
        told: what is missing, as a sentence.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    frame = counts[counts["n"] > 0].reset_index(drop=True)
    frame["p"] = frame["successes"] / frame["n"]
    low, high = intervals.wilson(frame["p"].to_numpy(np.float64), frame["n"].to_numpy(np.float64))
    frame["ci_low"], frame["ci_high"] = low, high
    conditions, levels = _ordered(frame["condition"]), sorted(set(frame["level"]))
    grid = np.full((len(conditions), len(levels)), np.nan)
    longest = max(map(len, conditions))
    width = max(4.2, 0.35 + 0.074 * longest + 0.8 * len(levels))
    figure, ((axes,),) = canvas(width, 1.0 + 0.46 * len(conditions))
    shades = colormaps["cividis"]
    for _, cell in frame.iterrows():
        row, column = conditions.index(cell["condition"]), levels.index(cell["level"])
        grid[row, column] = cell["p"]
        texts = (
            (-0.24, SIZES["label"], f"{100 * cell['p']:.1f} %"),
            (0.09, SIZES["small"] - 0.5, f"{100 * cell['ci_low']:.0f}–{100 * cell['ci_high']:.0f}"),
            (0.34, SIZES["small"] - 0.5, f"n = {cell['n']:.0f}"),
        )
        for offset, points, text in texts:
            axes.text(
                column, row + offset, text, ha="center", va="center", fontsize=points,
                color=readable(to_hex(shades(cell["p"]))), in_layout=False,
            )  # fmt: skip
    axes.pcolormesh(
        np.arange(len(levels) + 1) - 0.5, np.arange(len(conditions) + 1) - 0.5, grid, cmap=shades,
        vmin=0, vmax=1, edgecolors=theme().paper, linewidth=1.5,
    )  # fmt: skip
    axes.invert_yaxis()
    axes.set_xticks(range(len(levels)), [f"L{level}" for level in levels])
    axes.set_yticks(range(len(conditions)), conditions)
    axes.set_xlabel("level")
    bare(axes, "left", "bottom")
    title(figure, heading)
    total = int(frame["n"].sum())
    note = (
        f"Target: these tasks, runs taken as independent; 95 % Wilson interval; n = {total:,} "
        f"episodes. Blank: not tested. {told}"
    )
    footnote(figure, note.rstrip())
    return Drawn(figure, frame)


def _ordered(names: "pd.Series[str]") -> list[str]:
    """Return conditions in the order given, or by their cell's code where they start with one."""
    unique = list(dict.fromkeys(names))
    return sorted(unique) if all(re.match(r"\d+ ", name) for name in unique) else unique
