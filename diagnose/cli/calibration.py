"""Whole studies simulated from verdicts, and what the project's own estimators make of them.

A replicate is one study of the default design: per law, capacity and run one uniform draw that all
cells share, as in the seed tree. Its outcomes enter ``analysis`` as the arrays that a study folder
is read into; estimates and intervals are ``analysis.estimates.evaluate``'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.estimands import CATALOGUE as ESTIMANDS
from analysis.estimands import Contrast
from analysis.estimates import Place, evaluate
from analysis.layout import Layout
from analysis.sample import Sample
from analysis.study import point_estimates
from analysis.uncertainty import Uncertainty, checked_target
from diagnose.laws import CATALOGUE
from diagnose.models.reference import Profile
from diagnose.models.reference.profile import CAPACITIES
from diagnose.models.reference.sampler import Population
from diagnose.models.reference.truth import Verdicts, VerdictTable, chance_of
from diagnose.seeds import stream

Floats = NDArray[np.float64]
KINDS = ("shapley", "ame", "seq")
NAMING_RUNS = (1, 2, 4, 8, 16)
TASKS = 25  # of a study, as published
DRAWS = ("fixed", "new", "new, stratified")  # how a replicate gets its tasks
LEAD = 0.15  # of the largest Shapley value over the next, for a bottleneck to count as planted


@dataclass(frozen=True)
class Planted:
    """A reference subject in a design: what is known before any study of it."""

    name: str
    profile: Profile
    factors: tuple[str, ...]
    capacities: tuple[str, ...]  # of each factor
    supplied: tuple[frozenset[str], ...]  # per cell, in the layout's order


@dataclass(frozen=True, eq=False)
class Ground:
    """The tasks of a calibration, with their verdicts.

    Positions count the published tasks first, then the population's.
    """

    published: tuple[Verdicts, ...]
    families: tuple[str, ...]  # of the published tasks
    levels: tuple[int, ...]
    population: Population

    @property
    def verdicts(self) -> tuple[Verdicts, ...]:
        """All verdicts, by position."""
        return (*self.published, *self.population.verdicts)

    def tasks(self, draw: str, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the positions of one study's tasks."""
        if draw == "fixed":
            return np.arange(len(self.published))
        drawn = self.population.draw(rng, TASKS, stratified=draw == DRAWS[2])
        return drawn + len(self.published)

    def weights(self, draw: str) -> Floats:
        """Return each position's weight in the target's truth. Shape: positions."""
        fixed, all_new = np.full(len(self.published), 1 / TASKS), self.population.weights
        own = (fixed, 0 * all_new) if draw == "fixed" else (0 * fixed, all_new)
        return np.concatenate(own)


@dataclass(frozen=True, eq=False)
class Scores:
    """What replicates gave. Shapes: (replicates, specs) and, for ``named``, (replicates, runs)."""

    estimate: Floats
    low: Floats
    high: Floats
    on_counts: NDArray[np.bool_]  # the interval fell back on the counts: no variance was seen
    named: NDArray[np.int64]  # the factor of the largest Shapley value; -1 = a tie
    clear: NDArray[np.int64]  # the factor that leads every other with its interval; -1 = none


def layout_of(planted: Planted, ground: Ground) -> Layout:
    """Return the layout of a study of this subject on 25 tasks."""
    names = tuple(f"T{number:02d}" for number in range(len(ground.families)))
    return Layout(planted.factors, names, ground.levels, ground.families)


def specs_of(layout: Layout) -> list[Contrast]:
    """Return the estimands that are calibrated: per kind one a factor."""
    found = [spec for kind in KINDS for spec in ESTIMANDS[kind].specs(layout)]
    return [one for one in found if isinstance(one, Contrast) and one.name != "seq:residual"]


def truth(planted: Planted, ground: Ground, draw: str, specs: Sequence[Contrast]) -> Floats:
    """Return the estimands' true values, enumerated. Shape: specs."""
    rates = np.array(
        [
            [chance_of(one, planted.profile, cell) for one in ground.verdicts]
            for cell in planted.supplied
        ]
    )
    means = rates @ ground.weights(draw)
    return np.array([spec.offset + float(spec.weights @ means) for spec in specs])


def bottleneck(planted: Planted, shapley: Floats) -> str:
    """Return the capacity that leads the next by ``LEAD``, or an empty text."""
    order = np.argsort(shapley)
    led = shapley[order[-1]] - shapley[order[-2]] >= LEAD
    return planted.capacities[order[-1]] if led else ""


def outcomes(
    planted: Planted,
    table: VerdictTable,
    tasks: NDArray[np.int64],
    runs: int,
    rng: np.random.Generator,
) -> Floats:
    """Return the successes of one study. Shape: (cells, tasks, runs)."""
    draws = rng.random((len(tasks), runs, len(CATALOGUE), len(CAPACITIES)))
    slips = rng.random((len(tasks), runs))
    found = table.outcomes(planted.profile, planted.supplied, tasks, draws, slips)
    return found.astype(np.float64)


def place_of(y: Floats, layout: Layout, target: str) -> Place:
    """Return where a study of these outcomes is evaluated."""
    rows = tuple(("reference", "success", code) for code in layout.codes)
    sample = Sample(rows, y, np.full(y.shape[:2], float(y.shape[2])), layout.levels)
    return Place(sample, ("reference",), layout.codes, Uncertainty(checked_target(target)))


def score(
    planted: Planted, ground: Ground, draw: str, replicates: range, runs: int, seed: int
) -> Scores:
    """Simulate and estimate studies; replicate i is the same whoever asks for it."""
    table, layout = VerdictTable.of(ground.verdicts), layout_of(planted, ground)
    specs = specs_of(layout)
    values = [one for one in specs if one.name.startswith("shapley:")]
    leads = [Contrast("lead", a.weights - b.weights) for a in values for b in values if a is not b]
    asked = [*specs, *leads]
    target = "fixed" if draw == "fixed" else "new"
    rows: list[tuple[Any, ...]] = []
    for replicate in replicates:
        rng = stream(seed, "calibrate", planted.name, draw, replicate)
        tasks = ground.tasks(draw, rng)
        y = outcomes(planted, table, tasks, max(runs, *NAMING_RUNS), rng)
        place = place_of(y[:, :, :runs], layout, target)
        findings = evaluate(place, asked, [(-1.0, 1.0)] * len(asked))
        ahead = np.array([one.ci_low > 0 for one in findings[len(specs) :]])
        clear = ahead.reshape(len(values), -1).all(axis=1)
        own = findings[: len(specs)]
        rows.append(
            (
                [one.estimate for one in own],
                [one.ci_low for one in own],
                [one.ci_high for one in own],
                ["on counts" in one.method for one in own],
                [
                    _largest(point_estimates(place_of(y[:, :, :n], layout, target), values))
                    for n in NAMING_RUNS
                ],
                int(np.argmax(clear)) if clear.any() else -1,
            )
        )
    return Scores(*(np.array(column) for column in zip(*rows, strict=True)))


def joined(parts: Sequence[Scores]) -> Scores:
    """Return the scores of several ranges of replicates as one."""
    names = ("estimate", "low", "high", "on_counts", "named", "clear")
    return Scores(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _largest(values: Floats) -> int:
    order = np.argsort(values)
    tied = values[order[-1]] - values[order[-2]] < 1e-9
    return -1 if tied else int(order[-1])
