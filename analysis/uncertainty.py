"""Standard errors of linear contrasts, for new tasks and for fixed tasks.

``new``: the tasks are a sample; the spread of the per-task contrasts over tasks is the whole
uncertainty, runs included. ``fixed``: these tasks, new seeds; the spread over runs within a task,
with the covariance between cells that common seeds make. With every run observed the latter is
exactly the variance of the per-run contrasts x_tr; where runs are missing each pair of cells uses
the runs both have; where cells share no runs it is the independent formula with n - 1.

No variance seen is no proof of none: between-task variance of zero falls back to the within-task
one, and that of zero to Wilson limits on the counts (``analysis.estimates``). A rate whose t limits
would leave [0, 1] has Wilson's for the trials that its standard error stands for. ``method`` says
so; what each covers is in docs/statistics.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from analysis.batches import variances
from analysis.chains import ChainScores, chain_scores, linked_tasks
from analysis.layout import Bools, Floats
from analysis.sample import Sample
from diagnose.errors import InputError

Target = Literal["new", "fixed"]
TARGETS: tuple[Target, ...] = ("new", "fixed")
BATCHED = "batches of allocated runs weighted as planned"
_ZERO = 1e-24  # a variance below this is rounding: outcomes are shares of a few runs


@dataclass(frozen=True)
class Spread:
    """A standard error, its degrees of freedom and how it was made.

    ``se`` is 0 when no variance was seen or none can be known from one run per task, and NaN when
    the target allows no interval at all.
    """

    se: float
    df: float
    method: str


def checked_target(target: str) -> Target:
    """Return ``target`` or raise InputError naming the two."""
    for known in TARGETS:
        if target == known:
            return known
    raise InputError("target", target, f"choose one of {', '.join(TARGETS)}")


@dataclass(frozen=True)
class Uncertainty:
    """Which target, and how new tasks were drawn."""

    target: Target = "new"
    within_levels: bool = False  # tasks were drawn within levels: new tasks only

    def spreads(self, sample: Sample, weights: Floats) -> list[Spread]:
        """Return the spread of each contrast; every needed row has data on every task.

        Args:
            sample: on the tasks the contrasts are about.
            weights: shape (contrasts, rows).
        """
        if self.target == "fixed":
            return fixed_tasks(sample, weights)
        spreads = self._new_tasks(sample, weights)
        if sample.batches is not None:
            spreads = [replace(one, method=f"{one.method}, {BATCHED}") for one in spreads]
        zero = [i for i, spread in enumerate(spreads) if spread.se == 0]
        for i, inner in zip(zero, fixed_tasks(sample, weights[zero]) if zero else [], strict=True):
            spreads[i] = Spread(
                inner.se, inner.df, f"within-task {inner.method}; no variance between tasks"
            )
        return spreads

    def _new_tasks(self, sample: Sample, weights: Floats) -> list[Spread]:
        per_task = weights @ sample.p  # shape: (contrasts, tasks)
        tasks = per_task.shape[1]
        deviation = per_task - per_task.mean(axis=1, keepdims=True)
        clusters = linked_tasks(sample)
        count = int(clusters.max()) + 1
        method = "task-level t"
        if count < tasks:
            totals = np.zeros((len(weights), count))
            np.add.at(totals.T, clusters, deviation.T)
            deviation, method = totals, "t over chain-linked task clusters"
        elif self.within_levels:
            return _within_levels(per_task, sample.levels)
        if count < 2:
            return [Spread(np.nan, 0, "one task or cluster: no interval for new tasks")] * len(
                weights
            )
        variance = (deviation**2).sum(axis=1) * count / (count - 1) / tasks**2
        return [
            Spread(_root(value), count - 1, f"{method}({count - 1})") for value in variance.tolist()
        ]


def _within_levels(per_task: Floats, levels: Sequence[int]) -> list[Spread]:
    """Return spreads of tasks drawn within levels: (1/T^2) sum_l n_l s_l^2, T - L df."""
    own = np.array(levels)
    groups = [per_task[:, own == level] for level in sorted(set(levels))]
    if any(group.shape[1] < 2 for group in groups):
        return [Spread(np.nan, 0, "one task in a level: no interval within levels")] * len(per_task)
    tasks, df = per_task.shape[1], per_task.shape[1] - len(groups)
    parts = [group.shape[1] * group.var(axis=1, ddof=1) for group in groups]
    variance = np.sum(parts, axis=0) / tasks**2
    return [Spread(_root(value), df, f"task-level t({df}) within levels") for value in variance]


def _root(variance: float) -> float:
    return float(np.sqrt(variance)) if variance > _ZERO else 0.0


def fixed_tasks(sample: Sample, weights: Floats) -> list[Spread]:
    """Return spreads over new runs on these tasks. Weights: (contrasts, rows)."""
    needed = (weights != 0).any(axis=0)
    part = _rows(sample, needed)
    if part.chains is not None:
        scores = chain_scores(part)
        return [_chain_spread(scores, row) for row in weights[:, needed]]
    if part.batches is not None:
        return _batch_spreads(part, weights[:, needed])
    return _run_spreads(part, weights[:, needed])


def _batch_spreads(sample: Sample, weights: Floats) -> list[Spread]:
    """Return spreads over new runs where runs were allocated (``analysis.batches``)."""
    made = sample.batches
    assert made is not None  # asked for where there are some
    variance, df = variances(made.shares(sample.y), weights, made.weights)
    tasks, batches = variance.shape[1], len(made.weights)
    spreads = []
    for own, free in zip(variance, df, strict=True):
        if not np.isfinite(own).all():
            why = "a task has data of one batch alone: no interval for fixed tasks"
            spreads.append(Spread(np.nan, 0, f"{why}, {BATCHED}"))
            continue
        lost = int((free < batches - 1).sum())
        told = f"; {lost} of {tasks} tasks lack data in a batch" if lost else ""
        label = f"batch-level t({free.sum():.0f}), {BATCHED}{told}"
        spreads.append(Spread(_root(float(own.sum()) / tasks**2), float(free.sum()), label))
    return spreads


def _rows(sample: Sample, kept: Bools) -> Sample:
    """Return the sample with only the rows that matter: covariances are quadratic in them."""
    rows = tuple(key for key, own in zip(sample.rows, kept, strict=True) if own)
    chains = None if sample.chains is None else sample.chains[kept]
    batches = None if sample.batches is None else sample.batches.rows(kept)
    return Sample(rows, sample.y[kept], sample.planned[kept], sample.levels, chains, batches)


def run_covariance(y: Floats) -> Floats:
    """Return the covariance of the rows' equal-weight means over tasks, over new runs.

    With n and m observed runs of two rows on a task and c runs in common, the sum of products of
    residuals over the common runs has expectation ``c cov (1 - 1/n - 1/m + c/(n m))``; dividing by
    it makes each entry unbiased, and exact algebra for complete data.

    Args:
        y: shape (rows, tasks, runs), NaN = not observed. Returns shape (rows, rows).
    """
    seen = np.isfinite(y)
    n = seen.sum(axis=2)
    inverse = np.divide(1.0, n, out=np.zeros(n.shape), where=n > 0)
    mean = np.where(seen, y, 0.0).sum(axis=2) * inverse
    residual = np.where(seen, y - mean[:, :, None], 0.0)
    total = np.zeros((len(y), len(y)))
    for task in range(y.shape[1]):
        own, inv = seen[:, task].astype(np.float64), inverse[:, task]
        scale = np.outer(inv, inv)
        factor = 1.0 - inv[:, None] - inv[None, :] + (own @ own.T) * scale
        products = (residual[:, task] @ residual[:, task].T) * scale
        np.divide(products, factor, out=products, where=factor > 1e-9)
        total += np.where(factor > 1e-9, products, 0.0)
    covariance: Floats = total / y.shape[1] ** 2
    return covariance


def _run_spreads(sample: Sample, weights: Floats) -> list[Spread]:
    if np.isfinite(sample.y).all() and sample.y.shape[2] > 1:
        return _per_run_spreads(sample.y, weights)
    covariance = run_covariance(sample.y)
    variance = ((weights @ covariance) * weights).sum(axis=1)
    apart = (weights**2) @ np.diag(covariance)
    seen = np.isfinite(sample.y).reshape(len(sample.y), -1).astype(np.float64)
    shared = seen @ seen.T > 0
    np.fill_diagonal(shared, val=False)
    own = weights != 0
    overlap = ((own @ shared) & own).any(axis=1)
    spreads = []
    for rows, joint, alone, common in zip(own, variance, apart, overlap, strict=True):
        value = joint
        fewest = sample.n[rows].min(axis=0)
        if fewest.min() < 2:
            spreads.append(Spread(0.0, 0, "one run of a task in a cell"))
            continue
        seeds = ", common seeds" if common else ", independent runs"
        if joint < -_ZERO:  # possible only where runs are missing unevenly
            value, seeds = alone, ", seeds taken as independent"
        df = float((fewest - 1).sum())
        label = f"run-level t({df:.0f})" + (seeds if rows.sum() > 1 else "")
        spreads.append(Spread(_root(value), df, label))
    return spreads


def _per_run_spreads(y: Floats, weights: Floats) -> list[Spread]:
    """Return spreads of complete data: (1/T^2) sum_t s_t^2 / R of x_tr = sum_c w_c y_ctr."""
    _, tasks, runs = y.shape
    per_run = np.tensordot(weights, y, axes=1)  # shape: (contrasts, tasks, runs)
    variance = per_run.var(axis=2, ddof=1).sum(axis=1) / runs / tasks**2
    df = tasks * (runs - 1)
    several = (weights != 0).sum(axis=1) > 1
    return [
        Spread(_root(value), df, f"run-level t({df})" + (", common seeds" if many else ""))
        for value, many in zip(variance.tolist(), several, strict=True)
    ]


def _chain_spread(scores: ChainScores, weights: Floats) -> Spread:
    variance, df = scores.variance(weights)
    return Spread(_root(variance), df, f"chain-level t({df})")
