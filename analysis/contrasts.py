"""Weights over the 2^k cells for every linear estimand: pure arithmetic, no data.

A cell is a coalition: the factors that are on. Almost every index is a discrete derivative,
``D_S(T) = sum over L in S of (-1)^(|S|-|L|) v(T + L)``, averaged over the coalitions T outside S
with a weight that depends on the size of T alone. So one function, ``derivative``, makes them all
and an index is its row of weights by size.

Sources: Shapley 1953; Banzhaf 1965; Grabisch and Roubens 1999 (SII, Banzhaf interaction);
Sundararajan et al. 2020 (Shapley-Taylor); Tsai et al. 2023, theorem 19 (Faith-Shapley); Bordt and
von Luxburg 2023 (k-SII).
"""

from collections.abc import Collection, Sequence
from functools import cache
from itertools import combinations
from math import comb, factorial

import numpy as np

from analysis.layout import Floats


@cache
def switches(k: int) -> Floats:
    """Return which factor is on in which cell. Shape: (2^k, k), the first factor's digit first."""
    cells = np.arange(2**k)[:, None]
    return ((cells >> np.arange(k - 1, -1, -1)[None, :]) & 1).astype(np.float64)


def cell(k: int, on: Collection[int]) -> Floats:
    """Return the weights of one cell, named by the factors that are on. Shape: 2^k."""
    weights = np.zeros(2**k)
    weights[sum(2 ** (k - 1 - factor) for factor in on)] = 1.0
    return weights


def derivative(k: int, subset: Sequence[int], by_size: Sequence[float]) -> Floats:
    """Return the weights of the averaged discrete derivative of ``subset``. Shape: 2^k.

    Args:
        k: number of factors.
        subset: the factors whose joint effect is taken.
        by_size: weight of a coalition of the other factors by its size, 0 to k - len(subset).
    """
    on = switches(k)
    inside = on[:, list(subset)].sum(axis=1)
    outside = (on.sum(axis=1) - inside).astype(int)
    sign = (-1.0) ** (len(subset) - inside)
    weights: Floats = sign * np.asarray(by_size, dtype=np.float64)[outside]
    return weights


def banzhaf(k: int, subset: Sequence[int]) -> Floats:
    """Average marginal effect of one factor, or mean difference in differences of two."""
    others = k - len(subset)
    return derivative(k, subset, [0.5**others] * (others + 1))


def shapley(k: int, subset: Sequence[int]) -> Floats:
    """Shapley value of one factor, or the Shapley interaction index of several."""
    others = k - len(subset)
    sizes = [
        factorial(others - t) * factorial(t) / factorial(others + 1) for t in range(others + 1)
    ]
    return derivative(k, subset, sizes)


def moebius(k: int, subset: Sequence[int]) -> Floats:
    """Moebius term: what ``subset`` adds beyond all its parts, every other factor off."""
    return derivative(k, subset, [1.0] + [0.0] * (k - len(subset)))


def leave_one_out(k: int, factor: int) -> Floats:
    """Full support minus full support without ``factor``."""
    return derivative(k, [factor], [0.0] * (k - 1) + [1.0])


def shapley_taylor_2(k: int, subset: Sequence[int]) -> Floats:
    """Shapley-Taylor index of order 2: singles are Moebius terms, pairs share the rest."""
    if len(subset) == 1:
        return moebius(k, subset)
    return derivative(k, subset, [2 / k / comb(k - 1, t) for t in range(k - 1)])


def k_shapley_2(k: int, subset: Sequence[int]) -> Floats:
    """k-SII of order 2: pairs are SII; singles are Shapley minus half of their pairs."""
    if len(subset) == 2:
        return shapley(k, subset)
    (factor,) = subset
    pairs = [shapley(k, [factor, other]) for other in range(k) if other != factor]
    return shapley(k, subset) - 0.5 * np.sum(pairs, axis=0, initial=0.0)


def faith_shapley_2(k: int, subset: Sequence[int]) -> Floats:
    """Faith-Shapley index of order 2: the best second-order fit under Shapley's kernel."""
    size, order = len(subset), 2
    weights = moebius(k, subset)
    factor = (-1.0) ** (order - size) * size / (order + size) * comb(order, size)
    rest = [member for member in range(k) if member not in subset]
    for added in range(order + 1 - size, k - size + 1):
        total = size + added
        share = comb(total - 1, order) / comb(total + order - 1, order + size)
        for extra in combinations(rest, added):
            weights = weights + factor * share * moebius(k, [*subset, *extra])
    return weights


def step(k: int, before: Collection[int], switched: Collection[int]) -> Floats:
    """Switch ``switched`` on when ``before`` are on already."""
    return cell(k, {*before, *switched}) - cell(k, before)


def marginals(k: int, factor: int) -> Floats:
    """Return the effect of ``factor`` in every setting of the others. Shape: (2^(k-1), 2^k).

    Over all k! orders its sequential gap takes exactly these values.
    """
    rest = [member for member in range(k) if member != factor]
    settings = [s for size in range(k) for s in combinations(rest, size)]
    return np.array([step(k, setting, [factor]) for setting in settings])


def half_mean(k: int, factor: int, *, on: bool) -> Floats:
    """Return the average over the settings of the others with ``factor`` on (or off)."""
    chosen = switches(k)[:, factor] == float(on)
    weights: Floats = chosen / 2.0 ** (k - 1)
    return weights
