"""Paired proportions: the same episodes with and without something."""

import math

import numpy as np
from scipy.special import bdtr

from analysis import intervals
from analysis.layout import Floats


def exact_p(b: float, c: float) -> float:
    """Return McNemar's exact two-sided p of ``b`` against ``c`` discordant pairs.

    Source: McNemar 1947; the binomial of 1/2.
    """
    return min(1.0, 2 * float(bdtr(min(b, c), round(b + c), 0.5))) if b + c else 1.0


def newcombe(treated: Floats, control: Floats) -> tuple[float, float]:
    """Return limits of the mean difference within pairs of outcomes 0 and 1.

    Source: Newcombe 1998, paired data, method 10.
    """
    n = len(treated)
    both = float(treated @ control)
    one, other = float(treated.sum()), float(control.sum())
    p = np.array([one, other]) / n
    low, high = intervals.wilson(p, np.array([n, n]))
    down, up = p - low, high - p
    cross = both * (n - one - other + both) - (one - both) * (other - both)
    cross = max(cross - n / 2, 0.0) if cross > 0 else cross
    margins = one * (n - one) * other * (n - other)
    phi = cross / math.sqrt(margins) if margins else 0.0

    def reach(own: float, against: float) -> float:
        return math.sqrt(max(own * own - 2 * phi * own * against + against * against, 0.0))

    theta = float(p[0] - p[1])
    return theta - reach(down[0], up[1]), theta + reach(up[0], down[1])
