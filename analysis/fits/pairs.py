"""Exact McNemar: the two episodes of a task's run that differ by one factor alone."""

import math
from dataclasses import replace

import numpy as np
from scipy.special import bdtr, stdtrit

from analysis import arms, intervals
from analysis.fits.board import Board, board
from analysis.layout import Bools
from analysis.place import NAN, NOT_ESTIMABLE, Finding, Place


def mcnemar(place: Place, factor: int) -> Finding:
    """Return the risk difference within pairs, equal task weights, with McNemar's exact p.

    The p value is the two-sided binomial one of the discordant pairs: under it the factor changes
    no episode's chance. Limits are those of a mean over tasks of the pairs' differences; where
    they show no variance, Newcombe's for paired proportions.
    """
    given = place.once(board)
    on, off = given.pair(factor)
    both = given.seen[:, on] & given.seen[:, off]  # shape: (models, settings, tasks, runs)
    planned = (given.planned[:, on] > 0) & (given.planned[:, off] > 0)
    n = 2 * int(both.sum())
    least = np.minimum(given.planned[:, on], given.planned[:, off])
    missing = 2 * int(np.maximum(least - both.sum(axis=3), 0).sum()) if given.lost.any() else 0
    start = Finding(n_episodes=n, n_missing=missing)
    if not n:
        why = "no run holds both episodes of a pair" if planned.any() else "no pair is in the study"
        return replace(start, method=why, status=NOT_ESTIMABLE)
    pairs = both.sum(axis=(0, 1))  # shape: (tasks, runs)
    difference = np.where(both, given.filled[:, on] - given.filled[:, off], 0.0)
    of_task = pairs.sum(axis=1)
    has = of_task > 0
    if place.uncertainty.target == "fixed" and not has.all():
        return replace(start, method="a task has no pair", status=NOT_ESTIMABLE)
    sums = difference.sum(axis=(0, 1))
    means = sums.sum(axis=1)[has] / of_task[has]
    estimate = float(means.mean())
    tasks = int(has.sum())
    share = np.full(len(has), np.nan)
    share[has] = means / tasks
    scores = np.zeros(pairs.shape)
    scores[has] = (sums[has] - means[:, None] * pairs[has]) / of_task[has, None] / tasks
    treated, control = (float(given.filled[:, side][both].sum()) for side in (on, off))
    joint = float((given.filled[:, on] * given.filled[:, off])[both].sum())
    b, c, total = treated - joint, control - joint, n / 2
    spread = given.between(share, place.uncertainty)
    if place.uncertainty.target == "fixed" or spread.se == 0:
        spread = given.within(scores, pairs > 0)
    low = high = NAN
    if spread.se > 0:
        half = float(stdtrit(spread.df, 0.5 + intervals.LEVEL / 2)) * spread.se
        low, high, told = estimate - half, estimate + half, spread.method
    elif spread.se == 0:
        low, high = newcombe_paired(joint, b, c, total - joint - b - c)
        # Tasks of unequal size may put the mean of tasks beside the pooled one.
        shift = estimate - (b - c) / total
        low, high, told = low + shift, high + shift, "Newcombe for pairs, no variance between them"
    else:
        told = spread.method
    settings = settings_told(place, given, factor, both.any(axis=(0, 2, 3)))
    bounds = _bounds(given, factor) if missing else (NAN, NAN)
    return replace(
        start,
        estimate=estimate,
        ci_low=low,
        ci_high=high,
        p=exact_p(b, c),
        method=f"exact McNemar, {b:.0f} against {c:.0f} of {total:.0f} pairs; limits: {told}; "
        + settings,
        manski_low=bounds[0],
        manski_high=bounds[1],
    )


def exact_p(b: float, c: float) -> float:
    """Return the two-sided exact p of McNemar's test. Source: McNemar 1947; binomial of 1/2."""
    return min(1.0, 2 * float(bdtr(min(b, c), round(b + c), 0.5))) if b + c else 1.0


def newcombe_paired(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    """Return limits of (b - c) / n of a paired table. Source: Newcombe 1998b, method 10.

    Args:
        a: both succeed.
        b: only the treated.
        c: only the control.
        d: neither.
    """
    n = a + b + c + d
    p = np.array([a + b, a + c]) / n
    low, high = intervals.wilson(p, np.array([n, n]))
    down, up = p - low, high - p
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    cross = a * d - b * c
    cross = max(cross - n / 2, 0.0) if cross > 0 else cross
    phi = cross / math.sqrt(margins) if margins else 0.0
    theta = float(p[0] - p[1])

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(one * one - 2 * phi * one * other + other * other, 0.0))

    return theta - reach(down[0], up[1]), theta + reach(up[0], down[1])


def settings_told(place: Place, given: Board, factor: int, found: Bools) -> str:
    """Return in words which settings of the others an estimate stands on. Shape: settings."""
    _, off = given.pair(factor)
    codes = [place.codes[cell] for cell in off[found]]
    named = [code[:factor] + arms.VARIES + code[factor + 1 :] for code in codes]
    return arms.settings_told(named, given.on.shape[1])


def _bounds(given: Board, factor: int) -> tuple[float, float]:
    """Return worst and best case over the missing episodes; NaN where their runs are not known."""
    if not given.placed:
        return NAN, NAN
    values = []
    for on_value in (0.0, 1.0):
        filled = given.extreme(factor, on=on_value)
        on, off = filled.pair(factor)
        both = filled.seen[:, on] & filled.seen[:, off]
        difference = np.where(both, filled.filled[:, on] - filled.filled[:, off], 0.0)
        n = both.sum(axis=(0, 1, 3))
        has = n > 0
        values.append(float((difference.sum(axis=(0, 1, 3))[has] / n[has]).mean()))
    return values[0], values[1]
