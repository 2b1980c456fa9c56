"""The conditional logit: within a task's run, which cells succeeded, given how many.

Whatever cells of one task, run and model share (a seed, the task's difficulty) cancels. The
denominator is an elementary symmetric function of exp(x beta), made by recursion over the cells
(Gail, Lubin and Rubinstein 1981) with its first two derivatives, at once for every distinct set of
observed cells: with every episode observed there is one.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.fits.board import Board, board
from analysis.fits.gee import ALIKE, clustered, fraction, wald
from analysis.fits.newton import identified, maximised
from analysis.layout import Floats
from analysis.place import NOT_ESTIMABLE, Finding, Place


class Strata(NamedTuple):
    """Runs with both outcomes: their sets of observed cells, successes and place on the board."""

    masks: Floats  # shape: (sets, cells); the distinct sets
    mask: NDArray[np.int64]  # shape: strata; which set
    total: NDArray[np.int64]  # shape: strata; successes
    sums: Floats  # shape: (strata, factors); sum of x over successes
    task: NDArray[np.int64]  # shape: strata
    run: NDArray[np.int64]  # shape: strata


def clogit(place: Place, factor: int) -> Finding:
    """Return one factor's log odds ratio within runs."""
    return place.once(_every_factor)[factor]


def strata_of(given: Board) -> Strata:
    """Return the runs that hold both a success and a failure."""
    y, seen = np.moveaxis(given.filled, 1, 3), np.moveaxis(given.seen, 1, 3)
    total = y.sum(axis=3)
    _, task, run = at = np.nonzero((total > 0) & (total < seen.sum(axis=3)))
    own = seen[at]
    packed = np.packbits(own, axis=1)
    _, first, mask = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return Strata(
        own[first].astype(np.float64),
        mask.ravel(),
        total[at].astype(np.int64),
        y[at] @ given.on,
        task,
        run,
    )


def symmetric(masks: Floats, x: Floats, beta: Floats, most: int) -> tuple[Floats, Floats, Floats]:
    """Return elementary symmetric functions of exp(x beta), with gradient and Hessian.

    Returns:
        shape (sets, most + 1), the same with (columns), and with (columns, columns).
    """
    k = x.shape[1]
    f = np.zeros((len(masks), most + 1))
    g = np.zeros((*f.shape, k))
    h = np.zeros((*g.shape, k))
    f[:, 0] = 1.0
    for cell in range(masks.shape[1]):
        weight = masks[:, cell, None] * np.exp(x[cell] @ beta)
        row = x[cell]
        top = min(cell + 1, most)  # no more successes than cells so far
        f0, g0, h0 = (a[:, :top] for a in (f, g, h))
        cross = g0[..., :, None] * row
        dh = h0 + cross + np.swapaxes(cross, -1, -2) + f0[..., None, None] * np.outer(row, row)
        dg = g0 + f0[..., None] * row
        h[:, 1 : top + 1] += weight[..., None, None] * dh
        g[:, 1 : top + 1] += weight[..., None] * dg
        f[:, 1 : top + 1] += weight * f0
    return f, g, h


def _likelihood(strata: Strata, x: Floats, beta: Floats) -> tuple[float, Floats, Floats]:
    with np.errstate(over="ignore", invalid="ignore"):  # a step too far: refused by its value
        f, mean, second = _moments(strata, x, beta)
    if not (np.isfinite(f).all() and np.isfinite(second).all()):
        return -math.inf, np.zeros(len(beta)), np.eye(len(beta))
    number = np.zeros(f.shape)
    np.add.at(number, (strata.mask, strata.total), 1.0)
    value = float(strata.sums.sum(axis=0) @ beta - (number * np.log(f)).sum())
    gradient = strata.sums.sum(axis=0) - np.tensordot(number, mean, axes=2)
    variance = second - mean[..., :, None] * mean[..., None, :]
    return value, gradient, np.tensordot(number, variance, axes=2)


def _moments(strata: Strata, x: Floats, beta: Floats) -> tuple[Floats, Floats, Floats]:
    """Return, by set and number of successes: the function, mean of sum x and of its square."""
    f, g, h = symmetric(strata.masks, x, beta, int(strata.total.max()))
    f = np.where(f > 0, f, 1.0)  # more successes than the set has cells: never asked for
    return f, g / f[..., None], h / f[..., None, None]


def _every_factor(place: Place) -> list[Finding]:
    given = place.once(board)
    n, missing = given.counts()
    k = given.on.shape[1]
    strata = strata_of(given)

    def lost(why: str) -> Finding:
        return Finding(method=why, n_episodes=n, n_missing=missing, status=NOT_ESTIMABLE)

    if not len(strata.total):
        return [lost("no run of a task holds both a success and a failure")] * k
    kept, own = identified(_likelihood(strata, given.on, np.zeros(k))[2])
    if not own.any():
        return [lost(ALIKE)] * k
    x = given.on[:, kept]
    strata = strata._replace(sums=strata.sums[:, kept])
    beta = maximised(partial(_likelihood, strata, x), int(kept.sum()))
    if beta is None:
        return [lost("an infinite log odds (separated data); see gee")] * k
    bread = np.linalg.inv(_likelihood(strata, x, beta)[2])
    mean = _moments(strata, x, beta)[1][strata.mask, strata.total]
    influence = np.zeros((*given.cluster.shape, int(kept.sum())))
    np.add.at(influence, (strata.task, strata.run), (strata.sums - mean) @ bread)
    runs = given.seen.any(axis=(0, 1))
    findings = []
    for factor, at in enumerate(np.cumsum(kept) - 1):
        if not own[factor]:
            findings.append(lost(ALIKE))
            continue
        model_se = math.sqrt(bread[at, at])
        spread = clustered(given, influence[..., at], runs, model_se, place.uncertainty)
        told = f"conditional logit, {len(strata.total)} runs, {spread.method}"
        told += fraction(place, given, factor)
        findings.append(wald(float(beta[at]), spread, told, (n, missing)))
    return findings
