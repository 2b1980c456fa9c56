"""Bootstrap intervals: a cross-check of the formulas, never what is reported first.

``tasks``      resample tasks (linked ones together): a percentile interval for new tasks. With 25
               tasks it covers 92 %, not 95: its spread lacks the factor 25/24 and Student's t.
``two_stage``  tasks, then runs within each: for new tasks, and too wide where tasks hardly differ,
               because the spread over tasks holds that of their runs already.
``runs``       runs within these tasks: for fixed tasks. One run has the same seed in every cell, so
               it is drawn with all its cells; dependent episodes (a chain) are drawn together.

Every estimate here is linear in the cells' shares, so the contrasts are taken first and a resample
is a vector of counts: all of them are one matrix product. Where episodes are missing a share's
denominator changes with the draw, and the shares are made anew from the counts.

Source: Davison and Hinkley 1997, sections 2.4 and 3.8.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis.chains import linked_tasks
from analysis.estimands import CATALOGUE, Contrast
from analysis.intervals import LEVEL
from analysis.layout import Floats
from analysis.sample import Sample
from diagnose.errors import InputError

if TYPE_CHECKING:
    from analysis.results import Estimates

How = Literal["tasks", "two_stage", "runs"]
WAYS: tuple[How, ...] = ("tasks", "two_stage", "runs")
MOST_RESAMPLES = 1_000_000
_MOST_DRAWS = 4_000_000  # held in memory at once

Ints = NDArray[np.int64]


def checked_how(how: str) -> How:
    """Return ``how`` or raise InputError naming the three."""
    for known in WAYS:
        if how == known:
            return known
    raise InputError("how", how, f"choose one of {', '.join(WAYS)}")


def beside(
    estimates: "Estimates", kind: str | None, how: str, resamples: int, seed: int
) -> pd.DataFrame:
    """Return bootstrap limits beside the formula's; see ``Estimates.bootstrap``."""
    study, chosen = estimates.study, checked_how(how)
    if study.sample.batches is not None and chosen != "tasks":
        remedy = "runs were allocated by earlier outcomes and cannot be drawn again: take tasks"
        raise InputError("how", chosen, remedy)
    if (chosen == "runs") != (estimates.target == "fixed"):
        remedy = "runs is for fixed tasks, tasks and two_stage are for new ones"
        raise InputError("how", f"{how} for {estimates.target} tasks", remedy)
    wanted = estimates.to_frame(kind)
    frame = wanted[wanted["status"].fillna("") == ""]
    specs = {
        spec.name: spec
        for entry in CATALOGUE.values()
        for spec in entry.specs(study.layout)
        if isinstance(spec, Contrast)
    }
    groups: dict[bytes, list[tuple[int, Floats, float]]] = {}
    for row, (model, name) in enumerate(zip(frame["model"], frame["estimand"], strict=True)):
        if (spec := specs.get(name)) is None:
            continue
        place = study.place(str(model), estimates.uncertainty)
        if (weights := place.weights(spec)) is None:
            continue
        usable, _ = place.usable(weights, place.tasks(spec))
        groups.setdefault(usable.tobytes(), []).append((row, weights, spec.offset))
    low, high = np.full((2, len(frame)), np.nan)
    for key, group in groups.items():
        rows = [row for row, _, _ in group]
        offset = np.array([offset for _, _, offset in group])
        part = study.sample.only(np.frombuffer(key, dtype=bool))
        matrix = np.array([weights for _, weights, _ in group])
        limits = percentiles(part, matrix, chosen, resamples, seed)
        low[rows], high[rows] = limits[0] + offset, limits[1] + offset
    done = frame[["model", "estimand", "estimate", "ci_low", "ci_high"]].assign(
        bootstrap_low=low,
        bootstrap_high=high,
        target=estimates.target,
        method=f"{chosen}, {resamples:,} resamples, seed {seed}",
    )
    return done[np.isfinite(low)].reset_index(drop=True)


def percentiles(
    sample: Sample, weights: Floats, how: How, resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """Return the 95 % percentile limits of contrasts. Shape: contrasts, twice.

    Args:
        sample: on the tasks the contrasts are about; every weighed row has data on every task.
        weights: shape (contrasts, rows).
        how: what is resampled.
        resamples: how often.
        seed: the same seed gives the same limits.

    Raises:
        InputError: a number of resamples or a seed out of its range.
    """
    if not 2 <= resamples <= MOST_RESAMPLES:
        raise InputError("resamples", resamples, f"give a number from 2 to {MOST_RESAMPLES}")
    if not 0 <= seed < 2**63:
        raise InputError("seed", seed, "give a whole number from 0")
    drawn = draws(sample, weights, how, resamples, np.random.default_rng(seed))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=1)
    return low, high


def draws(
    sample: Sample, weights: Floats, how: How, resamples: int, rng: np.random.Generator
) -> Floats:
    """Return the contrasts in every resample. Shape: (contrasts, resamples)."""
    needed = (weights != 0).any(axis=0)
    weights, y, p = weights[:, needed], sample.y[needed], sample.p[needed]
    cluster = linked_tasks(sample)
    if how == "tasks":
        count = int(cluster.max()) + 1
        member = (cluster[:, None] == np.arange(count)).astype(np.float64)  # (tasks, clusters)
        times = _times(rng.integers(0, count, (resamples, count)), count)
        total: Floats = (weights @ p @ member) @ times.T
        total /= member.sum(axis=0) @ times.T
        return total
    chains = None if sample.chains is None else sample.chains[needed]
    units = units_of(y, chains, cluster)
    parts, left = [], resamples
    most = max(1, _MOST_DRAWS // units.start.size)
    while left > 0:
        size = min(left, most)
        times, task_times = units.resampled(rng, size, whole=how == "runs")
        parts.append(_means(y, p, weights, units, times, task_times))
        left -= size
    return np.concatenate(parts, axis=1)


@dataclass(frozen=True, eq=False)
class Units:
    """What is drawn together, in strata within clusters of tasks.

    A unit is a run of a task with all its cells or, where episodes are chained, the chains that
    share runs. Units are of one stratum if they hold runs of the same cells, so that a cell's
    number of runs stays what it is in a resample of complete data.
    """

    of: Ints  # shape: (tasks, runs); the unit, -1 where nothing was observed
    cluster: Ints  # shape: tasks
    # Shape: (clusters, most units of one); each place draws from its stratum, start to start + size
    start: Ints
    size: Ints  # 0 = no unit

    def resampled(
        self, rng: np.random.Generator, resamples: int, *, whole: bool
    ) -> tuple[Floats, Floats]:
        """Return how often each unit and each task was drawn. Shape: resamples, units | tasks.

        Args:
            rng: where draws come from.
            resamples: how many.
            whole: keep the tasks, draw units only.
        """
        count = len(self.start)
        chosen = (
            np.broadcast_to(np.arange(count), (resamples, count))
            if whole
            else rng.integers(0, count, (resamples, count))
        )
        start, size = self.start[chosen], self.size[chosen]
        unit = start + (rng.random(start.shape) * size).astype(np.int64)
        number = int(self.of.max()) + 1
        unit[size == 0] = number  # a place without a unit: counted apart, and dropped
        times = _times(unit.reshape(resamples, -1), number + 1)[:, :number]
        return times, _times(chosen, count)[:, self.cluster]


def units_of(y: Floats, chains: Ints | None, cluster: Ints) -> Units:
    """Return the units of some rows' outcomes; shapes as in ``Sample``."""
    seen = np.isfinite(y)
    tasks, runs = y.shape[1:]
    held = seen.any(axis=0).ravel()
    slot = np.arange(tasks * runs)
    if chains is None:
        label = slot
    else:
        row, task, run = np.nonzero(chains >= 0)
        own = task * runs + run
        label = _linked(own, chains[row, task, run], len(slot))
    unit = np.full(len(slot), -1)
    unit[held] = np.unique(label[held], return_inverse=True)[1]
    number = int(unit.max()) + 1
    if chains is None and seen.reshape(len(y), -1)[:, held].all():
        stratum = np.repeat(np.arange(tasks), runs)[held]  # of each unit: units are slots here
    else:
        row, task, run = np.nonzero(seen)
        stratum = _linked(unit[task * runs + run], row * tasks + task, number)
    # Number the units by cluster and stratum, so that a stratum is a range of units.
    of_cluster = np.zeros(number, dtype=np.int64)
    of_cluster[unit[held]] = np.repeat(cluster, runs)[held]
    order = np.lexsort((stratum, of_cluster))
    place = np.empty(number, dtype=np.int64)
    place[order] = np.arange(number)
    unit[held] = place[unit[held]]
    of_cluster, stratum = of_cluster[order], stratum[order]
    _, first, size = np.unique(of_cluster * number + stratum, return_index=True, return_counts=True)
    counts = np.bincount(of_cluster)
    shape = len(counts), int(counts.max())
    within = np.arange(number) - np.repeat(np.cumsum(counts) - counts, counts)
    starts, sizes = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    starts[of_cluster, within] = np.repeat(first, size)
    sizes[of_cluster, within] = np.repeat(size, size)
    return Units(unit.reshape(tasks, runs), cluster, starts, sizes)


def _linked(unit: Ints, mark: Ints, count: int) -> Ints:
    """Return each of ``count`` units' component, where units with a mark in common are linked."""
    marks = int(mark.max()) + 1
    shape = (count + marks, count + marks)
    graph = coo_array((np.ones(len(unit), dtype=np.int8), (unit, count + mark)), shape=shape)
    _, label = connected_components(graph, directed=False)
    return np.asarray(label[:count], dtype=np.int64)


def _times(chosen: Ints, count: int) -> Floats:
    """Return how often each of ``count`` was chosen. Shape: (resamples, count)."""
    resamples = len(chosen)
    flat = (chosen + count * np.arange(resamples)[:, None]).ravel()
    counted = np.bincount(flat, minlength=resamples * count).reshape(resamples, count)
    return counted.astype(np.float64)


def _means(
    y: Floats, p: Floats, weights: Floats, units: Units, times: Floats, task_times: Floats
) -> Floats:
    """Return the contrasts of resampled shares. Shape: (contrasts, resamples)."""
    seen = np.isfinite(y)
    held = units.of >= 0
    outcome = np.where(seen, y, 0.0)
    drawn = task_times.sum(axis=1)
    if seen[:, held].all():
        # Each share is a sum over units with a fixed denominator: contrasts first.
        per_run = np.tensordot(weights, outcome, axes=1) / held.sum(axis=1)[:, None]
        by_unit = np.zeros((times.shape[1], len(weights)))
        np.add.at(by_unit, units.of[held], per_run[:, held].T)
        total: Floats = (times @ by_unit).T / drawn
        return total
    total = np.zeros((len(weights), len(times)))
    for task in range(y.shape[1]):
        of = units.of[task][held[task]]
        n = seen[:, task][:, held[task]] @ times[:, of].T  # shape: (rows, resamples)
        successes = outcome[:, task][:, held[task]] @ times[:, of].T
        # A cell none of whose runs was drawn keeps its share.
        share = np.divide(
            successes, n, out=np.repeat(p[:, [task]], len(times), axis=1), where=n > 0
        )
        total += (weights @ share) * task_times[:, task]
    return total / drawn
