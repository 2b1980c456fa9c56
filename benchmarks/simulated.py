"""Simulated studies with planted truth, as arrays: what ``benchmarks.coverage`` draws from.

A task has a difficulty and a slope for each intervention, normal on the logit scale; a run's
outcomes in its cells are thresholds of correlated normals, so that every success has exactly the
probability planted, however runs, chains and cells depend on one another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy.special import expit, ndtr

from analysis.estimands import CATALOGUE, Contrast, LogOdds, Ratio, Spec
from analysis.layout import INTERVENTIONS, Floats, Layout
from analysis.sample import Sample
from diagnose.seeds import stream

CELLS = np.array(list(product((0, 1), repeat=4)))  # shape: (cells, interventions)
CODES = tuple("".join(map(str, cell)) for cell in CELLS)
FAMILIES, LEVELS, RUNS = 5, 5, 8
TASKS = FAMILIES * LEVELS
LAYOUT = Layout(
    INTERVENTIONS,
    tuple(f"{family}-L{level}" for family in "ABCDE" for level in range(1, 6)),
    tuple(range(1, 6)) * FAMILIES,
    tuple(np.repeat(list("ABCDE"), LEVELS).tolist()),
    (),
    frozenset(CODES),
)
POPULATION = 200_000  # tasks that stand for all


@dataclass(frozen=True)
class World:
    """Where tasks come from, and how outcomes of one run hang together."""

    base: float = -0.5  # logit with nothing on
    base_sd: float = 1.0
    slopes: tuple[float, ...] = (0.8, 0.3, 0.2, 0.6)
    slope_sd: float = 0.9
    family_sd: float = 0.0  # what a family's tasks share, of difficulty and of every slope
    models: int = 1
    own_sd: float = 0.0  # what is a model's own, of every slope on every task
    common: float = 0.8  # correlation of a run's cells (common seeds); 0 = independent runs
    chained: float = 0.0  # of it, what the runs of a family's tasks share (one chain)

    def rates(self, rng: np.random.Generator, families: int, levels: int) -> Floats:
        """Return success probabilities of drawn tasks. Shape: (models x cells, tasks)."""
        tasks = families * levels
        shared = np.repeat(rng.normal(0, self.family_sd, (5, families)), levels, axis=1)
        base = self.base + shared[0] + rng.normal(0, self.base_sd, tasks)
        slope = np.array(self.slopes)[:, None] + shared[1:]
        slope = slope + rng.normal(0, self.slope_sd, (4, tasks))
        own = slope + rng.normal(0, self.own_sd, (self.models, 4, tasks))
        logits: Floats = base + CELLS @ own  # shape: (models, cells, tasks)
        return np.asarray(expit(logits), dtype=np.float64).reshape(-1, tasks)

    def outcomes(self, rng: np.random.Generator, rates: Floats, runs: int = RUNS) -> Floats:
        """Return successes of runs. Shape: (rows, tasks, runs)."""
        chain = np.repeat(rng.normal(size=(FAMILIES, runs)), LEVELS, axis=0)
        run = rng.normal(size=(TASKS, runs))
        noise = rng.normal(size=(*rates.shape, runs))
        part = self.common - self.chained
        latent = np.sqrt(self.chained) * chain + np.sqrt(part) * run
        draws = ndtr(latent + np.sqrt(1 - self.common) * noise)
        return (draws < rates[:, :, None]).astype(np.float64)

    @property
    def population(self) -> Floats:
        """The cells' rates over all tasks, models averaged. Shape: cells."""
        return _population(self)


@cache
def _population(world: World) -> Floats:
    rng = stream("population", repr(world))
    rates = world.rates(rng, POPULATION // LEVELS, LEVELS)
    means: Floats = rates.reshape(world.models, 16, -1).mean(axis=(0, 2))
    return means


@dataclass(frozen=True, eq=False)
class Drawn:
    """One simulated study."""

    sample: Sample
    rates: Floats  # shape: (rows, tasks)
    complete: Floats  # outcomes before any were lost


def drawn(world: World, loss: Floats | None, rng: np.random.Generator) -> Drawn:
    """Draw a study of 25 tasks.

    Args:
        world: where from.
        loss: probability that an episode is not observed, by cell and by how hard its task is (the
            hard half in the second column); shape (cells, 2). None = all are observed.
        rng: the draws.
    """
    rates = world.rates(rng, FAMILIES, LEVELS)
    y = world.outcomes(rng, rates)
    seen = y
    if loss is not None:
        difficulty = rates[: len(CELLS)].mean(axis=0)
        hard = (difficulty < np.median(difficulty)).astype(int)
        chance = np.tile(loss[:, hard], (world.models, 1))
        seen = np.where(rng.uniform(size=y.shape) < chance[:, :, None], np.nan, y)
    rows = tuple((f"m{model}", "success", code) for model in range(world.models) for code in CODES)
    chains = None
    if world.chained:
        number = RUNS * np.repeat(np.arange(FAMILIES), LEVELS)[:, None] + np.arange(RUNS)
        chains = np.broadcast_to(number, y.shape)
    planned = np.full(y.shape[:2], float(RUNS))
    return Drawn(Sample(rows, seen, planned, LAYOUT.levels, chains), rates, y)


def specs_of(names: Sequence[str]) -> list[Spec]:
    """Return the catalogue's estimands of these names, in their order."""
    kinds = {name.partition(":")[0] for name in names}
    known = {spec.name: spec for kind in kinds for spec in CATALOGUE[kind].specs(LAYOUT)}
    return [known[name] for name in names]


def spans_of(specs: Sequence[Spec]) -> list[tuple[float, float]]:
    """Return the range that each estimand's limits are cut to."""
    entries = [CATALOGUE[spec.name.partition(":")[0]] for spec in specs]
    return [(entry.low, entry.high) for entry in entries]


def true_value(spec: Spec, cells: Floats) -> float:
    """Return what an estimand is where the cells' rates are these."""
    if isinstance(spec, Contrast):
        return float(spec.weights[:16] @ cells) + spec.offset
    if isinstance(spec, Ratio):
        return true_value(spec.numerator, cells) / true_value(spec.denominator, cells)
    if isinstance(spec, LogOdds):
        a, b = true_value(spec.treated, cells), true_value(spec.control, cells)
        return float(np.log(a / (1 - a)) - np.log(b / (1 - b)))
    raise TypeError(spec)
