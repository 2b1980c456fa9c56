"""Power, minimum detectable effects and the runs or tasks that a wished precision takes.

A contrast d = sum_c w_c p[c, task] has two sources of spread: tasks differ (standard deviation
``between`` over tasks), and a run of a task is a draw (variance ``within`` of one run's contrast,
common seeds included). With T tasks and R runs its standard error is

    new tasks    sqrt((between^2 + within / R) / T), a t statistic with T - 1 degrees of freedom
    fixed tasks  sqrt(within / (R T)), normal

so that more runs never bring it below between / sqrt(T): more tasks beat more runs. Power is that
of the noncentral t, and of the normal for fixed tasks, two-sided, both tails counted.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import Protocol

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri, gammaln, ndtr, ndtri, stdtrit

from analysis.layout import Floats
from analysis.uncertainty import Target
from diagnose.errors import InputError

ALPHA, POWER = 0.05, 0.80
MOST_RUNS = 100_000


@dataclass(frozen=True)
class Components:
    """What a contrast's standard error is made of, in proportions."""

    between: float  # standard deviation of the contrast over tasks
    within: float  # variance of one run's contrast on a task
    source: str = "assumed"
    df: float = math.inf  # of ``between``, where it was estimated
    runs: float = math.inf  # of each task then

    def se(self, tasks: int, runs: int, target: Target) -> float:
        """Return the standard error with so many tasks and runs of each."""
        tasks_part = self.between**2 if target == "new" else 0.0
        return math.sqrt((tasks_part + self.within / runs) / tasks)

    def unlucky(self, share: float = 0.8) -> "Components":
        """Return the components with the spread of a pilot's tasks at its upper limit, one-sided.

        The limit is of what was seen, runs' noise included, by chi-squared.
        """
        if math.isinf(self.df):
            return self
        noise = self.within / self.runs
        seen = (self.between**2 + noise) * self.df / float(chdtri(self.df, share))
        return replace(self, between=math.sqrt(max(0.0, seen - noise)))


class Spread(Protocol):
    """Knows the components of contrasts: assumed, or from a pilot."""

    def components(self, weights: Mapping[str, float]) -> Components:
        """Return the components of a contrast given as weights over cells."""
        ...


@dataclass(frozen=True)
class Assumed:
    """One success rate everywhere; tasks differ in every factor's effect and every interaction.

    p[c, t] = rate + sum_f x_cf b_ft + sum_fg x_cf x_cg g_fgt, b and g independent over tasks.

    Raises:
        InputError: a value that cannot be.
    """

    rate: float = 0.35  # mean success rate of the cells
    slope_sd: float = 0.20  # of a factor's effect, over tasks
    interaction_sd: float = 0.10  # of the interaction of two factors, over tasks
    seed_correlation: float = 0.0  # of two cells' outcomes in one run of a task

    def __post_init__(self) -> None:
        for name, low, high in (
            ("rate", 0.0, 1.0),
            ("slope_sd", 0.0, 1.0),
            ("interaction_sd", 0.0, 1.0),
            ("seed_correlation", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not low <= value <= high or (name == "rate" and value in {low, high}):
                raise InputError(name, value, f"give a number between {low:g} and {high:g}")

    def components(self, weights: Mapping[str, float]) -> Components:
        """Return the components of a contrast."""
        own = self.rate * (1 - self.rate)
        squares, total = sum(w * w for w in weights.values()), sum(weights.values())
        rho = self.seed_correlation
        within = own * ((1 - rho) * squares + rho * total**2)
        k = len(next(iter(weights)))
        between = sum(
            sd**2 * sum(w for code, w in weights.items() if _on(code, factors)) ** 2
            for size, sd in ((1, self.slope_sd), (2, self.interaction_sd))
            for factors in combinations(range(k), size)
            if not _constant(weights, factors)
        )
        return Components(math.sqrt(between), within)


def _on(code: str, factors: Sequence[int]) -> bool:
    return all(code[factor] != "0" for factor in factors)


def _constant(weights: Mapping[str, float], factors: Sequence[int]) -> bool:
    """Whether the factors never vary, so that what they do is the same in all these cells."""
    return all(len({code[factor] for code in weights}) == 1 for factor in factors)


def power(effect: float, se: float, df: float, alpha: float = ALPHA) -> float:
    """Return the chance that a two-sided test of level alpha rejects.

    Args:
        effect: the true contrast.
        se: its standard error.
        df: of the t statistic; infinite for the normal.
        alpha: level.
    """
    if se == 0:
        return 1.0 if effect else alpha
    shift = abs(effect) / se
    if math.isinf(df):
        reach = float(ndtri(1 - alpha / 2))
        return float(ndtr(shift - reach) + ndtr(-shift - reach))
    reach = float(stdtrit(df, 1 - alpha / 2))
    spread, chance = _chi(df)
    found = float(chance @ (ndtr(shift - reach * spread) + ndtr(-shift - reach * spread)))
    return min(1.0, found)


@cache
def _chi(df: float) -> tuple[Floats, Floats]:
    """Return nodes of s = sqrt(chi^2 / df), which a t divides by, and their probabilities.

    Integrated over s the power is smooth and exact at any shift, where scipy's noncentral t is not.
    """
    nodes, weights = _quadrature()
    reach = 12 / np.sqrt(2 * df)
    low, high = max(0.0, 1 - reach), 1 + reach
    s = low + (high - low) * (nodes + 1) / 2
    log = df * np.log(s) - np.log(s) - df * s**2 / 2
    density = np.exp(log + np.log(2) + df / 2 * np.log(df / 2) - gammaln(df / 2))
    return s, density * weights * (high - low) / 2


@cache
def _quadrature() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(128)
    return nodes, weights


def degrees(target: Target, tasks: int) -> float:
    """Return the degrees of freedom that planning takes."""
    return tasks - 1 if target == "new" else math.inf


@dataclass(frozen=True)
class Size:
    """How large a study is: what its standard errors come from.

    Raises:
        InputError: fewer than one task or run, or one task where tasks are a sample.
    """

    tasks: int
    runs: int
    target: Target = "new"

    def __post_init__(self) -> None:
        least = 2 if self.target == "new" else 1
        if self.tasks < least:
            remedy = f"the target {self.target} tasks wants {least} or more"
            raise InputError("tasks", self.tasks, remedy)
        if self.runs < 1:
            raise InputError("runs", self.runs, "give 1 or more")

    @property
    def df(self) -> float:
        """Degrees of freedom of the test."""
        return degrees(self.target, self.tasks)

    def power(self, components: Components, effect: float, alpha: float = ALPHA) -> float:
        """Return the chance of finding an effect."""
        return power(effect, components.se(self.tasks, self.runs, self.target), self.df, alpha)

    def detectable(
        self, components: Components, wanted: float = POWER, alpha: float = ALPHA
    ) -> float:
        """Return the smallest effect that is found with the wanted power."""
        se = components.se(self.tasks, self.runs, self.target)
        return se * _unit(self.df, wanted, alpha)

    def half_width(self, components: Components, alpha: float = ALPHA) -> float:
        """Return how far the confidence interval reaches to each side."""
        se = components.se(self.tasks, self.runs, self.target)
        return se * float(
            ndtri(1 - alpha / 2) if math.isinf(self.df) else stdtrit(self.df, 1 - alpha / 2)
        )


@cache
def _unit(df: float, wanted: float, alpha: float) -> float:
    """Return the effect, in standard errors, that is found with the wanted power."""
    if not alpha < wanted < 1:
        raise InputError("power", wanted, f"give a number between {alpha:g} and 1")
    return float(brentq(lambda shift: power(shift, 1.0, df, alpha) - wanted, 0.0, 1e3, xtol=1e-9))


Reach = Callable[[Size, Components], float]  # what is to be small: detectable or half_width


def runs_needed(
    components: Components, tasks: int, target: Target, reach: Reach, most: float
) -> int | None:
    """Return the fewest runs of each task at which ``reach`` is at most ``most``.

    None where no number of runs is enough: the tasks differ too much.
    """
    return _least(lambda runs: reach(Size(tasks, runs, target), components), 1, most)


def tasks_needed(
    components: Components, runs: int, target: Target, reach: Reach, most: float
) -> int | None:
    """Return the fewest tasks of so many runs at which ``reach`` is at most ``most``."""
    least = 2 if target == "new" else 1
    return _least(lambda tasks: reach(Size(tasks, runs, target), components), least, most)


def _least(value: Callable[[int], float], low: int, most: float) -> int | None:
    """Return the least number from ``low`` at which a falling function is at most ``most``."""
    if value(low) <= most:
        return low
    high = low
    while value(high) > most:
        if high >= MOST_RUNS:
            return None
        low, high = high, min(2 * high, MOST_RUNS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if value(middle) <= most else (middle, high)
    return high


@dataclass(frozen=True)
class Price:
    """What a study costs: every episode, and every task that has to be there."""

    episode: float = 1.0  # mean over the cells
    task: float = 0.0  # of having a task at all, whatever its runs


def splits(
    budget: float, cells: int, price: Price, most_tasks: int, least_tasks: int = 2
) -> Iterator[Size]:
    """Yield the studies of new tasks that a budget allows: for each number of tasks, most runs."""
    for tasks in range(least_tasks, most_tasks + 1):
        runs = math.floor((budget / tasks - price.task) / (cells * price.episode) + 1e-9)
        if runs >= 1:
            yield Size(tasks, runs)


def best_split(
    components: Components, budget: float, cells: int, price: Price, most_tasks: int
) -> Size | None:
    """Return the study with the smallest detectable effect that a budget allows; None for none.

    Without a price per task it has as many tasks as there are, or as one run of each allows. With
    one, runs are about sqrt(within / between^2 x price of a task / price of a run in all cells).
    """
    allowed = splits(budget, cells, price, most_tasks)
    return min(allowed, key=lambda size: (size.detectable(components), size.tasks), default=None)
