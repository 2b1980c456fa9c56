"""One look for every figure: sizes, what stands above and below, how it is written.

A function that draws is marked ``styled``: it draws in the theme that holds, and what it returns
can be drawn again in the other. matplotlib is imported when a figure is drawn, without a display.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.figures.theme import COLOURS, SPARE, Theme, ThemeName, drawn_in, readable, theme
from analysis.layout import ALL
from diagnose.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS", "COLUMN", "DPI", "FORMATS", "PAGE", "SIZES", "SPARE", "Drawn", "bare", "canvas",
    "folded", "footnote", "named", "readable", "save", "slug", "styled", "theme", "title", "wrap",
]  # fmt: skip

COLUMN, PAGE = 3.5, 7.2  # widths of a journal's column and page. Unit: inch
DPI = 200  # of a written PNG
SCREEN_DPI = 110  # of a figure in a notebook
FORMATS = ("png", "svg", "pdf")
USUAL = ("png", "svg")
SIZES = {"title": 10.0, "label": 8.5, "text": 8.0, "small": 7.0, "note": 7.5}  # Unit: point
MARGIN = 0.1  # right of a title or a note, whose width hinting changes a little. Unit: inch


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure and what it shows."""

    figure: "Figure"
    frame: pd.DataFrame
    theme: ThemeName = "light"
    again: "Callable[[], Drawn] | None" = None  # draws the same in the theme that holds then

    def themed(self, name: str) -> "Drawn":
        """Return the same in a theme.

        Raises:
            InputError: no such theme, or a figure that is drawn in one only.
        """
        with drawn_in(name) as chosen:
            if chosen.name == self.theme:
                return self
            if self.again is None:
                raise InputError("theme", name, f"this figure is drawn in {self.theme} only")
            return self.again()


def styled[**P](draw: Callable[P, Drawn]) -> Callable[P, Drawn]:
    """Give a function that draws the style, and what it draws the way to the other theme."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Drawn:
        from matplotlib import rc_context

        with rc_context(_settings(theme())):
            made = draw(*args, **kwargs)
        return replace(made, theme=theme().name, again=partial(drawn, *args, **kwargs))

    return drawn


def _settings(own: Theme) -> Any:  # matplotlib lists the names it takes
    return {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same on every machine
        "font.size": SIZES["text"],
        "text.color": own.ink,
        "axes.edgecolor": own.line,
        "axes.facecolor": own.paper,
        "axes.labelcolor": own.ink,
        "axes.labelsize": SIZES["label"],
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlecolor": own.ink,
        "axes.titlesize": SIZES["label"],
        "figure.facecolor": own.paper,
        "figure.titlesize": SIZES["title"],
        "figure.constrained_layout.h_pad": 0.05,
        "figure.constrained_layout.w_pad": 0.06,
        "hatch.linewidth": 0.7,
        "legend.fontsize": SIZES["text"],
        "legend.frameon": False,
        "legend.labelcolor": own.ink,
        "lines.linewidth": 1.3,
        "lines.solid_capstyle": "butt",
        "patch.linewidth": 0.0,
        "text.parse_math": False,  # a dollar sign in a model's name is a dollar sign
    }


def canvas(
    width: float, height: float, rows: int = 1, columns: int = 1, **shared: Any
) -> tuple["Figure", "list[list[Axes]]"]:
    """Return a figure and its panels, row by row.

    Args:
        width: ``COLUMN``, ``PAGE`` or another. Unit: inch.
        height: Unit: inch.
        rows: of panels.
        columns: of panels.
        shared: what ``Figure.subplots`` takes: ``sharex``, ``width_ratios`` and so on.
    """
    from analysis.figures.shown import Shown

    figure = Shown(figsize=(width, height), dpi=SCREEN_DPI, layout="constrained")
    panels: list[list[Axes]] = figure.subplots(rows, columns, squeeze=False, **shared).tolist()
    own = theme()
    for axes in (axes for row in panels for axes in row):
        # Said to each axis, since ticks are made when the figure is written.
        axes.tick_params(
            color=own.line, labelcolor=own.ink, labelsize=SIZES["text"], length=3, width=0.8
        )
    return figure, panels


def bare(axes: "Axes", *sides: str) -> None:
    """Take spines away, and the ticks on them."""
    for side in sides:
        axes.spines[side].set_visible(False)
        if side in {"left", "bottom"}:
            axes.tick_params(axis="y" if side == "left" else "x", length=0)


def title(figure: "Figure", text: str) -> None:
    """Write a figure's title above it, at the left."""
    wrapped = wrap(text, SIZES["title"], figure.get_figwidth())
    figure.suptitle(wrapped, fontsize=SIZES["title"], x=0.01, ha="left")


def footnote(figure: "Figure", text: str) -> None:
    """Write what a figure must say of itself below it: target, n, interval, what is missing."""
    wrapped = wrap(text, SIZES["note"], figure.get_figwidth())
    figure.supxlabel(wrapped, fontsize=SIZES["note"], color=theme().quiet, x=0.01, ha="left")


def wrap(text: str, points: float, width: float) -> str:
    """Return a text in lines that fit.

    Args:
        text: what is written.
        points: size of its letters.
        width: Unit: inch.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    letters = FontProperties(size=points)

    def inches(part: str) -> float:
        return (
            float(text_to_path.get_text_width_height_descent(part, letters, ismath=False)[0]) / 72
        )

    lines, left, space = [""], 0.0, inches("n n") - inches("nn")
    for word in re.split(r"(?<!=) (?![%=])", " ".join(text.split())):  # 95 % and n = 8 stay whole
        own = inches(word)
        if lines[-1] and left + space + own > width * 0.95 - MARGIN:
            lines.append("")
        left = own if not lines[-1] else left + space + own
        lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(lines)


def named(model: str) -> str:
    """Return how a figure calls a model, or the mean of them."""
    return "mean of the models" if model == ALL else model


def folded(name: str, width: int = 20) -> str:
    """Return a name in lines of about ``width`` characters, cut behind ``/ _ - +``."""
    lines = [""]
    for part in re.findall(r"[^/_\-+ ]*[/_\-+ ]|[^/_\-+ ]+$", name):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def save(
    drawn: Drawn, stem: Path, formats: Sequence[str] = USUAL, theme: str = "light"
) -> list[Path]:
    """Write ``stem`` with each format's suffix; equal figures give equal bytes.

    Args:
        drawn: the figure.
        stem: path without a suffix; a dark figure's name gets ``_dark`` at its end.
        formats: of ``FORMATS``. SVG and PDF carry their letters with them.
        theme: ``light`` or ``dark``.

    Raises:
        InputError: an unknown format or theme, or a theme that the figure is not drawn in.
    """
    from matplotlib import rc_context

    for form in formats:
        if form not in FORMATS:
            raise InputError("format", form, f"choose of {', '.join(FORMATS)}")
    figure = drawn.themed(theme).figure
    metadata = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    paths = []
    with rc_context({"svg.hashsalt": "scicrafter-diagnose", "pdf.fonttype": 42}):
        for form in formats:
            path = stem.with_name(f"{stem.name}{'_dark' if theme == 'dark' else ''}.{form}")
            figure.savefig(path, dpi=DPI, metadata=metadata[form])
            paths.append(path)
    return paths


def slug(name: str) -> str:
    """Return a name fit for a file: ``reference/frontier`` -> ``reference-frontier``."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or "model"
