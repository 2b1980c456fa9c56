"""Looks at a study that still runs: at which z to stop, and what that costs.

At look k a share t_k of the planned information is in, and Z_k is compared with a critical value.
On the scale B = Z sqrt(t) the statistic is a Brownian motion with the drift E Z_K, so the chance
that it first leaves its bounds at look k is a recursion of one-dimensional integrals, done here by
Gauss-Legendre quadrature over the region where the study goes on.

Sources: Armitage, McPherson and Rowe 1969 (recursion); Pocock 1977; O'Brien and Fleming 1979; Lan
and DeMets 1983 (spending); Jennison and Turnbull 2000 (repeated intervals and p values, chapter 9;
t statistics by their significance levels, section 3.8).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from analysis.layout import Floats
from diagnose.errors import InputError

Rule = Literal["pocock", "obrien_fleming", "spend_pocock", "spend_obrien_fleming"]
RULES: tuple[Rule, ...] = ("pocock", "obrien_fleming", "spend_pocock", "spend_obrien_fleming")
MOST_LOOKS = 64
_NODES = 96  # of a quadrature; constants are then exact to eight decimals
_FAR = 8.0  # standard deviations: a bound further out is crossed by nobody (1e-15)


@dataclass(frozen=True)
class Boundary:
    """Critical values of a two-sided test with looks, symmetric about zero."""

    rule: str
    alpha: float  # of the whole test, both sides and all looks together
    fractions: tuple[float, ...]  # information at each look over that of the last, increasing to 1
    critical: tuple[float, ...]  # of |Z| at each look

    def crossing(self, drift: float = 0.0) -> Floats:
        """Return the chance that each look is the one that stops. Shape: looks.

        Args:
            drift: the expected Z of the last look: the effect over its standard error then.
        """
        return crossing(self.critical, self.fractions, drift)

    def power(self, drift: float) -> float:
        """Return the chance of stopping at any look; without drift, the type I error."""
        return float(self.crossing(drift).sum())

    def expected_share(self, drift: float) -> float:
        """Return the expected share of the planned information that is used."""
        left = self.crossing(drift)[:-1]
        return float(left @ np.array(self.fractions[:-1]) + 1 - left.sum())

    def drift(self, power: float) -> float:
        """Return the drift at which the test has this power."""
        return float(brentq(lambda drift: self.power(drift) - power, 0.0, 20.0, xtol=1e-10))

    def inflation(self, power: float) -> float:
        """Return the planned information over that of a test without looks of the same power."""
        fixed = Boundary("none", self.alpha, (1.0,), (float(ndtri(1 - self.alpha / 2)),))
        return float((self.drift(power) / fixed.drift(power)) ** 2)

    def at(self, look: int, df: float = np.inf) -> float:
        """Return the critical value of a t statistic at a look, counted from 0.

        It has the two-sided level that the critical z has.
        """
        return t_of_z(self.critical[look], df)

    def p_value(self, look: int, z: float) -> float:
        """Return the repeated p value: the least alpha whose boundary |z| reaches at this look."""
        size = abs(z)
        if self.rule in {"pocock", "obrien_fleming"}:  # bounds of every alpha are proportional
            scale = size / self.critical[look]
            bounds = tuple(scale * value for value in self.critical)
            return float(min(1.0, crossing(bounds, self.fractions).sum()))

        def excess(logit: float) -> float:
            alpha = float(1 / (1 + np.exp(-logit)))
            return boundary(self.rule, self.fractions, alpha).critical[look] - size

        ends = (-40.0, 6.0)
        if excess(ends[1]) >= 0:
            return 1.0
        if excess(ends[0]) <= 0:
            return 0.0
        return float(1 / (1 + np.exp(-brentq(excess, *ends, xtol=1e-8))))


def t_of_z(z: float, df: float) -> float:
    """Return the t with ``df`` degrees of freedom that is exceeded as rarely as ``z``."""
    return float(z if np.isinf(df) else -stdtrit(df, ndtr(-z)))


def z_of_t(t: float, df: float) -> float:
    """Return the z that is exceeded as rarely as ``t`` with ``df`` degrees of freedom."""
    return float(t if np.isinf(df) else np.copysign(-ndtri(stdtr(df, -abs(t))), t))


@cache
def boundary(rule: str, fractions: tuple[float, ...], alpha: float = 0.05) -> Boundary:
    """Return the critical values of a rule at looks with these shares of the information.

    Args:
        rule: one of ``RULES``. ``pocock`` has one critical value for all looks, and
            ``obrien_fleming`` one divided by sqrt(t); the two that spend give each look its part
            of alpha by a function of t, so that their looks need not be where they were planned.
        fractions: increasing, the last 1.
        alpha: type I error of the whole, two-sided.

    Raises:
        InputError: an unknown rule, or fractions or an alpha that cannot be.
    """
    if rule not in RULES:
        raise InputError("stop.rule", rule, f"choose one of {', '.join(RULES)}")
    if not 0 < alpha < 1:
        raise InputError("stop.alpha", alpha, "give a probability between 0 and 1")
    rising = all(a < b for a, b in zip((0.0, *fractions), fractions, strict=False))
    if not fractions or not rising or fractions[-1] != 1 or len(fractions) > MOST_LOOKS:
        remedy = f"give shares that rise to 1, at most {MOST_LOOKS}"
        raise InputError("stop.looks", list(fractions), remedy)
    if rule.startswith("spend"):
        return Boundary(rule, alpha, fractions, _spent(SPENDING[rule], fractions, alpha))
    shape = np.ones(len(fractions)) if rule == "pocock" else 1 / np.sqrt(fractions)

    def excess(constant: float) -> float:
        return float(crossing(constant * shape, fractions).sum()) - alpha

    constant = brentq(excess, 1e-3, 2 * _FAR, xtol=1e-12)
    return Boundary(rule, alpha, fractions, tuple((constant * shape).tolist()))


def equal(looks: int) -> tuple[float, ...]:
    """Return the information at equally spaced looks."""
    return tuple((look + 1) / looks for look in range(looks))


def spend_obrien_fleming(t: float, alpha: float) -> float:
    """Lan and DeMets' function in the manner of O'Brien and Fleming, for each side alpha/2."""
    return float(4 * ndtr(ndtri(alpha / 4) / np.sqrt(t)))


def spend_pocock(t: float, alpha: float) -> float:
    """Lan and DeMets' function in the manner of Pocock."""
    return float(alpha * np.log1p((np.e - 1) * t))


SPENDING: dict[str, Callable[[float, float], float]] = {
    "spend_pocock": spend_pocock,
    "spend_obrien_fleming": spend_obrien_fleming,
}


def _spent(
    spend: Callable[[float, float], float], fractions: Sequence[float], alpha: float
) -> tuple[float, ...]:
    critical: list[float] = []
    before = 0.0
    for look, t in enumerate(fractions, start=1):
        due = spend(t, alpha) - before

        def excess(bound: float, look: int = look, due: float = due) -> float:
            return float(crossing([*critical, bound], fractions[:look])[-1]) - due

        reach = excess(_FAR) < 0  # else less is due than anything can be found to cross
        critical.append(float(brentq(excess, 0.0, _FAR, xtol=1e-12)) if reach else _FAR)
        before += due
    return tuple(critical)


def crossing(
    critical: Sequence[float] | Floats, fractions: Sequence[float], drift: float = 0.0
) -> Floats:
    """Return the chance that |Z| first reaches its critical value at each look. Shape: looks.

    Args:
        critical: of |Z|, at each look.
        fractions: information at each look, in units in which ``drift`` is the mean of B at 1.
        drift: the mean of B per unit of information; 0 = no effect.
    """
    chances = np.zeros(len(critical))
    nodes, weights = _quadrature()
    places, density = np.zeros(1), np.ones(1)  # B = 0 before the first look
    before = 0.0
    for look, (z, t) in enumerate(zip(critical, fractions, strict=True)):
        bound = min(float(z), abs(drift) * np.sqrt(t) + _FAR) * np.sqrt(t)
        step, sd = t - before, np.sqrt(t - before)
        centre = places + drift * step
        outside = ndtr((centre - float(z) * np.sqrt(t)) / sd)
        outside += ndtr((-float(z) * np.sqrt(t) - centre) / sd)
        chances[look] = density @ outside
        ahead = bound * nodes
        kernel = np.exp(-(((ahead[:, None] - centre[None, :]) / sd) ** 2) / 2)
        density = (kernel @ density) / (sd * np.sqrt(2 * np.pi)) * (bound * weights)
        places, before = ahead, t
    return chances


@cache
def _quadrature() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights
