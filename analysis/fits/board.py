"""The episodes of a place as one array over models, standard cells, tasks and runs."""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis import contrasts
from analysis.chains import linked_tasks
from analysis.layout import Bools, Floats
from analysis.place import Place
from analysis.sample import Sample
from analysis.uncertainty import Spread, Uncertainty

_ZERO = 1e-24  # a variance below this is rounding


@dataclass(frozen=True, eq=False)
class Board:
    """Outcomes of the cells of doses 0 and 1. Use ``board``."""

    y: Floats  # shape: (models, 2^k, tasks, runs); NaN = no observation
    planned: Floats  # shape: (models, 2^k, tasks)
    on: Floats  # shape: (2^k, k): which factor is on in which cell
    slots: Bools  # shape: (tasks, runs); which runs of a task any model has, observed or not
    levels: tuple[int, ...]  # of each task
    cluster: NDArray[np.int64]  # shape: (tasks, runs); runs that one chain links share a cluster
    stratum: NDArray[np.int64]  # shape: tasks; tasks that one chain links share a stratum
    chained: bool
    _extremes: dict[tuple[int, float], "Board"] = field(default_factory=dict, init=False)

    @cached_property
    def seen(self) -> Bools:
        """Which episodes were observed. Shape of y."""
        return np.isfinite(self.y)

    @cached_property
    def filled(self) -> Floats:
        """The outcomes, 0 where there is none. Shape of y."""
        return np.where(self.seen, self.y, 0.0)

    @property
    def held(self) -> Bools:
        """Which cells each model has episodes of, observed or not. Shape: (models, 2^k)."""
        held: Bools = (self.planned > 0).any(axis=2)
        return held

    @cached_property
    def lost(self) -> Bools:
        """Which episodes were not observed. Shape of y.

        Where runs of a cell are not all planned, their number is right and their place arbitrary
        (see ``placed``).
        """
        missing = self.planned - self.seen.sum(axis=3)
        free = ~self.seen & self.slots[None, None]
        lost: Bools = free & (np.cumsum(free, axis=3) <= missing[..., None])
        return lost

    @property
    def placed(self) -> bool:
        """Whether it is known in which run each missing episode was."""
        free = ~self.seen & self.slots[None, None]
        return bool((free == self.lost)[self.planned > self.seen.sum(axis=3)].all())

    def extreme(self, factor: int, *, on: float) -> "Board":
        """Return the board with every missing episode ``on`` where the factor is, else 1 - on."""
        if (factor, on) not in self._extremes:
            self._extremes[factor, on] = self._filled_with(factor, on)
        return self._extremes[factor, on]

    def _filled_with(self, factor: int, on: float) -> "Board":
        value = np.where(self.on[:, factor] == 1, on, 1.0 - on)[None, :, None, None]
        return replace(self, y=np.where(self.lost, value, self.y))

    def counts(self) -> tuple[int, int]:
        """Return observed and missing episodes."""
        n = int(self.seen.sum())
        return n, int(self.planned.sum()) - n

    def pair(self, factor: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the cells with the factor on, and those that differ by it alone being off."""
        on = np.flatnonzero(self.on[:, factor] == 1)
        return on, on - 2 ** (self.on.shape[1] - 1 - factor)

    def between(self, contributions: Floats, how: Uncertainty) -> Spread:
        """Return the spread over new tasks of a sum of the tasks' contributions. Shape: tasks.

        A NaN contribution is a task without one.
        """
        own = np.isfinite(contributions)
        values = contributions[own]
        groups = np.unique(self.stratum[own], return_inverse=True)[1]
        count = int(groups.max()) + 1 if len(groups) else 0
        deviation = values - values.mean() if len(values) else values
        if count < 2:
            return Spread(np.nan, 0, "one task or cluster: no interval for new tasks")
        if how.within_levels and count == len(values):
            return self._within_levels(values, own)
        totals = np.zeros(count)
        np.add.at(totals, groups, deviation)
        variance = float(totals @ totals) * count / (count - 1)
        label = "task-level t" if count == len(values) else "t over chain-linked task clusters"
        return Spread(_root(variance), count - 1, f"{label}({count - 1})")

    def _within_levels(self, values: Floats, own: Bools) -> Spread:
        levels = np.array(self.levels)[own]
        parts = [values[levels == level] for level in np.unique(levels)]
        if min(map(len, parts)) < 2:
            return Spread(np.nan, 0, "one task in a level: no interval within levels")
        df = len(values) - len(parts)
        variance = sum(len(part) * float(part.var(ddof=1)) for part in parts)
        return Spread(_root(variance), df, f"task-level t({df}) within levels")

    def within(self, scores: Floats, seen: Bools) -> Spread:
        """Return the spread over new runs of these tasks of a sum of the runs' scores.

        Args:
            scores: shape (tasks, runs).
            seen: shape (tasks, runs); which runs have a score.
        """
        if not seen.any():
            return Spread(0.0, 0, "no run has a score")
        names, cluster = np.unique(self.cluster[seen], return_inverse=True)
        totals = np.zeros(len(names))
        np.add.at(totals, cluster, scores[seen])
        stratum = np.zeros(len(names), dtype=np.int64)
        stratum[cluster] = np.broadcast_to(self.stratum[:, None], seen.shape)[seen]
        groups = np.unique(stratum, return_inverse=True)[1]
        size = np.bincount(groups)
        if size.min() < 2:
            return Spread(0.0, 0, "one run of a task")
        centred = totals - (np.bincount(groups, totals) / size)[groups]
        variance = float((centred**2 * (size / (size - 1))[groups]).sum())
        df = len(names) - len(size)
        return Spread(_root(variance), df, f"{'chain' if self.chained else 'run'}-level t({df})")


def _root(variance: float) -> float:
    return float(np.sqrt(variance)) if variance > _ZERO else 0.0


def board(place: Place, outcome: str = "success") -> Board:
    """Return the episodes of a place, on the tasks that its models were given."""
    sample = place.sample.only(place.given)
    k = len(place.codes[0])
    cells = {code: position for position, code in enumerate(place.codes[: 2**k])}
    models = {model: position for position, model in enumerate(place.models)}
    own = [
        (row, models[model], cells[code])
        for row, (model, kind, code) in enumerate(sample.rows)
        if model in models and kind == outcome and code in cells
    ]
    rows, model, cell = np.array(own, dtype=np.int64).reshape(-1, 3).T
    _, tasks, runs = sample.y.shape
    y = np.full((len(models), 2**k, tasks, runs), np.nan)
    planned = np.zeros(y.shape[:3])
    y[model, cell] = sample.y[rows]
    planned[model, cell] = sample.planned[rows]
    cluster = np.arange(tasks * runs)
    if sample.chains is not None:
        cluster = _linked_runs(sample.chains[rows])
    return Board(
        y,
        planned,
        contrasts.switches(k),
        _slots(sample),
        sample.levels,
        cluster.reshape(tasks, runs),
        linked_tasks(sample),
        sample.chains is not None,
    )


def _slots(sample: Sample) -> Bools:
    """Return which runs of each task exist: as many as any row planned, and all that were seen."""
    _, tasks, runs = sample.y.shape
    if not sample.y.size:
        return np.zeros((tasks, runs), dtype=bool)
    most = sample.planned.max(axis=0)
    slots: Bools = np.isfinite(sample.y).any(axis=0) | (np.arange(runs) < most[:, None])
    return slots


def _linked_runs(chains: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the cluster of each task's run: those that share a chain. Shape: tasks x runs."""
    flat = chains.reshape(len(chains), math.prod(chains.shape[1:]))
    units = flat.shape[1]
    row, unit = np.nonzero(flat >= 0)
    chain = units + flat[row, unit]
    size = units + int(chains.max(initial=-1)) + 1
    edges = coo_array((np.ones(len(unit)), (unit, chain)), shape=(size, size))
    _, cluster = connected_components(edges, directed=False)
    return np.asarray(cluster[:units], dtype=np.int64)
