"""Closed-form intervals: Wilson, Newcombe and its generalisation, score risk ratio, Fieller.

They take proportions with their numbers of episodes, so they serve aggregated tables, and as the
last resort where a study shows no variance at all.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from analysis.layout import Floats

LEVEL = 0.95


def z_value(level: float = LEVEL) -> float:
    """Return the two-sided normal quantile."""
    return float(ndtri(0.5 + level / 2))


def wilson(p: Floats, n: Floats, z: float | None = None) -> tuple[Floats, Floats]:
    """Return Wilson's score limits of proportions.

    Args:
        p: shares.
        n: numbers of trials, above 0; they may be effective numbers.
        z: normal quantile; None = 95 %.

    Source: Wilson 1927.
    """
    z2 = (z_value() if z is None else z) ** 2
    centre = p + z2 / (2 * n)
    half = np.sqrt(z2) * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    # At p = 0 and 1 the outer limit is exactly p; rounding may put it a hair inside.
    low = np.minimum((centre - half) / (1 + z2 / n), p)
    high = np.maximum((centre + half) / (1 + z2 / n), p)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def effective_wilson(p: float, se: float, quantile: float) -> tuple[float, float]:
    """Return Wilson's limits of a rate inside (0, 1) with a standard error of its own.

    The number of trials is that with which a binomial rate would have this standard error. Near 0
    and 1, where ``p +- quantile se`` would leave the range, these limits still cover.

    Source: Kott and Carr 1997; Franco, Little, Louis and Slud 2019.
    """
    trials = p * (1 - p) / se**2
    low, high = wilson(np.array([p]), np.array([trials]), quantile)
    return float(low[0]), float(high[0])


def mover(weights: Floats, p: Floats, n: Floats, z: float | None = None) -> tuple[float, float]:
    """Return limits of ``sum w p`` for independent proportions, from their Wilson limits.

    With weights (-1, 1) these are Newcombe's. Source: Newcombe 1998, method 10; Zou and Donner
    2008.
    """
    low, high = wilson(p, n, z)
    theta = float(weights @ p)
    down = np.where(weights > 0, weights * (p - low), weights * (p - high))
    up = np.where(weights > 0, weights * (high - p), weights * (low - p))
    return theta - math.sqrt(float(down @ down)), theta + math.sqrt(float(up @ up))


def mover_p(weights: Floats, p: Floats, n: Floats, null: float = 0.0) -> float:
    """Return the two-sided p value whose ``mover`` interval just touches ``null``."""
    theta = float(weights @ p)
    if theta == null:
        return 1.0
    side = 0 if theta > null else 1

    def gap(z: float) -> float:
        return mover(weights, p, n, z)[side] - null

    top = 40.0  # p below 1e-300: as far as a float tells
    if gap(top) * gap(0.0) > 0:
        return 0.0
    return float(2 * ndtr(-float(brentq(gap, 0.0, top))))


def risk_ratio(successes: tuple[float, float], n: tuple[float, float]) -> tuple[float, float]:
    """Return score limits of p1 / p0 (Miettinen and Nurminen 1985); the upper may be infinite.

    Args:
        successes: treated, control.
        n: treated, control.
    """
    (x1, x0), (n1, n0) = successes, n
    z = z_value()

    def score(ratio: float) -> float:
        a = (n1 + n0) * ratio
        b = -(ratio * (n1 + x0) + x1 + n0)
        p0 = (-b - math.sqrt(max(b * b - 4 * a * (x1 + x0), 0.0))) / (2 * a)
        p1 = min(ratio * p0, 1.0)
        variance = p1 * (1 - p1) / n1 + ratio**2 * p0 * (1 - p0) / n0
        variance *= (n1 + n0) / (n1 + n0 - 1)
        return (x1 / n1 - ratio * x0 / n0) / math.sqrt(max(variance, 1e-300))

    start = (x1 / n1) / (x0 / n0) if x0 else math.inf
    low = 0.0 if x1 == 0 else _root(score, z, 1e-9, min(start, 1e9))
    high = math.inf if x0 == 0 else _root(score, -z, max(start, 1e-9), 1e9)
    return low, high


def _root(score: Callable[[float], float], value: float, low: float, high: float) -> float:
    """Return where ``score`` takes ``value``; the search is on the logarithm."""

    def shifted(log_ratio: float) -> float:
        return score(math.exp(log_ratio)) - value

    return math.exp(float(brentq(shifted, math.log(low), math.log(high), xtol=1e-13)))


def fieller(
    a: float, b: float, covariance: tuple[float, float, float], quantile: float
) -> tuple[float, float]:
    """Return the limits of a / b; (-inf, inf) when b does not differ from 0.

    Args:
        a: numerator.
        b: denominator.
        covariance: var a, cov ab, var b.
        quantile: of t or the normal, two-sided.

    Source: Fieller 1954.
    """
    va, cab, vb = (quantile**2 * value for value in covariance)
    lead, middle, tail = b * b - vb, a * b - cab, a * a - va
    if lead <= 0:
        return -math.inf, math.inf
    root = math.sqrt(max(middle * middle - lead * tail, 0.0))
    return (middle - root) / lead, (middle + root) / lead
