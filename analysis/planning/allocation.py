"""Adaptive allocation of runs: the rule that ``diagnose run`` is given (``diagnose.allocation``).

A study runs in batches. The first, the pilot, has the same runs of every task in every cell; each
later one shares its budget out by what was observed before it, at least one run to each task and
cell. What is made small is the variance of one batch's estimate of the declared contrasts,

    V(n) = 1/T^2 sum_t sum_c,c' w_c w_c' r_cc' sd_ct sd_c't / max(n_ct, n_c't)

(cells of a task share the draws of the runs that both have). Without correlation it is least where
n is proportional to |w| sd / sqrt(price) (Neyman). Two allocations are therefore made and the one
of less V taken: ``cells`` by that formula over cells and tasks, which breaks pairs, and ``tasks``
by a task's whole contrast, which keeps them; or ``equal`` runs where neither gains. Both targets
want the same: for new tasks the spread over tasks is what no run changes.

Success rates are drawn towards what their cell and their task have on average (a few runs say
little), so that no standard deviation is 0. None of this has to be right for intervals to hold:
they rest on the batches (``analysis.batches``), whatever made the allocation.

Sources: Neyman 1934; Fox 1966 and Wright 2012 (the greedy whole-number allocation is the best).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from analysis.batches import Batch, batches_of
from analysis.layout import Floats
from analysis.planning.designs import Cells, Estimand
from analysis.planning.stopping import Outcome, sample_of
from diagnose.errors import InputError

RULES = ("neyman",)
COSTS = ("episodes", "usd")
PRIOR = 8.0  # runs that the means of cell and task are worth beside a task's own
MOST_CORRELATION = 0.95
_DIGITS = 9  # of what decides: the last bits of a logarithm differ between machines

Counts = NDArray[np.int64]


class Paid(Outcome, Protocol):
    """What the engine tells of an episode."""

    @property
    def cost_usd(self) -> float:
        """What it cost."""
        ...


@dataclass(frozen=True)
class Allocated:
    """What a batch runs (``diagnose.allocation.Shared``)."""

    counts: Mapping[str, Mapping[str, int]]  # cell -> task -> runs
    said: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Spreads:
    """What the runs before a batch say. Shapes: (cells, tasks)."""

    sd: Floats  # of an outcome
    correlation: Floats  # of cells' outcomes in one run of a task; shape: (cells, cells)
    price: Floats  # of an episode, by cell

    @classmethod
    def of(cls, y: Floats, price: Floats, codes: Sequence[str]) -> "Spreads":
        """Estimate them from outcomes, (cells, tasks, runs), NaN = not observed.

        Args:
            y: outcomes of the batches before.
            price: of an episode, by cell.
            codes: of the cells.
        """
        rates = shrunk(y)
        sd = np.round(np.sqrt(rates * (1 - rates)), _DIGITS)
        return cls(sd, correlations(y, sd, codes), np.round(price, _DIGITS))

    def variance(self, weights: Floats, counts: Counts) -> float:
        """Return V, summed over contrasts. Weights: (contrasts, cells)."""
        total = 0.0
        for task in range(self.sd.shape[1]):
            own = weights * self.sd[:, task]  # shape: (contrasts, cells)
            shared = self.correlation / np.maximum.outer(counts[:, task], counts[:, task])
            total += float(((own @ shared) * own).sum())
        return float(total / self.sd.shape[1] ** 2)

    def by_distance(self, codes: Sequence[str]) -> list[float]:
        """Return the correlations of cells that differ in one factor, in two, and so on."""
        first = [sum(a != b for a, b in zip(codes[0], code, strict=True)) for code in codes]
        found = dict(zip(first, self.correlation[0].tolist(), strict=True))
        return [found[count] for count in sorted(found) if count]


def shrunk(y: Floats) -> Floats:
    """Return success rates drawn towards their cell's and task's. Shape: (cells, tasks).

    A task's mean is taken for as much as it is worth: its variance over tasks less that of the
    runs, which is large where all cells of a run share their draws.

    Args:
        y: shape (cells, tasks, runs), NaN = not observed.
    """
    n = np.isfinite(y).sum(axis=2).astype(np.float64)
    sums = np.nansum(y, axis=2)
    cell, task, whole = (
        logit((sums.sum(axis=axis, keepdims=True) + 0.5) / (n.sum(axis=axis, keepdims=True) + 1))
        for axis in (1, 0, (0, 1))
    )
    start = expit(cell + _reliability(y) * (task - whole))
    made: Floats = (sums + PRIOR * start) / (n + PRIOR)
    return made


def _reliability(y: Floats) -> float:
    """Return the share of the variance of tasks' means that is not of their runs, by moments."""
    runs = y[:, :, np.isfinite(y).all(axis=(0, 1))].mean(axis=0)  # shape: (tasks, whole runs)
    if min(runs.shape) < 2:
        return 1.0
    total = float(runs.mean(axis=1).var(ddof=1))
    noise = float(runs.var(axis=1, ddof=1).mean()) / runs.shape[1]
    return max(0.0, 1 - noise / total) if total > 0 else 0.0


def correlations(y: Floats, sd: Floats, codes: Sequence[str]) -> Floats:
    """Return the correlations of cells' outcomes in a run of a task. Shape: (cells, cells).

    Cells are the more alike the fewer factors they differ in, so there is one correlation for each
    number of these, by moments over all such pairs and tasks, from 0 to 0.95.
    """
    whole = np.isfinite(y).all(axis=0)  # shape: (tasks, runs)
    joint, apart = np.zeros((2, len(y), len(y)))
    for task in range(y.shape[1]):
        own = y[:, task, whole[task]]
        if own.shape[1] > 1:
            joint += np.cov(own)
            apart += np.outer(sd[:, task], sd[:, task])
    seen = float(np.trace(joint) / np.trace(apart)) if apart.any() else 0.0
    digits = np.array([list(code) for code in codes])
    differ = (digits[:, None] != digits[None]).sum(axis=2)
    made = np.zeros(joint.shape)
    for count in range(1, int(differ.max()) + 1):
        pairs = differ == count
        if seen > 0 and pairs.any():
            value = float(joint[pairs].sum() / apart[pairs].sum()) / seen
            made[pairs] = round(min(MOST_CORRELATION, max(0.0, value)), _DIGITS)
    np.fill_diagonal(made, 1.0)
    return made


def shared_out(
    scores: Floats, prices: Floats, budget: float, most: int, order: NDArray[np.int64]
) -> Counts:
    """Return whole numbers n from 1 to ``most`` that make sum of scores^2 / n least.

    Each further run goes where it lowers the sum most for its price, until the next is not paid
    for. With equal prices that is the exact optimum (Fox 1966).

    Args:
        scores: standard deviation times weight, of each stratum.
        prices: of a run in it.
        budget: in that unit, the first runs of all included.
        most: runs of a stratum.
        order: a permutation of the strata: who goes first of those that gain the same.
    """
    steps = np.arange(1, most)
    gain = scores[:, None] ** 2 / (steps * (steps + 1)) / prices[:, None]
    which = np.repeat(np.arange(len(scores)), most - 1)
    place = np.empty(len(scores), dtype=np.int64)
    place[order] = np.arange(len(scores))
    sequence = np.lexsort((np.tile(steps, len(scores)), place[which], -gain.ravel()))
    left = budget - float(prices.sum())
    paid = np.cumsum(prices[which[sequence]]) <= left + 1e-9 * budget
    taken = sequence[paid & (gain.ravel()[sequence] > 0)]
    return 1 + np.bincount(which[taken], minlength=len(scores))


@dataclass(frozen=True)
class Neyman:
    """The rule of a study: what it declares, and what each batch runs."""

    design: Cells
    estimands: tuple[Estimand, ...]
    estimand: str  # as it was declared: one, or a kind
    batches: tuple[Batch, ...]  # the pilot first
    most: int
    cost: str  # of COSTS

    @property
    def declared(self) -> dict[str, Any]:
        """The rule as JSON."""
        return {
            "rule": "neyman",
            "estimand": self.estimand,
            "pilot": self.batches[0].runs,
            "every": self.batches[1].runs,
            "most": self.most,
            "cost": self.cost,
            "batches": [[one.first, one.end, one.runs] for one in self.batches],
        }

    def allocate(
        self,
        number: int,
        tasks: Sequence[str],
        outcomes: Sequence[Paid],
        draw: np.random.Generator,
    ) -> Allocated:
        """Share a batch's budget out, as a function of the arguments alone.

        Args:
            number: of the batch, from 1; the pilot is 0.
            tasks: of the study.
            outcomes: of all batches before it, in no order.
            draw: who goes first of those that gain the same.
        """
        codes, names = sorted(self.design.codes), sorted(tasks)
        price = self._prices(codes, outcomes)
        weights = self.weights(codes)
        spreads = Spreads.of(self._outcomes(codes, names, outcomes), price, codes)
        made = chosen(weights, spreads, self.batches[number].runs, self.most, draw)
        counts = made.counts
        facts = {
            "how": made.how,
            "correlation": spreads.by_distance(codes),
            "variance": {one: float(f"{value:.6g}") for one, value in made.variances.items()},
            "price": dict(zip(codes, spreads.price.tolist(), strict=True)),
        }
        ends = f"{counts.min()} to {counts.max()}" if counts.min() < counts.max() else counts.min()
        said = (
            f"batch {number + 1} of {len(self.batches)}: {counts.sum():,} episodes, {ends} runs of "
            f"a task in a cell ({_WAYS[made.how]}); {self.estimand} expected with {made.share:.0%} "
            "of the variance of equal runs"
        )
        by_cell = {
            code: dict(zip(names, row, strict=True))
            for code, row in zip(codes, counts.tolist(), strict=True)
        }
        return Allocated(by_cell, said, facts)

    def weights(self, codes: Sequence[str]) -> Floats:
        """Return the contrasts' weights over cells. Shape: (contrasts, cells)."""
        return np.array([[one.weights.get(c, 0.0) for c in codes] for one in self.estimands])

    def _prices(self, codes: Sequence[str], outcomes: Sequence[Paid]) -> Floats:
        """Return what an episode of each cell costs, the mean of all as 1."""
        if self.cost == "episodes":
            return np.ones(len(codes))
        spent: dict[str, list[float]] = {code: [] for code in codes}
        for one in outcomes:
            if one.success is not None:
                spent[one.cell].append(one.cost_usd)
        # Summed exactly, so that the order in which records came is nothing.
        means = np.array([math.fsum(spent[code]) / max(1, len(spent[code])) for code in codes])
        means = np.maximum(means, means.max() / 1000)  # what costs nothing is not run for ever
        return means / means.mean() if means.max() > 0 else np.ones(len(codes))

    def _outcomes(
        self, codes: Sequence[str], tasks: Sequence[str], outcomes: Sequence[Outcome]
    ) -> Floats:
        """Return outcomes by cell, task and run; what has no record is NaN."""
        y = np.full((len(codes), len(tasks), max(one.run for one in outcomes) + 1), np.nan)
        sample = sample_of(outcomes)
        rows = [codes.index(code) for _, _, code in sample.rows]
        columns = [tasks.index(task) for task in sorted({one.task for one in outcomes})]
        runs = sorted({one.run for one in outcomes})
        y[np.ix_(rows, columns, runs)] = sample.y
        return y


_WAYS = {
    "equal": "equal: nothing is gained by others",
    "cells": "by cell and task",
    "tasks": "by task, all its cells alike",
}


@dataclass(frozen=True, eq=False)
class Choice:
    """The allocation of a batch, and what each that might have been would do."""

    how: str  # of _WAYS
    counts: Counts  # shape: (cells, tasks)
    variances: Mapping[str, float]  # expected, of the batch's estimates, by way

    @property
    def share(self) -> float:
        """The variance over that of equal runs."""
        equal = self.variances["equal"]
        return self.variances[self.how] / equal if equal else 1.0


def chosen(
    weights: Floats, spreads: Spreads, mean: int, most: int, draw: np.random.Generator
) -> Choice:
    """Return the candidate of least variance; see ``candidates``."""
    found = candidates(weights, spreads, mean, most, draw)
    variances = {how: spreads.variance(weights, counts) for how, counts in found.items()}
    how = min(variances, key=lambda one: (round(variances[one], 12), one != "equal"))
    return Choice(how, found[how], variances)


def candidates(
    weights: Floats, spreads: Spreads, mean: int, most: int, draw: np.random.Generator
) -> dict[str, Counts]:
    """Return the allocations that a batch chooses from. Shape of each: (cells, tasks).

    Args:
        weights: of the contrasts, (contrasts, cells).
        spreads: what is known.
        mean: runs of every task in every cell that the budget would pay for.
        most: runs of a task in a cell.
        draw: who goes first of those that gain the same.
    """
    cells, tasks = spreads.sd.shape
    price = np.repeat(spreads.price, tasks)
    budget = float(mean * price.sum())
    found = {"equal": np.full((cells, tasks), mean, dtype=np.int64)}
    scores = np.sqrt((weights**2).sum(axis=0))[:, None] * spreads.sd
    order = draw.permutation(cells * tasks)
    found["cells"] = shared_out(scores.ravel(), price, budget, most, order).reshape(cells, tasks)
    weighed = (weights != 0).any(axis=0)
    own = weights[:, :, None] * spreads.sd  # shape: (contrasts, cells, tasks)
    whole = np.einsum("ect,cd,edt->et", own, spreads.correlation, own).clip(min=0)
    block = np.full(tasks, float(spreads.price[weighed].sum()))
    rest = budget - tasks * float(spreads.price[~weighed].sum())
    by_task = shared_out(np.sqrt(whole.sum(axis=0)), block, rest, most, draw.permutation(tasks))
    found["tasks"] = np.where(weighed[:, None], by_task, 1).astype(np.int64)
    return found


def neyman(
    design: Cells,
    runs: int,
    *,
    rule: str,
    estimand: object,
    pilot: int,
    every: int,
    most: int,
    cost: str,
) -> Neyman:
    """Return the rule of a study.

    Args:
        design: its cells.
        runs: mean of every task in every cell, all batches together.
        rule: of ``RULES``.
        estimand: what is to be told well: ``shapley:gap_hints``, or a kind, for the sum of the
            variances of all of it.
        pilot: runs before the first decision.
        every: mean runs of each batch after it; the last has what is left.
        most: runs of a task in a cell in one batch.
        cost: what is shared out, ``episodes`` or ``usd``.

    Raises:
        InputError: a value that cannot be, or an estimand that the cells do not allow.
    """
    where = "study.allocate"
    if rule not in RULES:
        raise InputError(f"{where}.rule", rule, f"choose one of {', '.join(RULES)}, or null")
    if cost not in COSTS:
        raise InputError(f"{where}.cost", cost, f"choose one of {', '.join(COSTS)}")
    if pilot < 2:
        raise InputError(
            f"{where}.pilot", pilot, "one run says nothing of a spread: give 2 or more"
        )
    if every < 2:
        remedy = "a batch has a run of every task in every cell, and shares the rest out: give 2"
        raise InputError(f"{where}.every", every, f"{remedy} or more")
    if most <= every:
        raise InputError(f"{where}.most", most, f"give more than the mean, {every}")
    if not isinstance(estimand, str):
        known = ", ".join(one.name for one in design.leading)
        raise InputError(f"{where}.estimand", estimand, f"declare one, such as {known}")
    held = tuple(one for one in design.estimands if one.kind == estimand)
    held = held or (design.estimand(estimand),)
    made = batches_of(runs, pilot, every, most)
    if len(made) < 2 or max(one.runs for one in made) * 2 > runs:
        remedy = (
            f"no batch may have more than half of the runs ({runs}): each interval compares "
            "batches, so give more runs, or smaller batches"
        )
        raise InputError(f"{where}.every", [one.runs for one in made], remedy)
    return Neyman(design, held, estimand, made, most, cost)
