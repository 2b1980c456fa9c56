"""What a drawn figure holds: its marks, its intervals, its note."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from analysis.figures import theme
from analysis.results import Estimates

LIMITS = ("estimate", "ci_low", "ci_high")


def numbers(estimates: Estimates, model: str = "m") -> pd.DataFrame:
    own = estimates.frame[estimates.frame["model"] == model]
    return own.set_index("estimand")[[*LIMITS, "order_low", "order_high", "status"]]


def note(figure: Figure) -> str:
    return figure.get_supxlabel().replace("\n", " ")


def marks(axes: Axes, marker: str, at: Callable[[Any], float]) -> list[float]:
    return [at(line) for line in axes.lines if line.get_marker() == marker]


def spans(axes: Axes, of: str = "x") -> list[list[float]]:
    """The ends of every interval: lines of ink between two points."""
    lines = [
        line
        for line in axes.lines
        if line.get_marker() == "None" and to_hex(line.get_color()) == theme.LIGHT.ink
    ]
    return [list(getattr(line, f"get_{of}data")()) for line in lines]


def x_of(line: Any) -> float:
    return float(line.get_xdata()[0])


def y_of(line: Any) -> float:
    return float(line.get_ydata()[0])
