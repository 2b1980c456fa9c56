"""pass@k and pass^k: one of k runs of a task succeeds, or all of them do."""

import math
from functools import cache, partial
from math import comb

import numpy as np
from scipy.special import bdtr, stdtrit

from analysis import intervals
from analysis.fits.board import Board, board
from analysis.layout import Floats
from analysis.place import NAN, NOT_ESTIMABLE, Finding, Place
from analysis.uncertainty import Spread


def pass_k(place: Place, cell: int, k: int, *, every: bool) -> Finding:
    """Return the mean over tasks of the unbiased estimate from each task's n >= k runs.

    Args:
        place: where.
        cell: position of a standard cell.
        k: runs drawn.
        every: all k succeed (pass^k), else at least one (pass@k).
    """
    given = place.once(board)
    seen, sums = _runs(given, cell)
    planned = given.planned[:, cell]
    n = int(seen.sum())
    start = Finding(n_episodes=n, n_missing=int(planned.sum()) - n)
    if not (planned > 0).any(axis=1).all():
        return _lost(start, "a cell is not in the study")
    has = (seen >= k).all(axis=0)  # shape: tasks
    if not has.any():
        return _lost(start, f"no task has {k} observed runs of the cell")
    if place.uncertainty.target == "fixed" and not has.all():
        return _lost(start, f"a task has fewer than {k} observed runs of the cell")
    values = chance(seen[:, has], sums[:, has], k, every=every)  # shape: (models, tasks)
    tasks = int(has.sum())
    estimate = float(values.mean())
    share = np.full(len(has), np.nan)
    share[has] = values.mean(axis=0) / tasks
    spread = given.between(share, place.uncertainty)
    if place.uncertainty.target == "fixed" or spread.se == 0:
        spread = _within(seen[:, has], sums[:, has], k, every=every)
    elif k > 1:
        # Runs are a part of what differs between tasks: seen from tasks that all but pass, less.
        runs = _within(seen[:, has], sums[:, has], k, every=every)
        if runs.se > spread.se:
            spread = Spread(runs.se, spread.df, f"{spread.method}, spread of {runs.method}")
    low = high = NAN
    told = spread.method
    certain = not 1e-9 < estimate < 1 - 1e-9
    if spread.se > 0 and not certain:
        quantile = float(stdtrit(spread.df, 0.5 + intervals.LEVEL / 2))
        low, high = estimate - quantile * spread.se, estimate + quantile * spread.se
        if k > 1 or not 0 <= low <= high <= 1:  # chances crowd at 0 or 1 as k grows
            low, high = intervals.effective_wilson(estimate, spread.se, quantile)
            told = f"Wilson on effective counts, {told}"
    elif spread.se == 0 or (certain and spread.se > 0):
        # A mean of tasks' chances varies no more than one of tasks that pass or fail.
        limits = intervals.wilson(np.array([estimate]), np.array([float(tasks)]))
        low, high = float(limits[0][0]), float(limits[1][0])
        told = f"Wilson on {tasks} tasks, no variance seen"
    if tasks < len(has):
        told += f"; {tasks} of {len(has)} tasks have {k} observed runs"
    bounds = _bounds(given, cell, k, every=every) if start.n_missing else (NAN, NAN)
    return Finding(
        estimate,
        low,
        high,
        NAN,
        f"unbiased, {told}",
        start.n_episodes,
        start.n_missing,
        "",
        *bounds,
    )


def chance(n: Floats, successes: Floats, k: int, *, every: bool) -> Floats:
    """Return C(c, k) / C(n, k), or 1 - C(n - c, k) / C(n, k), of c successes in n >= k runs.

    Source: Chen et al. 2021 (pass@k); Yao et al. 2024 (pass^k). Shape of n.
    """
    out = np.empty(n.shape)
    for runs in np.unique(n):
        own = n == runs
        out[own] = _table(int(runs), k, every)[0][successes[own].astype(np.int64)]
    return out


@cache
def _table(n: int, k: int, every: bool) -> tuple[Floats, Floats]:
    """Return the estimate from c = 0..n successes, and its variance under the rate they suggest.

    The variance is n / (n - 1) times that of the estimate under n runs of a rate p. At k = 1, p is
    c / n: the unbiased p (1 - p) / (n - 1). Beyond, p is Jeffreys' (c + 1/2) / (n + 1), as 0 or n
    successes leave doubt that grows with k. Shape: n + 1.
    """
    c = np.arange(n + 1)
    ratio = np.array([comb(x, k) / comb(n, k) for x in (c if every else n - c).tolist()])
    value = ratio if every else 1.0 - ratio
    if n < 2:
        return value, np.zeros(n + 1)
    rate = (c + 0.5) / (n + 1) if k > 1 else c / n
    weight = np.diff(bdtr(c[None, :].astype(float), n, rate[:, None]), axis=1, prepend=0.0)
    mean = weight @ value
    variance: Floats = (weight * (value - mean[:, None]) ** 2).sum(axis=1) * n / (n - 1)
    return value, variance


def _within(seen: Floats, sums: Floats, k: int, *, every: bool) -> Spread:
    """Return the spread over new runs (see ``_table``)."""
    if seen.min() < 2:
        return Spread(0.0, 0, "one run of a task")
    total = 0.0
    for n in np.unique(seen):
        counts = sums[seen == n].astype(np.int64)
        total += float(_table(int(n), k, every)[1][counts].sum())
    models, tasks = seen.shape
    df = int((seen - 1).sum())
    se = math.sqrt(total) / models / tasks
    return Spread(se if se > 1e-12 else 0.0, df, f"binomial runs of each task, t({df})")


def _bounds(given: Board, cell: int, k: int, *, every: bool) -> tuple[float, float]:
    """Return worst and best case: every missing run fails, or succeeds."""
    seen, sums = _runs(given, cell)
    planned = given.planned[:, cell]
    if planned.min() < k:
        return NAN, NAN
    made = partial(chance, planned, k=k, every=every)
    return float(made(sums).mean()), float(made(sums + planned - seen).mean())


def _runs(given: Board, cell: int) -> tuple[Floats, Floats]:
    """Return observed runs and their successes. Shape: (models, tasks)."""
    seen = given.seen[:, cell].sum(axis=2).astype(np.float64)
    return seen, given.filled[:, cell].sum(axis=2)


def _lost(start: Finding, why: str) -> Finding:
    return Finding(
        method=why, n_episodes=start.n_episodes, n_missing=start.n_missing, status=NOT_ESTIMABLE
    )
