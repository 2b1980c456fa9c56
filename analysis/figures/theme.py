"""Colours: the light theme, the dark one, and which of them is being drawn in.

The colours of data are the same in both and told apart with any colour vision; the tests simulate
it. They start from Okabe and Ito's, whose pink, green and grey nearly meet for who lacks green, and
differ in lightness too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import numpy as np

from diagnose.errors import InputError

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True)
class Theme:
    """What is not data: paper, text and lines."""

    name: ThemeName
    paper: str
    ink: str  # text and intervals
    quiet: str  # text of second rank
    line: str  # axes, the line at zero
    faint: str  # grids, and what stands behind data
    residual: str  # what no capacity explains
    rest: str  # the kinds without a colour of their own, together


LIGHT = Theme("light", "#ffffff", "#1a1d20", "#4f565d", "#868e96", "#e9ecef", "#dcdfe2", "#4f565d")
DARK = Theme("dark", "#111417", "#e8ebee", "#a9b1b9", "#7d868f", "#272d33", "#1f252b", "#d0d5da")
THEMES: dict[ThemeName, Theme] = {theme.name: theme for theme in (LIGHT, DARK)}

COLOURS = {
    "baseline": "#4a545c",
    "identification": "#0a64b8",
    "discovery": "#e69f00",
    "consolidation": "#bd86b4",
    "application": "#0fa673",
    "residual": LIGHT.residual,
}
SPARE = ("#56b4e9", "#d55e00", "#f0e442", "#8a929a")  # capacities beyond the four
# Kinds of one whole, side by side in a stack.
KINDS = ("#3159b2", "#d8a800", "#13a45a", "#cb66a3", "#5ecdf0", "#a23c00", "#f5ec4b")
BLACK, WHITE = "#000000", "#ffffff"  # on a colour of data, in either theme

_current: ContextVar[Theme] = ContextVar("theme", default=LIGHT)


def theme() -> Theme:
    """Return the theme that is being drawn in."""
    return _current.get()


@contextmanager
def drawn_in(name: str) -> Iterator[Theme]:
    """Draw in a theme.

    Raises:
        InputError: no such theme.
    """
    chosen = next((one for one in THEMES.values() if one.name == name), None)
    if chosen is None:
        raise InputError("theme", name, f"choose one of {', '.join(THEMES)}")
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)


def colour(part: str) -> str:
    """Return the colour of a capacity or another part of the whole; its own for an unknown one."""
    if part == "residual":
        return theme().residual
    first = part.split(" + ", maxsplit=1)[0]  # of a bundle's capacities
    return COLOURS.get(part) or COLOURS.get(first) or theme().quiet


def luminance(given: str) -> float:
    """Return the relative luminance of a colour, 0 to 1. Source: WCAG 2.2."""
    from matplotlib.colors import to_rgb

    rgb = np.array(to_rgb(given))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21. Source: WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(background: str) -> str:
    """Return the colour of text that reads better on a background, black or white."""
    return max((BLACK, WHITE), key=lambda text: contrast(text, background))
