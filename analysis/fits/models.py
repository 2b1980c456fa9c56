"""How much the models' effects differ: Cochran's Q, Paule-Mandel tau, I squared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri

from analysis import contrasts, intervals
from analysis.estimands.spec import Contrast
from analysis.layout import Floats
from analysis.nonlinear import positive_spread
from analysis.place import NAN, NOT_ESTIMABLE, Finding, Place


@dataclass(frozen=True, eq=False)
class Effects:
    """One factor's effect in each model, with its own standard error."""

    values: Floats  # shape: models
    variances: Floats  # shape: models
    n: int
    missing: int
    fault: str = ""

    def q(self, tau2: float = 0.0) -> float:
        """Return Cochran's Q with ``tau2`` added to each model's variance."""
        weights = 1.0 / (self.variances + tau2)
        mean = float(weights @ self.values) / float(weights.sum())
        return float(weights @ (self.values - mean) ** 2)

    def tau2_at(self, q: float) -> float | None:
        """Return the between-model variance that makes Q this; None if Q is below it already."""
        if self.q() <= q:
            return None
        top = float(np.ptp(self.values)) ** 2 + 1e-12
        while self.q(top) > q:
            top *= 4.0
        return float(brentq(lambda tau2: self.q(tau2) - q, 0.0, top, xtol=1e-18, rtol=1e-14))


def tau(place: Place, factor: int) -> Finding:
    """Return Paule and Mandel's between-model standard deviation of ame, with Q-profile limits.

    Source: Paule and Mandel 1982; Viechtbauer 2007. p is Cochran's.
    """
    effects = place.once(_every_factor)[factor]
    if effects.fault:
        return _lost(effects)
    df = len(effects.values) - 1
    value = effects.tau2_at(df)
    tail = 0.5 - intervals.LEVEL / 2
    least, most = (effects.tau2_at(float(chdtri(df, side))) for side in (tail, 1 - tail))
    low, high, told = math.sqrt(least or 0.0), math.sqrt(most or 0.0), "Q-profile"
    if most is None:
        low = high = NAN
        told = "no interval: the models are more alike than their standard errors"
    return _found(effects, math.sqrt(value or 0.0), (low, high), f"Paule-Mandel, {told}")


def i_squared(place: Place, factor: int) -> Finding:
    """Return I squared, the share of Q beyond its degrees of freedom. Source: Higgins 2002."""
    effects = place.once(_every_factor)[factor]
    if effects.fault:
        return _lost(effects)
    q, models = effects.q(), len(effects.values)
    df = models - 1
    value = max(0.0, 1.0 - df / q) if q > 0 else 0.0
    low, high = NAN, NAN
    told = "no interval from two models"
    if models > 2:
        if q > models:
            se = 0.5 * (math.log(q) - math.log(df)) / (math.sqrt(2 * q) - math.sqrt(2 * models - 3))
        else:
            se = math.sqrt((1 - 1 / (3 * (models - 2) ** 2)) / (2 * (models - 2)))
        centre = math.log(max(q / df, 1e-300)) / 2
        limits = [centre + side * intervals.z_value() * se for side in (-1, 1)]
        low, high = (max(0.0, 1.0 - math.exp(-2 * min(x, 300))) if x > 0 else 0.0 for x in limits)
        told = "limits of H"
        if high <= low:
            low = high = NAN
            told = "no interval: the models are more alike than their standard errors"
    return _found(effects, value, (low, high), told)


def _every_factor(place: Place) -> list[Effects]:
    k = len(place.codes[0])
    return [_effects(place, Contrast("ame", contrasts.banzhaf(k, [one]))) for one in range(k)]


def _effects(place: Place, contrast: Contrast) -> Effects:
    values, variances, n, missing = [], [], 0, 0
    for model in place.models:
        own = replace(place, models=(model,))
        weights = own.weights(contrast)
        if weights is None:
            return _none("a cell is not in the study", n, missing)
        usable, fault = own.usable(weights, own.tasks(contrast))
        seen, lost = own.counts(weights, own.tasks(contrast))
        n, missing = n + seen, missing + lost
        if fault:
            return _none(f"{model}: {fault}", n, missing)
        part = own.sample.only(usable)
        spread = positive_spread(own, part, weights)
        if not spread.se > 0:
            return _none(f"{model}: {spread.method}", n, missing)
        values.append(float(weights @ part.p.mean(axis=1)))
        variances.append(spread.se**2)
    return Effects(np.array(values), np.array(variances), n, missing)


def _none(why: str, n: int, missing: int) -> Effects:
    return Effects(np.empty(0), np.empty(0), n, missing, why)


def _lost(effects: Effects) -> Finding:
    return Finding(
        method=effects.fault,
        n_episodes=effects.n,
        n_missing=effects.missing,
        status=NOT_ESTIMABLE,
    )


def _found(effects: Effects, value: float, limits: Sequence[float], told: str) -> Finding:
    q, df = effects.q(), len(effects.values) - 1
    return Finding(
        value,
        limits[0],
        limits[1],
        float(chdtrc(df, q)),
        f"{told}; Q({df}) = {q:.2f} over models' ame and their own standard errors",
        effects.n,
        effects.missing,
    )
