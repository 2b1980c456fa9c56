"""Power by simulation: from a pilot's records, or from success rates on the logit scale.

The closed forms of ``analysis.planning.power`` take contrasts as normal with one spread; here
outcomes are 0 and 1 and tasks are what they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit, stdtrit

from analysis.layout import Floats
from analysis.planning.power import ALPHA, Assumed, Size
from diagnose.errors import InputError

STUDIES = 2000  # simulated; a power of 0.8 is then known to 0.009


def rejected(per_task: Floats, within: Floats | None, size: Size, alpha: float = ALPHA) -> float:
    """Return the share of studies whose interval excludes zero.

    Args:
        per_task: the contrast by study and task.
        within: the variance of its mean over runs, by study and task; for fixed tasks only.
        size: of each study.
        alpha: two-sided level.
    """
    tasks = per_task.shape[1]
    mean = per_task.mean(axis=1)
    if size.target == "new" or within is None:
        se, df = per_task.std(axis=1, ddof=1) / np.sqrt(tasks), float(tasks - 1)
    else:
        se, df = np.sqrt(within.sum(axis=1)) / tasks, float(tasks * (size.runs - 1))
    reach = float(stdtrit(df, 1 - alpha / 2))
    return float((np.abs(mean) > reach * se).mean())  # no spread and an effect: found


def from_pilot(
    per_run: Floats,
    size: Size,
    effect: float,
    draw: np.random.Generator,
    studies: int = STUDIES,
) -> float:
    """Return the power for an effect, by resampling a pilot's tasks and runs.

    Tasks are drawn with replacement where they are a sample, then runs within each; runs of all
    cells together, so that common seeds keep their correlation. A pilot's task means spread by
    their own few runs too, and its residuals are too small by the mean they were taken from, so
    both are rescaled to the unbiased components first (Carpenter, Goldstein and Rasbash 2003).

    Args:
        per_run: the pilot's contrasts, (tasks, runs), NaN = not observed.
        size: of the study planned; of fixed tasks it has the pilot's own number.
        effect: its true contrast; the pilot's own is taken out.
        draw: the random generator.
        studies: how many to simulate.

    Raises:
        InputError: fewer than two tasks with two runs each.
    """
    seen = np.isfinite(per_run)
    kept = per_run[seen.sum(axis=1) >= 2]
    seen = np.isfinite(kept)
    if len(kept) < 2:
        raise InputError("pilot", f"{len(kept)} tasks with two runs", "give a pilot of two or more")
    n = seen.sum(axis=1)
    means = np.nansum(kept, axis=1) / n
    residuals = np.where(seen, kept - means[:, None], 0.0) * np.sqrt(n / (n - 1))[:, None]
    noise = float(np.mean((residuals**2).sum(axis=1) / n / n))
    spread = float(means.var(ddof=1))
    shrunk = np.sqrt(max(0.0, spread - noise) / spread) if spread > 0 else 0.0
    level = (means - means.mean()) * shrunk * np.sqrt(len(kept) / (len(kept) - 1)) + effect
    if size.target == "new":
        tasks = draw.integers(len(kept), size=(studies, size.tasks))
    else:
        tasks = np.tile(np.arange(len(kept)), (studies, 1))
        level = np.full(len(kept), effect)  # about the mean of these tasks
    slots = (draw.random((*tasks.shape, size.runs)) * n[tasks][:, :, None]).astype(int)
    order = np.argsort(~seen, axis=1, kind="stable")  # observed runs first
    packed = np.take_along_axis(residuals, order, axis=1)
    noise_drawn = packed[tasks[:, :, None], slots]
    per_task = level[tasks] + noise_drawn.mean(axis=2)
    within = noise_drawn.var(axis=2, ddof=1) / size.runs if size.runs > 1 else None
    return rejected(per_task, within, size)


@dataclass(frozen=True)
class LogitWorld:
    """Tasks as draws: logit p = intercept + sum of the slopes of the factors that are on."""

    intercept: float
    intercept_sd: float
    slopes: tuple[float, ...]  # mean effect of each factor, on the logit scale
    slope_sd: float  # of each factor's effect over tasks, the factors independent
    shared: float = 0.0  # chance that a run's cells all take one and the same draw

    def rates(
        self, codes: Sequence[str], tasks: int, draw: np.random.Generator, studies: int
    ) -> Floats:
        """Return success probabilities. Shape: (studies, cells, tasks)."""
        on = np.array([[digit != "0" for digit in code] for code in codes], dtype=np.float64)
        base = draw.normal(self.intercept, self.intercept_sd, (studies, 1, tasks))
        slopes = draw.normal(
            np.array(self.slopes)[None, :, None], self.slope_sd, (studies, on.shape[1], tasks)
        )
        rates: Floats = expit(base + np.einsum("cf,sft->sct", on, slopes))
        return rates

    def contrasts(
        self,
        weights: dict[str, float],
        tasks: int,
        runs: int,
        draw: np.random.Generator,
        studies: int = STUDIES,
    ) -> Floats:
        """Return observed contrasts by study, task and run. Shape: (studies, tasks, runs)."""
        rates = self.rates(list(weights), tasks, draw, studies)[..., None]
        own = draw.random((*rates.shape[:3], runs))
        if self.shared:
            one = draw.random((studies, 1, tasks, runs))
            together = draw.random((studies, 1, tasks, runs)) < self.shared
            own = np.where(together, one, own)
        made: Floats = np.einsum("c,sctr->str", np.array(list(weights.values())), own < rates)
        return made

    def power(
        self,
        weights: dict[str, float],
        size: Size,
        draw: np.random.Generator,
        studies: int = STUDIES,
    ) -> float:
        """Return the share of simulated studies that find the contrast."""
        x = self.contrasts(weights, size.tasks, size.runs, draw, studies)
        within = x.var(axis=2, ddof=1) / size.runs if size.runs > 1 else None
        return rejected(x.mean(axis=2), within, size)


def matched(
    assumed: Assumed,
    weights: dict[str, float],
    factor: int,
    effect: float,
    draw: np.random.Generator,
) -> LogitWorld:
    """Return a world of logits in which a contrast has an effect, and the spread over tasks, given.

    Args:
        assumed: the mean rate, and the spread that the contrast is to have over tasks.
        weights: of the contrast.
        factor: whose slope is moved until the contrast has the effect.
        effect: mean over tasks, in proportions.
        draw: the random generator.
    """
    k = len(next(iter(weights)))
    codes, own = list(weights), np.array(list(weights.values()))
    wanted = assumed.components(weights).between
    spread = assumed.slope_sd / (assumed.rate * (1 - assumed.rate))
    state = draw.bit_generator.random_raw()

    def world(slope: float) -> LogitWorld:
        slopes = tuple(slope if index == factor else 0.0 for index in range(k))
        start = float(logit(assumed.rate)) - slope / 2  # so that the rate is about the cells' mean
        return LogitWorld(start, 0.0, slopes, spread, assumed.seed_correlation)

    def contrast(slope: float) -> Floats:
        rates = world(slope).rates(codes, 4000, np.random.default_rng(state), 1)  # same tasks
        made: Floats = own @ rates[0]
        return made

    slope = 0.0
    for _ in range(8):
        slope = brentq(lambda slope: float(contrast(slope).mean()) - effect, -1.0, 60.0, xtol=1e-6)
        seen = float(contrast(slope).std())
        if seen == 0 or wanted == 0:
            break
        spread = min(spread * wanted / seen, 20.0)
    return world(slope)
