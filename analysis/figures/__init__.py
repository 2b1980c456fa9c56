"""Figures: each function takes a frame and returns the figure with the frame it plotted.

Beside it stands the function that makes the frame from estimates. Every figure names its target,
its n, its interval and what is missing, and none draws what was not estimated.
"""

from analysis.figures.catalogue import QUICK, available, of_study
from analysis.figures.gaps import capacity_bars, stack_steps
from analysis.figures.levels import level_counts, level_heatmap
from analysis.figures.style import Drawn, save, slug

__all__ = [
    "QUICK", "Drawn", "available", "capacity_bars", "level_counts", "level_heatmap", "of_study",
    "save", "slug", "stack_steps",
]  # fmt: skip
