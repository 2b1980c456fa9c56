"""Intervals over seeds: each is a model made anew."""

import math
from typing import Any

import numpy as np
from scipy.stats import t as student

ALPHA = 0.05


def interval(
    values: Any, least: float = -math.inf, most: float = math.inf
) -> tuple[float, float, float]:
    """Return the mean and its 95 % t limits, cut at what is possible; one value has none (NaN).

    Args:
        values: one of each seed.
        least: the least that the quantity can be.
        most: the most.
    """
    found = np.asarray(values, dtype=float)
    mean = float(found.mean()) if len(found) else math.nan
    if len(found) < 2:
        return mean, math.nan, math.nan
    half = float(student.ppf(1 - ALPHA / 2, len(found) - 1) * found.std(ddof=1))
    half /= math.sqrt(len(found))
    return mean, max(mean - half, least), min(mean + half, most)
