"""Episodes as arrays: outcomes by row, task and run.

A row is one (model, outcome, cell). Weights over rows then express a contrast of one model, the
average over models, and a contrast of success with use, by one and the same arithmetic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.batches import Batched
from analysis.estimands.spec import Contrast
from analysis.layout import Bools, Floats, Layout

RowKey = tuple[str, str, str]  # model, outcome, cell code


@dataclass(frozen=True, eq=False)
class Sample:
    """Outcomes of some rows on some tasks."""

    rows: tuple[RowKey, ...]
    y: Floats  # shape: (rows, tasks, runs); NaN = no observation
    planned: Floats  # shape: (rows, tasks); episodes in the table, observed or not
    levels: tuple[int, ...]  # of each task
    chains: NDArray[np.int64] | None = None  # shape of y; -1 where there is no episode
    batches: Batched | None = None  # where runs were allocated by the outcomes of earlier ones

    @cached_property
    def n(self) -> Floats:
        """Observed episodes. Shape: (rows, tasks)."""
        return np.isfinite(self.y).sum(axis=2).astype(np.float64)

    @cached_property
    def sums(self) -> Floats:
        """Observed successes. Shape: (rows, tasks)."""
        return np.nansum(self.y, axis=2)

    @cached_property
    def p(self) -> Floats:
        """Shares among observed runs; 0 where nothing was observed (see ``n``).

        Of runs that were allocated in batches, the batches' shares by their fixed weights.
        """
        if self.batches is not None:
            return self.batches.combined(self.batches.shares(self.y))
        return np.divide(self.sums, self.n, out=np.zeros_like(self.n), where=self.n > 0)

    @cached_property
    def index(self) -> Mapping[RowKey, int]:
        """Position of each row."""
        return {key: position for position, key in enumerate(self.rows)}

    def only(self, tasks: Bools) -> "Sample":
        """Return the sample on a part of the tasks."""
        if tasks.all():
            return self
        levels = tuple(level for level, kept in zip(self.levels, tasks, strict=True) if kept)
        chains = None if self.chains is None else self.chains[:, tasks]
        return replace(
            self,
            y=self.y[:, tasks],
            planned=self.planned[:, tasks],
            levels=levels,
            chains=chains,
            batches=None if self.batches is None else self.batches.only(tasks),
        )

    def weights(
        self, contrast: Contrast, models: Sequence[str], codes: Sequence[str]
    ) -> Floats | None:
        """Return the contrast's weights over the rows, models averaged; None if a cell is absent.

        Absent is also what a contrast without cells asks for. Shape: rows.
        """
        if not contrast.weights.any():
            return None
        weights = np.zeros(len(self.rows))
        for model in models:
            for position in np.flatnonzero(contrast.weights).tolist():
                row = self.index.get((model, contrast.outcome, codes[position]))
                if row is None:
                    return None
                weights[row] = contrast.weights[position] / len(models)
        return weights


def sample_of(table: pd.DataFrame, layout: Layout, models: Sequence[str]) -> Sample:
    """Return the episodes of ``models`` as arrays; runs are aligned by their number within a task.

    Shape: rows = models x outcomes x observed cells.
    """
    codes = np.zeros(len(table), dtype=np.int64)
    for factor in layout.factors:
        codes = 10 * codes + table[factor].to_numpy()
    k = len(layout.factors)
    task_of = {task: position for position, task in enumerate(layout.tasks)}
    task = table["task"].map(task_of).to_numpy(np.int64)
    model_of = {model: position for position, model in enumerate(models)}
    model = table["model"].map(model_of).to_numpy(np.int64)
    pairs = table[["task", "run"]].drop_duplicates().sort_values(["task", "run"])
    pairs["slot"] = pairs.groupby("task").cumcount()
    run = table[["task", "run"]].merge(pairs, on=["task", "run"], how="left")["slot"]
    slot = run.to_numpy(np.int64)

    cell_ids, cell = np.unique(model * 10**k + codes, return_inverse=True)
    outcomes = ["success", *(f"used_{factor}" for factor in layout.used)]
    shape = (len(outcomes), len(cell_ids), len(layout.tasks), int(slot.max()) + 1)
    y = np.full(shape, np.nan)
    for position, outcome in enumerate(outcomes):
        y[position, cell, task, slot] = table[outcome].to_numpy(np.float64)
    planned = np.zeros(shape[1:3])
    np.add.at(planned, (cell, task), 1.0)
    flat = (shape[0] * shape[1], *shape[2:])
    chains = None
    if "chain" in table.columns:
        links = np.full(shape, -1, dtype=np.int64)
        links[:, cell, task, slot] = pd.factorize(table["chain"], sort=True)[0]
        chains = links.reshape(flat)
    batches = None
    if "batch" in table.columns:
        batches = _batched(table, (cell, task, slot), shape)
    names = [divmod(int(identifier), 10**k) for identifier in cell_ids]
    rows = tuple((models[m], outcome, f"{code:0{k}}") for outcome in outcomes for m, code in names)
    return Sample(
        rows, y.reshape(flat), np.tile(planned, (len(outcomes), 1)), layout.levels, chains, batches
    )


def _batched(
    table: pd.DataFrame, at: Sequence[NDArray[Any]], shape: tuple[int, ...]
) -> Batched | None:
    """Return the batches of a table's runs; None while there is but one.

    Args:
        table: with the columns ``batch`` and ``batch_weight``.
        at: cell, task and slot of each of its rows.
        shape: outcomes, cells, tasks, slots.
    """
    numbers, batch = np.unique(table["batch"].to_numpy(np.int64), return_inverse=True)
    if len(numbers) < 2:
        return None
    weights = np.zeros(len(numbers))
    weights[batch] = table["batch_weight"].to_numpy(np.float64)
    cell, task, slot = at
    of = np.full(shape[2:], -1)
    of[task, slot] = batch
    planned = np.zeros((len(numbers), *shape[1:3]))
    np.add.at(planned, (batch, cell, task), 1.0)
    return Batched(of, weights / weights.sum(), np.tile(planned, (1, shape[0], 1)))


def truth_sample(truth: Mapping[str, Any], layout: Layout, model: str) -> Sample:
    """Return known success rates in a sample's shape, one run each; NaN where they are not known.

    Shape: (cells, tasks, 1). Without rates per task every task has its cell's rate.
    """
    y = np.full((len(layout.codes), len(layout.tasks), 1), np.nan)
    for row, code in enumerate(layout.codes):
        for column, task in enumerate(layout.tasks):
            known = truth["tasks"].get(task) if truth["tasks"] else truth["cells"]
            y[row, column, 0] = (known or {}).get(code, np.nan)
    rows = tuple((model, "success", code) for code in layout.codes)
    return Sample(rows, y, np.ones(y.shape[:2]), layout.levels)
