"""Interactions: what two interventions do together beyond what each does without the other."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.figures.marks import percent, plain, short, signed
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
from analysis.figures.theme import readable, theme
from analysis.layout import join
from analysis.results import Estimates
from analysis.study import records

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

INDICES = {
    "sii": "Shapley interaction index (SII)",
    "int": "Banzhaf interaction (mean difference in differences)",
}
MUTED = "#eef0f2"  # of a cell whose interval holds 0
MUTED_TEXT = "#555c63"
STEPS = ("#0a64b8", "#b9d3ec", "#f7f7f7", "#f3cdb0", "#a23c00")  # below 0, at 0, above 0


def interaction_frame(estimates: Estimates, kind: str = "sii") -> pd.DataFrame:
    """Return each pair's interaction by model; no rows if none is estimable.

    Columns: model, first, second, estimate, ci_low, ci_high, p_holm, method, clear: whether the
    interval leaves 0 out.
    """
    factors = estimates.study.layout.factors
    rows: list[dict[str, object]] = []
    for model in estimates.models:
        own = estimates.rows[model]
        for number, first in enumerate(factors):
            for second in factors[number + 1 :]:
                one = own.get(f"{kind}:{join([first, second])}")
                if one is None or one["status"]:
                    continue
                row = {"model": model, "first": first, "second": second}
                columns = ("estimate", "ci_low", "ci_high", "p_holm", "method")
                row |= {name: one[name] for name in columns}
                rows.append(row | {"clear": one["ci_low"] > 0 or one["ci_high"] < 0})
    return pd.DataFrame(rows)


@styled
def interaction_map(frame: pd.DataFrame, heading: str, note: str) -> Drawn:
    """Draw a triangle of pairs per model; cells whose interval holds 0 are muted.

    Args:
        frame: of ``interaction_frame``.
        heading: whose, and which index.
        note: target, n, interval and what is missing.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    models = list(dict.fromkeys(frame["model"]))
    factors = list(dict.fromkeys([*frame["first"], *frame["second"]]))
    columns = min(3, len(models))
    rows = -(-len(models) // columns)
    several = len(models) > 1
    cells = len(factors) - 1
    size = (PAGE, 1.5 + rows * (0.35 + 0.42 * cells)) if several else (4.6, 1.7 + 0.62 * cells)
    figure, grid = canvas(*size, rows, columns, sharex=True, sharey=True)
    flat = [axes for line in grid for axes in line]
    most = max(0.05, float(frame["estimate"].abs().max()))
    shades = LinearSegmentedColormap.from_list("interactions", STEPS)
    scale = Normalize(-100 * most, 100 * most)
    for axes, model in zip(flat, models, strict=False):
        _triangle(axes, records(frame[frame["model"] == model]), factors, (shades, scale))
        if several:
            axes.set_title(folded(named(model), 26), fontsize=SIZES["text"])
    for axes in flat[len(models) :]:
        axes.set_visible(False)
    bar = figure.colorbar(
        ScalarMappable(scale, shades), ax=flat, shrink=0.8 if rows == 1 else 0.4, aspect=18,
        pad=0.02,
    )  # fmt: skip
    bar.outline.set_visible(False)
    bar.ax.tick_params(color=theme().line, labelcolor=theme().ink, labelsize=SIZES["small"])
    bar.set_label("percentage points", fontsize=SIZES["text"])
    title(figure, heading)
    footnote(figure, note)
    return Drawn(figure, frame)


def _triangle(
    axes: "Axes",
    pairs: list[dict[str, Any]],
    factors: list[str],
    coloured: "tuple[Colormap, Any]",
) -> None:
    from matplotlib.colors import to_hex
    from matplotlib.patches import Rectangle

    shades, scale = coloured
    last = len(factors) - 1
    for pair in pairs:
        x, y = factors.index(pair["first"]), factors.index(pair["second"]) - 1
        value = percent(pair["estimate"])
        face = to_hex(shades(scale(value))) if pair["clear"] else MUTED
        axes.add_patch(
            Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor=theme().paper, lw=1.5)
        )
        ink = readable(face) if pair["clear"] else MUTED_TEXT
        low, high = percent(pair["ci_low"]), percent(pair["ci_high"])
        span = "no interval" if np.isnan(low) else f"[{plain(low)}, {plain(high)}]"
        size = SIZES["small"] - (0.5 if len(span) > 12 else 0.0)
        weight = "bold" if pair["clear"] else "normal"
        axes.text(
            x, y - 0.13, signed(value), ha="center", va="center", color=ink,
            fontsize=SIZES["label"], fontweight=weight, in_layout=False,
        )  # fmt: skip
        axes.text(
            x, y + 0.22, span, ha="center", va="center", fontsize=size, color=ink, in_layout=False
        )
    axes.set_xlim(-0.5, last - 0.5)
    axes.set_ylim(last - 0.5, -0.5)
    axes.set_xticks(range(last), [short(factor) for factor in factors[:-1]])
    axes.set_yticks(range(last), [short(factor) for factor in factors[1:]])
    axes.tick_params(labelsize=SIZES["text"])
    bare(axes, "left", "bottom")
