"""Ways from a simulated study to intervals: ours, the bootstrap, and those that do not hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.special import ndtri

from analysis.bootstrap import How, percentiles
from analysis.estimands import Contrast, Spec
from analysis.estimates import Place, evaluate
from analysis.layout import Floats
from analysis.uncertainty import Target, Uncertainty
from benchmarks.simulated import CODES, TASKS, Drawn, spans_of

RESAMPLES = 1000

# From a study to the limits of every estimand, NaN where it has none. Shape: (2, estimands).
Limits = Callable[[Drawn, Sequence[Spec]], Floats]


def ours(target: Target, *, chains: bool = True) -> Limits:
    """What ``diagnose analyze`` reports; without ``chains``, as if episodes were independent."""
    return partial(_ours, target=target, chains=chains)


def _ours(study: Drawn, specs: Sequence[Spec], *, target: Target, chains: bool) -> Floats:
    models = tuple(dict.fromkeys(model for model, _, _ in study.sample.rows))
    sample = study.sample if chains else replace(study.sample, chains=None)
    place = Place(sample, models, CODES, Uncertainty(target))
    found = evaluate(place, specs, spans_of(specs))
    return np.array([[one.ci_low, one.ci_high] for one in found]).T


def bootstrapped(how: How) -> Limits:
    """Percentile limits of ``RESAMPLES`` resamples."""
    return partial(_bootstrapped, how=how)


def _bootstrapped(study: Drawn, specs: Sequence[Spec], *, how: How) -> Floats:
    weights, linear = weights_of(specs)
    out = np.full((2, len(specs)), np.nan)
    out[:, linear] = percentiles(study.sample, weights, how, RESAMPLES, seed=0)
    return out


def pooled(study: Drawn, specs: Sequence[Spec]) -> Floats:
    """Cells' rows pooled over tasks, each a binomial of its own: the Wald interval."""
    y = study.sample.y
    n = np.isfinite(y).sum(axis=(1, 2))
    p = np.nansum(y, axis=(1, 2)) / n
    return _wald(specs, p, p * (1 - p) / n)


def errors_as_failures(study: Drawn, specs: Sequence[Spec]) -> Floats:
    """What was not observed counted as failed, then the task-level interval."""
    sample = replace(study.sample, y=np.nan_to_num(study.sample.y))
    return ours("new")(replace(study, sample=sample), specs)


def independent_models(study: Drawn, specs: Sequence[Spec]) -> Floats:
    """Each model's task-level variance, added up as if models had met different tasks."""
    weights, linear = weights_of(specs)
    p = study.sample.p.reshape(-1, 16, TASKS)
    per_task = weights @ p  # shape: (models, contrasts, tasks)
    variance = per_task.var(axis=2, ddof=1).sum(axis=0) / TASKS / len(p) ** 2
    half = float(ndtri(0.975)) * np.sqrt(variance)
    out = np.full((2, len(specs)), np.nan)
    centre = per_task.mean(axis=(0, 2))
    out[:, linear] = centre - half, centre + half
    return out


def _wald(specs: Sequence[Spec], p: Floats, variance: Floats) -> Floats:
    weights, linear = weights_of(specs)
    out = np.full((2, len(specs)), np.nan)
    half = float(ndtri(0.975)) * np.sqrt(weights**2 @ variance)
    out[:, linear] = weights @ p - half, weights @ p + half
    return out


def weights_of(specs: Sequence[Spec]) -> tuple[Floats, list[int]]:
    """Return the weights of the linear estimands, and which these are."""
    linear = [number for number, spec in enumerate(specs) if isinstance(spec, Contrast)]
    return np.array([specs[number].weights for number in linear]), linear


@dataclass(frozen=True)
class Method:
    """A way to an interval, and whether it claims to be valid for its target here."""

    name: str
    target: Target
    limits: Limits
    valid: bool


T_NEW, T_FIXED = (
    Method("task-level t", "new", ours("new"), valid=True),
    Method("run-level t", "fixed", ours("fixed"), valid=True),
)
POOLED = Method("pooled rows, Wald", "new", pooled, valid=False)
WITHIN = Method("run-level t, taken for new tasks", "new", ours("fixed"), valid=False)
CLUSTER = Method("bootstrap of tasks", "new", bootstrapped("tasks"), valid=False)
TWO_STAGE = Method("bootstrap of tasks, then runs", "new", bootstrapped("two_stage"), valid=False)
SEEDS = Method("bootstrap of runs, taken for new tasks", "new", bootstrapped("runs"), valid=False)
ERRORS = Method("errors taken for failures", "new", errors_as_failures, valid=False)
RUNS_BOOT = Method("bootstrap of runs", "fixed", bootstrapped("runs"), valid=False)
