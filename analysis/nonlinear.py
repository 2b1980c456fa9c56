"""Ratios of contrasts and log odds of means."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtr, stdtrit

from analysis import intervals
from analysis.estimands.spec import Contrast, LogOdds, Ratio
from analysis.layout import Floats
from analysis.place import NAN, NOT_ESTIMABLE, Finding, Place, effective_n, least, note
from analysis.sample import Sample
from analysis.uncertainty import Spread

ROUNDING = 1e-12  # a mean below this is 0


def _nonlinear(
    place: Place, first: Contrast, second: Contrast
) -> tuple[Finding, Sample, Floats, Floats] | Finding:
    """Return what ratios and log odds start from: counts, sample, both weights; or why not."""
    a, b = place.weights(first), place.weights(second)
    if a is None or b is None:
        return Finding(method="a cell is not in the study", status=NOT_ESTIMABLE)
    tasks = place.tasks(first)
    both = np.abs(a) + np.abs(b)
    usable, fault = place.usable(both, tasks)
    n, missing = place.counts(both, tasks)
    start = Finding(method=fault, n_episodes=n, n_missing=missing)
    if fault:
        return replace(start, status=NOT_ESTIMABLE)
    return start, place.sample.only(usable), a, b


def positive_spread(place: Place, part: Sample, weights: Floats) -> Spread:
    """Return one spread; where none was seen, that of rates moved off 0 and 1."""
    spread = place.uncertainty.spreads(part, weights[None, :])[0]
    return _adjusted(part, weights, spread) if spread.se == 0 else spread


def _adjusted(part: Sample, weights: Floats, spread: Spread) -> Spread:
    """Return the spread of independent rates with a success and a failure added to each cell.

    Source: Agresti and Caffo 2000.
    """
    n = effective_n(part)
    p = (part.p.mean(axis=1) * n + 1) / (n + 2)
    se = math.sqrt(float((weights**2 * p * (1 - p) / (n + 2)).sum()))
    return Spread(se, 1e6, f"adjusted Wald on counts; {spread.method or 'no variance'}")


def _quantile(spread: Spread) -> float:
    return float(stdtrit(spread.df, 0.5 + intervals.LEVEL / 2)) if spread.df > 0 else NAN


def ratio(place: Place, spec: Ratio) -> Finding:
    """Return a ratio with its Fieller, score, log or linearised interval."""
    begun = _nonlinear(place, spec.numerator, spec.denominator)
    if isinstance(begun, Finding):
        return begun
    start, part, a, b = begun
    means = part.p.mean(axis=1)
    top, base = float(a @ means) + spec.numerator.offset, float(b @ means)
    if abs(base) < ROUNDING:
        return replace(start, method="the denominator is 0", status=NOT_ESTIMABLE)
    value = top / base
    tasks = place.tasks(spec.numerator)
    parts = np.array([a, b, a + b])
    spreads = place.uncertainty.spreads(part, parts)
    spread_a = _adjusted(part, a, spreads[0]) if spreads[0].se == 0 else spreads[0]
    p = float(2 * stdtr(spread_a.df, -abs(top) / spread_a.se)) if spread_a.se > 0 else NAN
    if spec.numerator.offset:
        p = NAN
    alone = place.uncertainty.target == "fixed" and len(place.models) == 1
    apart = alone and spread_a.method.endswith("independent runs")
    if spec.scale == "log" and (value <= -1 or apart):
        # Also where the treated rate is 0 and has no logarithm.
        low, high = _score_limits(part, a, b)
        method = f"score risk ratio on counts; {note(spread_a, part, tasks)}"
    elif spec.scale == "log":
        # log RR of treated (a + b) over control b.
        spread = positive_spread(place, part, (a + b) / (top + base) - b / base)
        half = _quantile(spread) * spread.se
        half = min(half, 700.0)  # as far as a float goes
        low, high = (1 + value) * math.exp(-half), (1 + value) * math.exp(half)
        method = f"log risk ratio, {note(spread, part, tasks)}"
    elif spec.scale == "linearised":
        spread = positive_spread(place, part, (a - value * b) / base)
        half = _quantile(spread) * spread.se
        low, high = value - half, value + half
        method = f"linearised, {note(spread, part, tasks)}"
    else:
        joint = spreads[2]
        low, high = _fieller(top, base, spreads)
        # No variance in one of them; or spreads made in different ways (between tasks, within them
        # where none was seen between), of which no covariance follows: their limits miss the ratio.
        if not math.isnan(low) and not low < value < high:
            spreads = [_adjusted(part, row, one) for row, one in zip(parts, spreads, strict=True)]
            joint = spreads[2]
            low, high = _fieller(top, base, spreads)
        open_ended = ", unbounded" if math.isinf(low) else ""
        method = f"Fieller{open_ended}, {note(joint, part, tasks)}"
    if spec.scale == "log":
        low, high = low - 1, high - 1
    bounds = _ratio_bounds(place, spec, a, b) if start.n_missing else (NAN, NAN)
    return replace(
        start,
        estimate=value,
        ci_low=low,
        ci_high=high,
        p=p,
        method=method,
        manski_low=bounds[0],
        manski_high=bounds[1],
    )


def _fieller(top: float, base: float, spreads: Sequence[Spread]) -> tuple[float, float]:
    """Return Fieller's limits from the spreads of numerator, denominator and their sum."""
    va, vb, joint = (spread.se**2 for spread in spreads)
    if math.isnan(joint):
        return NAN, NAN
    if min(va, vb, joint) == 0:
        return 0.0, 0.0
    covariance = (va, (joint - va - vb) / 2, vb)
    return intervals.fieller(top, base, covariance, _quantile(spreads[2]))


def _score_limits(part: Sample, a: Floats, b: Floats) -> tuple[float, float]:
    """Return score limits of the risk ratio of (a + b) to b from their counts."""
    counts, n, p = [], effective_n(part), part.p.mean(axis=1)
    for weights in (a + b, b):
        rows = np.abs(weights) > 1e-12
        counts.append((float(weights @ p) * float(n[rows].sum()), float(n[rows].sum())))
    (x1, n1), (x0, n0) = counts
    return intervals.risk_ratio((x1, x0), (n1, n0))


def _ratio_bounds(place: Place, spec: Ratio, a: Floats, b: Floats) -> tuple[float, float]:
    """Return worst and best case of a ratio of contrasts; infinite if the base may reach 0.

    The least value r of top/base over a box is where the least of ``top - r base`` is 0.
    """
    rows = (a != 0) | (b != 0)
    low, high = (side[rows] for side in place.box(place.tasks(spec.numerator)))
    a, b, offset = a[rows], b[rows], spec.numerator.offset
    smallest = least(b, low, high)
    if not smallest > 1e-9:  # a base of 0 may come out of the sums as some 1e-17
        return -math.inf, math.inf
    most = (float(np.abs(a).sum()) + abs(offset)) / smallest + 1.0  # no ratio lies further out

    def lowest(value: float) -> float:
        return least(a - value * b, low, high) + offset

    def highest(value: float) -> float:
        return -least(value * b - a, low, high) + offset

    return float(brentq(lowest, -most, most)), float(brentq(highest, -most, most))


def log_odds(place: Place, spec: LogOdds) -> Finding:
    """Return a difference of log odds with its delta-method interval."""
    begun = _nonlinear(place, spec.treated, spec.control)
    if isinstance(begun, Finding):
        return begun
    start, part, a, b = begun
    means = part.p.mean(axis=1)
    with_, without = float(a @ means), float(b @ means)
    if not all(ROUNDING < mean < 1 - ROUNDING for mean in (with_, without)):
        return replace(start, method="a mean is 0 or 1", status=NOT_ESTIMABLE)
    value = _logit(with_) - _logit(without)
    spread = positive_spread(place, part, a / (with_ * (1 - with_)) - b / (without * (1 - without)))
    half = _quantile(spread) * spread.se
    tasks = place.tasks(spec.treated)
    bounds = NAN, NAN
    if start.n_missing:
        low, high = place.box(tasks)
        bounds = (
            _logit(float(a[a > 0] @ low[a > 0])) - _logit(float(b[b > 0] @ high[b > 0])),
            _logit(float(a[a > 0] @ high[a > 0])) - _logit(float(b[b > 0] @ low[b > 0])),
        )
    return replace(
        start,
        estimate=value,
        ci_low=value - half,
        ci_high=value + half,
        p=float(2 * stdtr(spread.df, -abs(value) / spread.se)) if spread.se > 0 else NAN,
        method=f"delta method, {note(spread, part, tasks)}",
        manski_low=bounds[0],
        manski_high=bounds[1],
    )


def _logit(p: float) -> float:
    if p <= 0 or p >= 1:
        return -math.inf if p <= 0 else math.inf
    return math.log(p / (1 - p))
