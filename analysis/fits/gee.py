"""The logit of success on every factor, models as fixed effects, with clustered standard errors.

Generalised estimating equations with an independence working correlation: the estimate is that of
a plain logit, the standard error a sandwich of the clusters' scores (Liang and Zeger 1986), times
G / (G - 1), with t(G - 1) as the G clusters are few. Clusters are tasks for new tasks, and runs
within tasks for these tasks; a chain joins what it links.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, stdtr, stdtrit

from analysis import intervals
from analysis.fits.board import Board, board
from analysis.fits.logit import Logit, logit
from analysis.fits.newton import identified
from analysis.fractions import aliased
from analysis.layout import Bools, Floats
from analysis.place import NOT_ESTIMABLE, Finding, Place
from analysis.uncertainty import Spread, Uncertainty

ALIKE = "the cells cannot tell it from the other factors"
MANY = 1e6  # degrees of freedom of a normal


def gee(place: Place, factor: int) -> Finding:
    """Return one factor's log odds ratio of the additive logit."""
    return place.once(_every_factor)[factor]


class Fitted(NamedTuple):
    """A fit on the cells of a board that have data, factors' coefficients last."""

    fit: Logit
    x: Floats  # shape: (rows, columns kept)
    rows: Bools  # shape: (models, cells)
    position: NDArray[np.int64]  # of each factor among the columns kept; -1 = not identified


def fitted(given: Board) -> Fitted | None:
    """Return the fit; None where the cells identify no factor."""
    trials = given.seen.sum(axis=(2, 3)).astype(np.float64)
    rows = trials > 0
    models = len(trials)
    intercepts = np.repeat(np.eye(models), len(given.on), axis=0)
    x = np.hstack([intercepts, np.tile(given.on, (models, 1))])[rows.ravel()]
    kept, own = identified(x.T @ (x * trials[rows][:, None]))
    if not own[models:].any():
        return None
    fit = logit(x[:, kept], given.filled.sum(axis=(2, 3))[rows], trials[rows])
    position = np.where(own, np.cumsum(kept) - 1, -1)
    return Fitted(fit, x[:, kept], rows, position[models:])


def _every_factor(place: Place) -> list[Finding]:
    given = place.once(board)
    n, missing = given.counts()
    lost = Finding(method=ALIKE, n_episodes=n, n_missing=missing, status=NOT_ESTIMABLE)
    made = fitted(given)
    if made is None:
        return [lost] * given.on.shape[1]
    fit = made.fit
    bread = np.linalg.inv(fit.information)
    rate = expit(made.x @ fit.beta)[:, None, None]
    residual = np.where(given.seen[made.rows], given.y[made.rows] - rate, 0.0)
    # Each run's share of a coefficient's error. Shape: (columns, tasks, runs).
    influence = np.tensordot(bread @ made.x.T, residual, axes=1)
    name = "Firth penalised logit (separated data)" if fit.firth else "logit"
    runs = given.seen.any(axis=(0, 1))
    findings = []
    for factor, at in enumerate(made.position.tolist()):
        if at < 0:
            findings.append(lost)
            continue
        model_se = math.sqrt(bread[at, at])
        spread = clustered(given, influence[at], runs, model_se, place.uncertainty)
        if fit.firth and spread.se < model_se:
            # Clusters without a success say nothing: their scores are zero, their doubt is not.
            spread = Spread(model_se, spread.df, f"model-based, {spread.method}")
        told = f"{name}, {spread.method}{fraction(place, given, factor)}"
        found = wald(float(fit.beta[at]), spread, told, (n, missing))
        if missing:
            low, high = (_refitted(given.extreme(factor, on=x), factor) for x in (0.0, 1.0))
            found = replace(found, manski_low=low, manski_high=high)
        findings.append(found)
    return findings


def _refitted(given: Board, factor: int) -> float:
    made = fitted(given)
    return math.nan if made is None else float(made.fit.beta[made.position[factor]])


def clustered(
    given: Board, influence: Floats, seen: Bools, model_se: float, how: Uncertainty
) -> Spread:
    """Return the spread of an estimate from the runs' shares of its error.

    Where clusters show none, or none can be known, the model's own.

    Args:
        given: whose runs they are.
        influence: shape (tasks, runs).
        seen: shape (tasks, runs); which runs have a share.
        model_se: the model's own standard error.
        how: the target.
    """
    told = ""
    if how.target == "new":
        tasks = np.where(seen.any(axis=1), influence.sum(axis=1), np.nan)
        spread = given.between(tasks, how)
        if spread.se != 0:
            return spread
        told = "no variance between tasks, "
    spread = given.within(influence, seen)
    if spread.se != 0:
        return Spread(spread.se, spread.df, told + spread.method)
    return Spread(model_se, MANY, f"{told}{spread.method or 'no variance'}: model-based")


def wald(estimate: float, spread: Spread, method: str, counts: tuple[int, int]) -> Finding:
    """Return a fitted estimate with t limits; NaN limits where the target allows no interval."""
    half = p = math.nan
    if spread.se > 0:
        half = float(stdtrit(spread.df, 0.5 + intervals.LEVEL / 2)) * spread.se
        p = float(2 * stdtr(spread.df, -abs(estimate) / spread.se))
    n, missing = counts
    return Finding(
        estimate, estimate - half, estimate + half, p, method, n, missing, status="model_based"
    )


def fraction(place: Place, given: Board, factor: int) -> str:
    """Return what an incomplete factorial is assumed to be, as the end of a method."""
    held = given.held.any(axis=0)
    if held.all():
        return ""
    codes = [place.codes[cell] for cell in np.flatnonzero(held)]
    alias = aliased([factor], codes, place.names)
    told = f"; {len(codes)} of {len(held)} cells, interactions taken as 0"
    return f"{told}, fraction: estimates {alias[1]}" if alias else told
