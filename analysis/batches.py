"""Studies whose later runs went where the earlier ones pointed: estimates that this cannot bias.

Runs were made in batches. How many runs of a task a cell has in batch k hangs on the outcomes of
the batches before it, and the draws of a batch are new. So, given all that came before, the share
p_k[c,t] of batch k is unbiased for p[c,t], whatever the allocation was, and so is

    p[c,t] = sum_k lambda_k p_k[c,t],    lambda_k = planned mean runs of batch k / those of all

because the weights were fixed before the first episode. (All runs of a cell pooled are not: cells
that looked certain by chance stay as they looked.) Its error is a sum of martingale differences:
the batches' errors, and those of different tasks, are uncorrelated. From that follow both variances
without a model of how runs were allocated:

    new tasks    the tasks' contrasts d_t = sum_k lambda_k x_kt are uncorrelated about their own
                 means, so s^2(d) / T is unbiased, as ever: t(T - 1)
    fixed tasks  x_kt, k = 1..K, are uncorrelated with one mean; with lambda below 1/2,
                 a_k = lambda_k^2 (1 - A) / (1 - 2 lambda_k), A = B / (1 + B),
                 B = sum_k lambda_k^2 / (1 - 2 lambda_k):
                 sum_k a_k (x_kt - d_t)^2 is unbiased for the variance of d_t. Summed over tasks,
                 / T^2, t(sum_t (K_t - 1)); two batches of 1/2 have (x_1t - x_2t)^2 / 4

Source: Melfi and Page 2000 and Hadad et al. 2021 say what pooling does; the estimator is a
stratified one by batch, its proof the two lines above, tested by enumeration.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analysis.layout import Bools, Floats


@dataclass(frozen=True)
class Batch:
    """Runs that are allocated together: numbers ``first`` to ``end`` (left out) are theirs."""

    first: int
    end: int
    runs: int  # mean of every task in every cell


def batches_of(runs: int, pilot: int, every: int, most: int) -> tuple[Batch, ...]:
    """Return the batches of ``runs``: the pilot, then ``every`` and what is left.

    A remainder is added to the last whole batch's successor only if it has two runs; one run more
    goes to the last batch.
    """
    means = [pilot, *[every] * ((runs - pilot) // every)]
    if rest := (runs - pilot) % every:
        if rest > 1 or len(means) == 1:
            means.append(rest)
        else:
            means[-1] += rest
    slots = [pilot, *(max(most, mean) for mean in means[1:])]
    starts = np.cumsum([0, *slots]).tolist()
    ends = pairwise(starts)
    return tuple(Batch(a, b, mean) for (a, b), mean in zip(ends, means, strict=True))


@dataclass(frozen=True, eq=False)
class Batched:
    """Which batch each run belongs to, and what the batches weigh."""

    of: NDArray[np.int64]  # shape: (tasks, runs); -1 where a task has no such run
    weights: Floats  # shape: batches; they sum to 1
    planned: Floats  # shape: (batches, rows, tasks); episodes in the table, observed or not

    def only(self, tasks: Bools) -> "Batched":
        """Return it on a part of the tasks."""
        return Batched(self.of[tasks], self.weights, self.planned[:, :, tasks])

    def rows(self, kept: Bools) -> "Batched":
        """Return it on a part of the rows."""
        return Batched(self.of, self.weights, self.planned[:, kept])

    @cached_property
    def members(self) -> Bools:
        """Whether a run is in a batch. Shape: (batches, tasks, runs)."""
        own: Bools = self.of[None] == np.arange(len(self.weights))[:, None, None]
        return own

    def counts(self, y: Floats) -> Floats:
        """Return observed runs. Shape: (batches, rows, tasks)."""
        seen = np.isfinite(y).astype(np.float64)
        found: Floats = np.einsum("ctr,ktr->kct", seen, self.members)
        return found

    def shares(self, y: Floats) -> Floats:
        """Return success shares of each batch; NaN without a run. Shape: (batches, rows, tasks)."""
        n = self.counts(y)
        sums = np.einsum("ctr,ktr->kct", np.nan_to_num(y), self.members)
        found: Floats = np.divide(sums, n, out=np.full(n.shape, np.nan), where=n > 0)
        return found

    def combined(self, shares: Floats) -> Floats:
        """Return the weighted mean over the batches that have a share; 0 where none has."""
        seen = np.isfinite(shares)
        weight = np.where(seen, self.weights[:, None, None], 0.0)
        total = weight.sum(axis=0)
        summed = (weight * np.where(seen, shares, 0.0)).sum(axis=0)
        found: Floats = np.divide(summed, total, out=np.zeros(total.shape), where=total > 0)
        return found

    def worth(self, y: Floats) -> Floats:
        """Return the runs in one batch that would be as precise: shape (rows, tasks)."""
        n = self.counts(y)
        weight = np.where(n > 0, self.weights[:, None, None], 0.0)
        parts = np.divide(weight**2, n, out=np.zeros(n.shape), where=n > 0).sum(axis=0)
        whole = weight.sum(axis=0) ** 2
        found: Floats = np.divide(whole, parts, out=np.zeros(parts.shape), where=parts > 0)
        return found

    def box(self, y: Floats) -> tuple[Floats, Floats]:
        """Return each share with what is missing at its worst and best. Shape: (rows, tasks)."""
        sums = np.einsum("ctr,ktr->kct", np.nan_to_num(y), self.members)
        missing = self.planned - self.counts(y)
        low, high = (
            np.divide(side, self.planned, out=np.full(sums.shape, np.nan), where=self.planned > 0)
            for side in (sums, sums + missing)
        )
        return self.combined(low), self.combined(high)


def variances(shares: Floats, contrasts: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the variance over new runs of each task's contrast, and its degrees of freedom.

    Batches in which a cell has no share are left out of that task's variance, so that it is that
    of an estimate with fewer runs; where the weights left forbid the unbiased form, a larger one is
    taken. Without two batches it is NaN.

    Args:
        shares: by batch, shape (batches, rows, tasks).
        contrasts: weights over the rows, shape (contrasts, rows).
        weights: of the batches.

    Returns:
        Two arrays. Shape: (contrasts, tasks).
    """
    x = np.einsum("ec,kct->ekt", contrasts, np.nan_to_num(shares))
    needed = contrasts != 0
    lacking = np.einsum("ec,kct->ekt", needed.astype(np.float64), ~np.isfinite(shares)) > 0
    variance, df = np.full((2, len(contrasts), shares.shape[2]), np.nan)
    every = ~lacking
    patterns = {tuple(row) for row in every.transpose(0, 2, 1).reshape(-1, len(weights)).tolist()}
    for pattern in patterns:
        kept = np.array(pattern)
        if kept.sum() < 2:
            continue
        here = (every == kept[None, :, None]).all(axis=1)  # shape: (contrasts, tasks)
        own = weights[kept] / weights[kept].sum()
        inside = x[:, kept]
        centre = np.einsum("k,ekt->et", own, inside)
        squares = (inside - centre[:, None]) ** 2
        found = np.einsum("k,ekt->et", factors(own), squares)
        variance[here], df[here] = found[here], kept.sum() - 1
    return variance, df


def factors(weights: Floats) -> Floats:
    """Return a_k: sum of a_k (x_k - d)^2 is unbiased for the variance of d = sum of weight x_k.

    The x_k are uncorrelated with one mean and variances of their own. Where a weight is half or
    more no such form is there for all variances, unless two batches weigh the same; then a larger
    one is given: the variance of d is at most max w / (1 - w) times the mean of sum w (x - d)^2.
    """
    if np.allclose(weights, weights[0]):
        count = len(weights)
        return np.full(count, 1 / (count * (count - 1)))
    if weights.max() < 0.5:
        ratio = weights**2 / (1 - 2 * weights)
        made: Floats = ratio / (1 + ratio.sum())
        return made
    return weights * float(np.max(weights / (1 - weights)))
