"""One look for every figure: colours, sizes, what stands below, how it is written.

Colours are Okabe and Ito's, told apart with any colour vision. matplotlib is imported when a figure
is drawn, without a display.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "baseline": "#56616b",
    "identification": "#0072B2",
    "discovery": "#E69F00",
    "consolidation": "#CC79A7",
    "application": "#009E73",
    "residual": "#dcdfe2",
}
SPARE = ("#56B4E9", "#D55E00", "#F0E442", "#000000")  # capacities beyond the four
DPI = 160


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure and what it shows."""

    figure: "Figure"
    frame: pd.DataFrame


def save(drawn: Drawn, stem: Path) -> list[Path]:
    """Write ``stem``.png and ``stem``.svg; equal figures give equal bytes."""
    import matplotlib as mpl

    png, svg = stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".svg")
    drawn.figure.savefig(png, dpi=DPI, metadata={"Software": None})
    with mpl.rc_context({"svg.hashsalt": "scicrafter-diagnose"}):
        drawn.figure.savefig(svg, metadata={"Date": None, "Creator": None})
    return [png, svg]


def readable(background: str) -> str:
    """Return the colour of text that reads well on a background."""
    from matplotlib.colors import to_rgb

    luminance = float(np.dot(to_rgb(background), (0.299, 0.587, 0.114)))
    return "#111111" if luminance > 0.55 else "white"


def footnote(figure: "Figure", text: str) -> None:
    """Write what a figure must say of itself below it: target, n, interval."""
    width = int(figure.get_figwidth() * 15)  # characters of 8 points
    wrapped = "\n".join(textwrap.wrap(text, width))
    figure.supxlabel(wrapped, fontsize=8, color="#444444", x=0.01, ha="left")


def slug(name: str) -> str:
    """Return a name fit for a file: ``reference/frontier`` -> ``reference-frontier``."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or "model"
