"""From contrasts and a sample to findings: estimate, interval, p value, bounds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtr, stdtrit

from analysis import intervals
from analysis.estimands import Contrast, LogOdds, Ratio, Spec
from analysis.layout import Bools, Floats
from analysis.sample import Sample
from analysis.uncertainty import Spread, Uncertainty

NAN = math.nan


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
        planned, sums = self.sample.planned[:, tasks], self.sample.sums[:, tasks]
        missing = planned - self.sample.n[:, tasks]
        with np.errstate(invalid="ignore", divide="ignore"):
            low, high = sums / planned, (sums + missing) / planned
        return low.mean(axis=1), high.mean(axis=1)


def evaluate(
    place: Place, specs: Sequence[Spec], spans: Sequence[tuple[float, float]]
) -> list[Finding]:
    """Return a finding per spec, in their order; limits are cut to each estimand's range.

    Contrasts on the same tasks are taken together: the covariances are then made once.
    """
    found: dict[int, Finding] = {}
    linear: dict[tuple[str, bytes], list[tuple[int, Contrast, Floats]]] = {}
    for number, spec in enumerate(specs):
        if not isinstance(spec, Contrast):
            found[number] = _ratio(place, spec) if isinstance(spec, Ratio) else _odds(place, spec)
            continue
        weights = place.weights(spec)
        if weights is None:
            found[number] = Finding(method="a cell is not in the study", status="not_estimable")
            continue
        usable, fault = place.usable(weights, place.tasks(spec))
        if fault:
            found[number] = _lost(place, spec, weights, fault)
            continue
        linear.setdefault((spec.outcome, usable.tobytes()), []).append((number, spec, weights))
    for (_, key), group in linear.items():
        part = place.sample.only(np.frombuffer(key, dtype=bool))
        matrix = np.array([weights for _, _, weights in group])
        spreads = place.uncertainty.spreads(part, matrix)
        for (number, spec, weights), spread in zip(group, spreads, strict=True):
            found[number] = _linear(place, part, spec, weights, spread)
    for number, spec in enumerate(specs):
        if isinstance(spec, Contrast) and spec.where:
            method = f"{found[number].method}; {spec.where}"
            found[number] = replace(found[number], method=method)
    return [_within(found[number], span) for number, span in enumerate(spans)]


def _within(finding: Finding, span: tuple[float, float]) -> Finding:
    low, high = (float(np.clip(limit, *span)) for limit in (finding.ci_low, finding.ci_high))
    return replace(finding, ci_low=low, ci_high=high)


def _lost(place: Place, spec: Contrast, weights: Floats, fault: str) -> Finding:
    tasks = place.tasks(spec)
    n, missing = place.counts(weights, tasks)
    low, high = _bounds(place, weights, tasks, missing)
    return Finding(
        method=fault,
        n_episodes=n,
        n_missing=missing,
        status="not_estimable",
        manski_low=low + spec.offset,
        manski_high=high + spec.offset,
    )


def _bounds(place: Place, weights: Floats, tasks: Bools, missing: int) -> tuple[float, float]:
    """Return worst- and best-case values of a contrast; NaN when nothing is missing."""
    if not missing:
        return NAN, NAN
    rows = weights != 0
    low, high = (side[rows] for side in place.box(tasks))
    return _least(weights[rows], low, high), -_least(-weights[rows], low, high)


def _least(weights: Floats, low: Floats, high: Floats) -> float:
    return float(np.where(weights > 0, weights * low, weights * high).sum())


def _note(spread: Spread, part: Sample, tasks: Bools) -> str:
    used, due = part.y.shape[1], int(tasks.sum())
    lost = f"; {used} of {due} tasks have data in every cell" if used < due else ""
    return spread.method + lost


def _linear(place: Place, part: Sample, spec: Contrast, weights: Floats, spread: Spread) -> Finding:
    tasks = place.tasks(spec)
    raw = float(weights @ part.p.mean(axis=1))
    n, missing = place.counts(weights, tasks)
    bounds = _bounds(place, weights, tasks, missing)
    low = high = p = NAN
    if spread.se > 0:
        half = float(stdtrit(spread.df, 0.5 + intervals.LEVEL / 2)) * spread.se
        low, high = raw - half, raw + half
        p = float(2 * stdtr(spread.df, -abs(raw) / spread.se))
        if _is_rate(weights) and not half <= abs(raw) <= 1 - half:
            limits = intervals.effective_wilson(abs(raw), spread.se, half / spread.se)
            low, high = limits if raw > 0 else (-limits[1], -limits[0])
            spread = replace(spread, method=f"Wilson on effective counts; {spread.method}")
    elif spread.se == 0:
        rows = np.flatnonzero(weights)
        counts = effective_n(part)[rows]
        low, high = intervals.mover(weights[rows], part.p[rows].mean(axis=1), counts)
        p = intervals.mover_p(weights[rows], part.p[rows].mean(axis=1), counts)
        cause = "" if spread.method.startswith("one run") else "; no variance between runs"
        name = {1: "Wilson", 2: "Newcombe"}.get(len(rows), "Wilson limits combined (MOVER)")
        spread = replace(spread, method=f"{name} on counts; {spread.method}{cause}")
    return Finding(
        raw + spec.offset,
        low + spec.offset,
        high + spec.offset,
        NAN if spec.offset else p,  # a residual of 0 is no hypothesis
        _note(spread, part, tasks),
        n,
        missing,
        manski_low=bounds[0] + spec.offset,
        manski_high=bounds[1] + spec.offset,
    )


def _is_rate(weights: Floats) -> bool:
    """Whether the contrast is a share of successes, or (all weights negative) of failures."""
    return bool(abs(abs(weights.sum()) - 1) < 1e-9 and abs(np.abs(weights).sum() - 1) < 1e-9)


def effective_n(sample: Sample) -> Floats:
    """Return T^2 / sum_t 1/n_t: the trials an equal-weight mean is worth. Shape: rows."""
    n = np.maximum(sample.n, 1e-9)
    worth: Floats = n.shape[1] ** 2 / (1.0 / n).sum(axis=1)
    return worth


def _nonlinear(
    place: Place, first: Contrast, second: Contrast
) -> tuple[Finding, Sample, Floats, Floats] | Finding:
    """Return what ratios and log odds start from: counts, sample, both weights; or why not."""
    a, b = place.weights(first), place.weights(second)
    if a is None or b is None:
        return Finding(method="a cell is not in the study", status="not_estimable")
    tasks = place.tasks(first)
    both = np.abs(a) + np.abs(b)
    usable, fault = place.usable(both, tasks)
    n, missing = place.counts(both, tasks)
    start = Finding(method=fault, n_episodes=n, n_missing=missing)
    if fault:
        return replace(start, status="not_estimable")
    return start, place.sample.only(usable), a, b


def _spread(place: Place, part: Sample, weights: Floats) -> Spread:
    """Return one spread; where none was seen, that of rates moved off 0 and 1.

    Source: Agresti and Caffo 2000 (one success and one failure added to each cell).
    """
    spread = place.uncertainty.spreads(part, weights[None, :])[0]
    if spread.se != 0:
        return spread
    n = effective_n(part)
    p = (part.p.mean(axis=1) * n + 1) / (n + 2)
    se = math.sqrt(float((weights**2 * p * (1 - p) / (n + 2)).sum()))
    return Spread(se, 1e6, f"adjusted Wald on counts; {spread.method}")


def _quantile(spread: Spread) -> float:
    return float(stdtrit(spread.df, 0.5 + intervals.LEVEL / 2)) if spread.df > 0 else NAN


def _ratio(place: Place, spec: Ratio) -> Finding:
    begun = _nonlinear(place, spec.numerator, spec.denominator)
    if isinstance(begun, Finding):
        return begun
    start, part, a, b = begun
    means = part.p.mean(axis=1)
    top, base = float(a @ means) + spec.numerator.offset, float(b @ means)
    if base == 0:
        return replace(start, method="the denominator is 0", status="not_estimable")
    value = top / base
    tasks = place.tasks(spec.numerator)
    spread_a = _spread(place, part, a)
    p = float(2 * stdtr(spread_a.df, -abs(top) / spread_a.se)) if spread_a.se > 0 else NAN
    if spec.numerator.offset:
        p = NAN
    alone = place.uncertainty.target == "fixed" and len(place.models) == 1
    apart = alone and spread_a.method.endswith("independent runs")
    if spec.scale == "log" and (value <= -1 or apart):
        # Also where the treated rate is 0 and has no logarithm.
        low, high = _score_limits(part, a, b)
        method = f"score risk ratio on counts; {_note(spread_a, part, tasks)}"
    elif spec.scale == "log":
        # log RR of treated (a + b) over control b.
        spread = _spread(place, part, (a + b) / (top + base) - b / base)
        half = _quantile(spread) * spread.se
        low, high = (1 + value) * math.exp(-half), (1 + value) * math.exp(half)
        method = f"log risk ratio, {_note(spread, part, tasks)}"
    elif spec.scale == "linearised":
        spread = _spread(place, part, (a - value * b) / base)
        half = _quantile(spread) * spread.se
        low, high = value - half, value + half
        method = f"linearised, {_note(spread, part, tasks)}"
    else:
        spread_b, joint = _spread(place, part, b), _spread(place, part, a + b)
        va, vb = spread_a.se**2, spread_b.se**2
        covariance = (va, (joint.se**2 - va - vb) / 2, vb)
        low, high = intervals.fieller(top, base, covariance, _quantile(joint))
        open_ended = ", unbounded" if math.isinf(low) else ""
        method = f"Fieller{open_ended}, {_note(joint, part, tasks)}"
    if spec.scale == "log":
        low, high = low - 1, high - 1
    bounds = _ratio_bounds(place, spec, a, b) if start.n_missing else (NAN, NAN)
    return replace(
        start,
        estimate=value,
        ci_low=low,
        ci_high=high,
        p=p,
        method=method,
        manski_low=bounds[0],
        manski_high=bounds[1],
    )


def _score_limits(part: Sample, a: Floats, b: Floats) -> tuple[float, float]:
    """Return score limits of the risk ratio of (a + b) to b from their counts."""
    counts, n, p = [], effective_n(part), part.p.mean(axis=1)
    for weights in (a + b, b):
        rows = np.abs(weights) > 1e-12
        counts.append((float(weights @ p) * float(n[rows].sum()), float(n[rows].sum())))
    (x1, n1), (x0, n0) = counts
    return intervals.risk_ratio((x1, x0), (n1, n0))


def _ratio_bounds(place: Place, spec: Ratio, a: Floats, b: Floats) -> tuple[float, float]:
    """Return worst and best case of a ratio of contrasts; infinite if the base may reach 0.

    The least value r of top/base over a box is where the least of ``top - r base`` is 0.
    """
    rows = (a != 0) | (b != 0)
    low, high = (side[rows] for side in place.box(place.tasks(spec.numerator)))
    a, b, offset = a[rows], b[rows], spec.numerator.offset
    if not _least(b, low, high) > 0:
        return -math.inf, math.inf

    def least(ratio: float) -> float:
        return _least(a - ratio * b, low, high) + offset

    def most(ratio: float) -> float:
        return -_least(ratio * b - a, low, high) + offset

    return float(brentq(least, -1e6, 1e6)), float(brentq(most, -1e6, 1e6))


def _odds(place: Place, spec: LogOdds) -> Finding:
    begun = _nonlinear(place, spec.treated, spec.control)
    if isinstance(begun, Finding):
        return begun
    start, part, a, b = begun
    means = part.p.mean(axis=1)
    with_, without = float(a @ means), float(b @ means)
    if not (0 < with_ < 1 and 0 < without < 1):
        return replace(start, method="a mean is 0 or 1", status="not_estimable")
    value = _logit(with_) - _logit(without)
    spread = _spread(place, part, a / (with_ * (1 - with_)) - b / (without * (1 - without)))
    half = _quantile(spread) * spread.se
    tasks = place.tasks(spec.treated)
    bounds = NAN, NAN
    if start.n_missing:
        low, high = place.box(tasks)
        bounds = (
            _logit(float(a[a > 0] @ low[a > 0])) - _logit(float(b[b > 0] @ high[b > 0])),
            _logit(float(a[a > 0] @ high[a > 0])) - _logit(float(b[b > 0] @ low[b > 0])),
        )
    return replace(
        start,
        estimate=value,
        ci_low=value - half,
        ci_high=value + half,
        p=float(2 * stdtr(spread.df, -abs(value) / spread.se)) if spread.se > 0 else NAN,
        method=f"delta method, {_note(spread, part, tasks)}",
        manski_low=bounds[0],
        manski_high=bounds[1],
    )


def _logit(p: float) -> float:
    if p <= 0 or p >= 1:
        return -math.inf if p <= 0 else math.inf
    return math.log(p / (1 - p))
