"""The 2 x 2 of hint and scientist: the four rates, and what is left of the order in the gaps."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.figures.marks import zero
from analysis.figures.style import PAGE, SIZES, Drawn, bare, canvas, footnote, styled
from analysis.figures.style import title as headed
from analysis.figures.theme import COLOURS, theme
from analysis.published.names import CODES, HINTS, JOINT, TWO_BY_TWO
from analysis.published.tables import SQUARE, Rows, limits, of_models, percent
from analysis.study import records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WITH = COLOURS["discovery"]
SHADES = {HINTS: COLOURS["identification"], JOINT: COLOURS["discovery"]}


def square_rows(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return a model's four rates and what the 2 x 2 says; no rows if it is not estimable.

    Columns: estimand, said, estimate, ci_low, ci_high, p_holm, n_episodes.
    """
    rows: Rows = dict(of_models(frame)).get(model, {})
    wanted = [(f"cell:{code}", name.replace("_", " + ")) for name, code in CODES.items()]
    wanted += SQUARE
    if not all(name in rows for name, _ in wanted):
        return pd.DataFrame()
    columns = ("estimate", "ci_low", "ci_high", "p_holm", "n_episodes")
    return pd.DataFrame(
        {"estimand": name, "said": said} | {column: rows[name][column] for column in columns}
        for name, said in wanted
    )


@styled
def square(rows: pd.DataFrame, title: str, note: str) -> Drawn:
    """Draw the four rates as an interaction plot, and beside it each support's gain by order.

    Args:
        rows: of ``square_rows``.
        title: says whose they are.
        note: target, n and the kind of interval.
    """
    by_name = {row["estimand"]: row for row in records(rows)}
    figure, panels = canvas(PAGE, 3.6, 1, 2, width_ratios=(1, 1.1))
    left, right = panels[0]
    _rates(left, by_name)
    _gains(right, by_name)
    headed(figure, title)
    footnote(figure, note)
    return Drawn(figure, rows)


def _rates(axes: "Axes", rows: dict[str, dict[str, Any]]) -> None:
    lines = (
        (("0000", "1000"), theme().quiet, "no scientist"),
        (("0110", "1110"), WITH, "scientist"),
    )
    for (codes, shade, label), shift in zip(lines, (-0.025, 0.025), strict=True):
        own = [rows[f"cell:{code}"] for code in codes]
        at = [0 + shift, 1 + shift]
        axes.plot(
            at,
            [100 * row["estimate"] for row in own],
            "o-",
            color=shade,
            lw=1.4,
            markersize=5,
            label=label,
        )
        for x, row in zip(at, own, strict=True):
            axes.plot([x, x], [100 * row["ci_low"], 100 * row["ci_high"]], color=shade, lw=1.6)
    for x, pair in ((0, ("0000", "0110")), (1, ("1000", "1110"))):
        own = [rows[f"cell:{code}"] for code in pair]
        for y, row, shade in zip(_apart(own), own, (theme().quiet, WITH), strict=True):
            axes.text(
                x + (0.1 if x else -0.1), y, percent(row), color=shade, fontsize=SIZES["text"],
                va="center", ha="left" if x else "right", fontweight="bold",
            )  # fmt: skip
    base, hint, scientist = (100 * rows[f"cell:{c}"]["estimate"] for c in ("0000", "1000", "0110"))
    added = hint + scientist - base
    axes.plot([0.025, 1.025], [scientist, added], ls=":", color=theme().quiet, lw=1.2, zorder=0.8)
    axes.plot(
        1.025, added, "o", ls=":", mfc=theme().paper, color=theme().quiet, markersize=5,
        label=f"{added:.1f} without interaction",
    )  # fmt: skip
    axes.legend(loc="upper left")
    axes.set_xticks([0, 1], ["no hint", "hint"])
    axes.set_xlim(-0.5, 1.4)
    axes.set_ylim(0, 122)  # room for the legend above 100
    axes.set_yticks(range(0, 101, 20))
    axes.set_ylabel("success rate, %")


def _apart(pair: list[dict[str, Any]], least: float = 7.0) -> list[float]:
    """Return where two rates are written: where they are, or moved until both can be read."""
    low, high = (100 * row["estimate"] for row in pair)
    push = max(0.0, least - abs(high - low)) / 2
    return [low - push, high + push] if high >= low else [low + push, high - push]


def _gains(axes: "Axes", rows: dict[str, dict[str, Any]]) -> None:
    """Draw a line per estimate: by order hollow, order-free filled, the interaction last."""
    zero(axes)
    labels = []
    for y, (name, said) in enumerate(SQUARE):
        row = rows[name]
        kind, _, rest = name.partition(":")
        shade = SHADES.get(rest.removesuffix(TWO_BY_TWO), theme().ink)
        whole = kind in {"shapley", "int"}
        low, middle, high = (100 * row[key] for key in ("ci_low", "estimate", "ci_high"))
        axes.plot([low, high], [y, y], color=shade, lw=2.2 if whole else 1.2)
        marker = "D" if whole else "o"
        axes.plot(
            middle, y, marker, color=shade, mfc=shade if whole else theme().paper, markersize=5
        )
        axes.text(
            1.02, y, f"{percent(row, 2)} {limits(row)}", transform=axes.get_yaxis_transform(),
            fontsize=SIZES["text"], va="center", fontweight="bold" if whole else "normal",
        )  # fmt: skip
        labels.append(said.replace(", ", ",\n").replace(": ", ":\n"))
    axes.set_yticks(range(len(labels)), labels, fontsize=SIZES["text"])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlabel("gain, percentage points")
    bare(axes, "left")
