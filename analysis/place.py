"""Where estimands are evaluated, and what comes of one: a finding."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from analysis.estimands.spec import Contrast
from analysis.layout import Bools, Floats
from analysis.sample import Sample
from analysis.uncertainty import Spread, Uncertainty

NAN = math.nan
NOT_ESTIMABLE = "not_estimable"


@dataclass(frozen=True)
class Finding:
    """One row of the output, without its names."""

    estimate: float = NAN
    ci_low: float = NAN
    ci_high: float = NAN
    p: float = NAN
    method: str = ""
    n_episodes: int = 0  # observed episodes that the estimand weighs
    n_missing: int = 0  # episodes it would weigh that were not observed
    status: str = ""
    manski_low: float = NAN  # every missing episode at its worst
    manski_high: float = NAN


@dataclass(frozen=True, eq=False)
class Place:
    """Where contrasts are evaluated: a sample, the models averaged over and the cells' codes."""

    sample: Sample
    models: tuple[str, ...]
    codes: tuple[str, ...]
    uncertainty: Uncertainty
    factors: tuple[str, ...] = ()  # their names, in the order of a cell's digits
    _made: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def names(self) -> Sequence[str]:
        """The factors' names, or letters."""
        return self.factors or "ABCDEFGH"[: len(self.codes[0])]

    def once[T](self, make: Callable[["Place"], T]) -> T:
        """Return ``make`` of this place, made once: a fit serves every factor's row."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made

    def weights(self, contrast: Contrast) -> Floats | None:
        """Return weights over the sample's rows; None if a cell is not in the study."""
        return self.sample.weights(contrast, self.models, self.codes)

    def tasks(self, contrast: Contrast) -> Bools:
        """Return the tasks the contrast is about: of those that the models were given."""
        return self.given if contrast.tasks is None else contrast.tasks & self.given

    @cached_property
    def given(self) -> Bools:
        """Return the tasks of which any of the models has an episode. Shape: tasks."""
        own = [row for row, key in enumerate(self.sample.rows) if key[0] in self.models]
        given: Bools = (self.sample.planned[own] > 0).any(axis=0)
        return given

    def usable(self, weights: Floats, tasks: Bools) -> tuple[Bools, str]:
        """Return the tasks on which every weighed row has data, and why it cannot be done.

        For fixed tasks all are due: the mean over these tasks is the target. For new tasks one
        lost task is a smaller sample, said in ``method``.
        """
        complete = (self.sample.n[weights != 0] > 0).all(axis=0) & tasks
        if not complete.any():
            return complete, "a cell has no data"
        if self.uncertainty.target == "fixed" and (complete != tasks).any():
            return complete, "a cell has no data on a task"
        return complete, ""

    def counts(self, weights: Floats, tasks: Bools) -> tuple[int, int]:
        """Return observed and missing episodes of the weighed rows."""
        rows = np.flatnonzero(weights)
        # Success and use of one cell are the same episodes: count each once.
        first = {self.sample.rows[row][::2]: row for row in rows[::-1]}
        own = np.ix_(sorted(first.values()), np.flatnonzero(tasks))
        seen = self.sample.n[own].sum()
        return int(seen), int(self.sample.planned[own].sum() - seen)

    def box(self, tasks: Bools) -> tuple[Floats, Floats]:
        """Return the lowest and highest possible mean of each row. Shape: rows, NaN = unplanned."""
        if self.sample.batches is not None:
            part = self.sample.only(tasks)
            assert part.batches is not None  # as the whole has them
            held = np.where(part.planned > 0, 1.0, np.nan)
            least_, most = part.batches.box(part.y)
            return (held * least_).mean(axis=1), (held * most).mean(axis=1)
        planned, sums = self.sample.planned[:, tasks], self.sample.sums[:, tasks]
        missing = planned - self.sample.n[:, tasks]
        with np.errstate(invalid="ignore", divide="ignore"):
            low, high = sums / planned, (sums + missing) / planned
        return low.mean(axis=1), high.mean(axis=1)


def note(spread: Spread, part: Sample, tasks: Bools) -> str:
    """Return how a spread was made, and how many of the tasks it stands on, if not all."""
    used, due = part.y.shape[1], int(tasks.sum())
    lost = f"; {used} of {due} tasks have data in every cell" if used < due else ""
    return spread.method + lost


def effective_n(sample: Sample) -> Floats:
    """Return T^2 / sum_t 1/n_t: the trials an equal-weight mean is worth. Shape: rows."""
    n = np.maximum(sample.batches.worth(sample.y) if sample.batches else sample.n, 1e-9)
    worth: Floats = n.shape[1] ** 2 / (1.0 / n).sum(axis=1)
    return worth


def least(weights: Floats, low: Floats, high: Floats) -> float:
    """Return the least value of a contrast over a box."""
    return float(np.where(weights > 0, weights * low, weights * high).sum())
