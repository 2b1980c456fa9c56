"""Cochran, Mantel and Haenszel: the odds ratio that 2 x 2 tables of tasks and settings share."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, stdtr, stdtrit

from analysis import intervals
from analysis.fits.board import Board, board
from analysis.fits.pairs import settings_told
from analysis.layout import Bools, Floats
from analysis.place import NAN, NOT_ESTIMABLE, Finding, Place


class Tables(NamedTuple):
    """2 x 2 tables with both arms. Shape of each: (models, settings, tasks)."""

    a: Floats  # successes with the factor
    b: Floats  # failures with it
    c: Floats  # successes without it
    d: Floats
    own: Bools  # which tables have both arms

    @property
    def concordant(self) -> Floats:
        """A d / n: what speaks for the factor."""
        return _over(self.a * self.d, self.n)

    @property
    def discordant(self) -> Floats:
        """B c / n: what speaks against it."""
        return _over(self.b * self.c, self.n)

    @property
    def n(self) -> Floats:
        """Episodes of each table."""
        return self.a + self.b + self.c + self.d


def cmh(place: Place, factor: int) -> Finding:
    """Return the common log odds ratio over tables of task, setting of the others and model.

    For fixed tasks the standard error is Robins, Breslow and Greenland's and p that of the
    Mantel-Haenszel statistic without continuity correction; for new tasks both come from the tasks'
    contributions to the two sums (linearised).
    """
    given = place.once(board)
    tables = tables_of(given, factor)
    start = _counts(given, factor, tables)
    if not tables.own.any():
        return replace(start, method="no setting holds both arms", status=NOT_ESTIMABLE)
    up, down = float(tables.concordant.sum()), float(tables.discordant.sum())
    if up == 0 or down == 0:
        told = (
            f"an infinite log odds: no table with a {'success' if up == 0 else 'failure'} with it"
        )
        told += f" and a {'failure' if up == 0 else 'success'} without it; see gee"
        return replace(start, method=told, status=NOT_ESTIMABLE)
    value = math.log(up / down)
    se, df, told = _robins(tables), math.inf, "Robins-Breslow-Greenland"
    p = mantel_haenszel_p(tables)
    if place.uncertainty.target == "new":
        has = tables.own.any(axis=(0, 1))
        share = tables.concordant.sum(axis=(0, 1)) / up - tables.discordant.sum(axis=(0, 1)) / down
        spread = given.between(np.where(has, share, np.nan), place.uncertainty)
        if spread.se != 0:
            se, df, told = spread.se, spread.df, spread.method
            p = float(2 * stdtr(df, -abs(value) / se)) if se > 0 else NAN
        else:
            told += ", no variance between tasks"
    half = float(stdtrit(min(df, 1e6), 0.5 + intervals.LEVEL / 2)) * se if se > 0 else NAN
    bounds = NAN, NAN
    if start.n_missing:
        filled = [tables_of(given.extreme(factor, on=value), factor) for value in (0.0, 1.0)]
        bounds = _log_odds(filled[0]), _log_odds(filled[1])
    return replace(
        start,
        estimate=value,
        ci_low=value - half,
        ci_high=value + half,
        p=p,
        method=f"Mantel-Haenszel, {int(tables.own.sum())} tables, {told}; "
        + settings_told(place, given, factor, tables.own.any(axis=(0, 2))),
        status="model_based",
        manski_low=bounds[0],
        manski_high=bounds[1],
    )


def tables_of(given: Board, factor: int) -> Tables:
    """Return the tables of one factor."""
    on, off = given.pair(factor)
    n, s = given.seen.sum(axis=3).astype(np.float64), given.filled.sum(axis=3)
    own = (n[:, on] > 0) & (n[:, off] > 0)
    a, b, c, d = (
        np.where(own, side, 0.0) for side in (s[:, on], (n - s)[:, on], s[:, off], (n - s)[:, off])
    )
    return Tables(a, b, c, d, own)


def mantel_haenszel_p(tables: Tables) -> float:
    """Return the p value that every table's odds ratio is 1. Source: Mantel and Haenszel 1959."""
    a, b, c, d, _ = tables
    n = tables.n
    excess = float((a - _over((a + b) * (a + c), n)).sum())
    variance = float(_over((a + b) * (a + c) * (b + d) * (c + d), n * n * (n - 1)).sum())
    return float(chdtrc(1, excess**2 / variance)) if variance > 0 else NAN


def _robins(tables: Tables) -> float:
    """Return the standard error of the log odds ratio. Source: Robins et al. 1986."""
    up, down = tables.concordant, tables.discordant
    alike = _over(tables.a + tables.d, tables.n)
    apart = np.where(tables.own, 1.0 - alike, 0.0)
    r, s = up.sum(), down.sum()
    variance = (alike * up).sum() / r**2 + (apart * down).sum() / s**2
    variance += (alike * down + apart * up).sum() / (r * s)
    return math.sqrt(float(variance) / 2)


def _log_odds(tables: Tables) -> float:
    up, down = float(tables.concordant.sum()), float(tables.discordant.sum())
    if up == 0 or down == 0:
        return -math.inf if up == 0 else math.inf
    return math.log(up / down)


def _counts(given: Board, factor: int, tables: Tables) -> Finding:
    on, off = given.pair(factor)
    n = int(tables.n.sum())
    due = (given.planned[:, on] > 0) & (given.planned[:, off] > 0)
    planned = given.planned[:, on] + given.planned[:, off]
    return Finding(n_episodes=n, n_missing=int(planned[due].sum()) - n)


def _over(top: Floats, base: Floats) -> Floats:
    out: Floats = np.divide(top, base, out=np.zeros_like(top), where=base > 0)
    return out
