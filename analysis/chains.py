"""Episodes that carry something along (a knowledge book) form a chain: the chain is the cluster."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from analysis.layout import Floats
from analysis.sample import Sample


def linked_tasks(sample: Sample) -> NDArray[np.int64]:
    """Return the cluster of each task: tasks that share a chain share a cluster. Shape: tasks."""
    count = sample.y.shape[1]
    if sample.chains is None:
        return np.arange(count)
    member = np.zeros((count, int(sample.chains.max()) + 1), dtype=bool)
    _, task, _ = np.nonzero(sample.chains >= 0)
    member[task, sample.chains[sample.chains >= 0]] = True
    _, cluster = connected_components(member.astype(float) @ member.T.astype(float))
    return np.asarray(cluster, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class ChainScores:
    """Each chain's contribution to each row's mean, and the tasks it was drawn among."""

    scores: Floats  # shape: (chains, rows)
    present: Floats  # shape: (chains, rows); episodes
    cluster: NDArray[np.int64]  # of linked tasks. Shape: chains

    def variance(self, weights: Floats) -> tuple[float, int]:
        """Return the variance of a contrast over new chains on these tasks, and its df.

        Chains are compared within strata: the same linked tasks, and the same of the rows that
        the contrast weighs, whatever else is evaluated with it. The df is 0 when no stratum has two
        chains.
        """
        there = self.present[:, weights != 0] > 0
        own = there.any(axis=1)
        signature = np.column_stack([self.cluster[own], there[own]])
        chains, strata = int(own.sum()), len(np.unique(signature, axis=0))
        if chains <= strata:
            return 0.0, 0
        totals = self.scores[own] @ weights
        return float(totals @ totals) * chains / (chains - strata), chains - strata


def chain_scores(sample: Sample) -> ChainScores:
    """Return the chains' scores: sums of ``(y - p) / (tasks x n)``.

    Raises:
        ValueError: the sample has no chains.
    """
    if sample.chains is None:
        raise ValueError("the sample has no chains")
    rows, tasks, _ = sample.y.shape
    row, task, run = np.nonzero(sample.chains >= 0)
    chain = sample.chains[row, task, run]
    count = int(chain.max()) + 1
    present = np.zeros((count, rows))
    np.add.at(present, (chain, row), 1.0)
    residual = sample.y[row, task, run] - sample.p[row, task]
    share = residual / (tasks * np.maximum(sample.n[row, task], 1.0))
    scores = np.zeros((count, rows))
    np.add.at(scores, (chain, row), np.nan_to_num(share))
    cluster = np.zeros(count, dtype=np.int64)
    cluster[chain] = linked_tasks(sample)[task]
    return ChainScores(scores, present, cluster)
