"""Those who used an intervention against those who did not: biased, and said to be.

Use is chosen after the draw: who asks may be who struggles. Reported beside the unbiased ``itt``
and ``cace`` because readers of other papers look for them.
"""

from dataclasses import replace

import numpy as np
from scipy.special import stdtr, stdtrit

from analysis import intervals
from analysis.fits.board import board
from analysis.layout import Floats
from analysis.place import NAN, NOT_ESTIMABLE, Finding, Place


def takers(place: Place, factor: int, used: str, *, per_protocol: bool) -> Finding:
    """Return success of users minus success of others, within tasks, equal task weights.

    Args:
        place: where.
        factor: the factor's position.
        used: the outcome that records its use.
        per_protocol: leave out those offered who did not use it, and users not offered.
    """
    given, use = place.once(board), board(place, used)
    known = given.seen & use.seen
    offered = given.on[:, factor][None, :, None, None] == 1
    took = known & (use.filled == 1)
    rest = known & (use.filled == 0)
    if per_protocol:
        took, rest = took & offered, rest & ~offered
    kind = "per protocol" if per_protocol else "as treated"
    n = int((took | rest).sum())
    start = Finding(n_episodes=n, n_missing=int(given.planned.sum() - known.sum()))
    # Shapes: (models, tasks).
    n1, n0 = (side.sum(axis=(1, 3)) for side in (took, rest))
    has = ((n1 > 0) & (n0 > 0)).all(axis=0)
    if not has.any():
        why = f"biased: {kind}; no task has both users and others"
        return replace(start, method=why, status=NOT_ESTIMABLE)
    if place.uncertainty.target == "fixed" and not has.all():
        why = f"biased: {kind}; a task lacks users or others"
        return replace(start, method=why, status=NOT_ESTIMABLE)
    models, tasks = len(n1), int(has.sum())
    m1, m0 = (_mean(given.filled, side, n) for side, n in ((took, n1), (rest, n0)))
    share = np.where(has, (m1 - m0).mean(axis=0) / tasks, np.nan)
    estimate = float(np.nansum(share))
    error = _error(given.filled, took, m1, n1) - _error(given.filled, rest, m0, n0)
    scores = np.where(has[:, None], error / models / tasks, 0.0)
    seen = (took | rest).any(axis=(0, 1)) & has[:, None]
    spread = given.between(share, place.uncertainty)
    if place.uncertainty.target == "fixed" or spread.se == 0:
        spread = given.within(scores, seen)
    low = high = p = NAN
    told = spread.method
    if spread.se > 0:
        half = float(stdtrit(spread.df, 0.5 + intervals.LEVEL / 2)) * spread.se
        low, high = estimate - half, estimate + half
        p = float(2 * stdtr(spread.df, -abs(estimate) / spread.se))
    elif spread.se == 0:
        counts = np.array([float(n1[:, has].sum()), float(n0[:, has].sum())])
        rates = np.array([float(m1[:, has].mean()), float(m0[:, has].mean())])
        sides = np.array([1.0, -1.0])
        low, high = intervals.mover(sides, rates, counts)
        p = intervals.mover_p(sides, rates, counts)
        told = f"Newcombe on counts; {told or 'no variance'}"
    if tasks < len(has):
        told += f"; {tasks} of {len(has)} tasks have both"
    return replace(
        start,
        estimate=estimate,
        ci_low=low,
        ci_high=high,
        p=p,
        method=f"biased: {kind}, who used it was not drawn; {told}",
    )


def _mean(y: Floats, own: Floats, n: Floats) -> Floats:
    total = np.where(own, y, 0.0).sum(axis=(1, 3))
    out: Floats = np.divide(total, n, out=np.zeros_like(total), where=n > 0)
    return out


def _error(y: Floats, own: Floats, mean: Floats, n: Floats) -> Floats:
    """Return the runs' shares of the error of the models' means. Shape: (tasks, runs)."""
    scale = 1.0 / np.maximum(n, 1)
    residual = np.where(own, y - mean[:, None, :, None], 0.0).sum(axis=1)
    out: Floats = (residual * scale[:, :, None]).sum(axis=0)
    return out
