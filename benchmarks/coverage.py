"""Do 95 % intervals hold the truth 95 times in 100, and do five tests in a hundred err?

    .venv/bin/python -m benchmarks.coverage                    # 400 studies of each kind
    .venv/bin/python -m benchmarks.coverage --studies 4000 --out docs/statistics.md

Every line simulates studies whose truth is planted (``benchmarks.simulated``) and puts them
through the code that ``diagnose analyze`` runs. Beside it stand ways that are often taken and do
not hold, and the bootstrap. ``--out`` writes the tables into a page between its two markers.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.special import ndtr

from analysis.estimates import Place, evaluate
from analysis.layout import INTERVENTIONS, Floats
from analysis.multiplicity import holm
from analysis.uncertainty import Target, Uncertainty
from benchmarks.pages import put, written
from benchmarks.simulated import CODES, TASKS, World, drawn, spans_of, specs_of, true_value
from benchmarks.ways import (
    CLUSTER,
    ERRORS,
    POOLED,
    RUNS_BOOT,
    SEEDS,
    T_FIXED,
    T_NEW,
    TWO_STAGE,
    WITHIN,
    Method,
    independent_models,
    ours,
    weights_of,
)
from diagnose.markdown import fill, table
from diagnose.seeds import stream

BATCH = 50  # studies of one job
FACTORS = INTERVENTIONS
PAIRS = [f"{a}*{b}" for i, a in enumerate(FACTORS) for b in FACTORS[i + 1 :]]
KINDS: Mapping[str, Sequence[str]] = {
    "shapley": FACTORS,
    "ame": FACTORS,
    "seq": FACTORS,
    "int": PAIRS,
    "cell": ("0000", "1111"),
    "ratio": FACTORS[:2],  # a log risk ratio, and Fieller's
    "mlogor": FACTORS[:2],
}
LINEAR = range(18)  # places of the contrasts among them, the single cells not counted
NAMES = tuple(f"{kind}:{name}" for kind, names in KINDS.items() for name in names)


@dataclass(frozen=True)
class Scenario:
    """Studies of one kind, and the ways they are estimated."""

    name: str
    says: str
    world: World
    methods: Sequence[Method]
    loss: tuple[tuple[float, float], ...] | None = None  # see ``simulated.drawn``


# Episodes with oracles on hard tasks are lost most: three in ten of them, and one in twenty else.
LOSS = tuple((0.05, 0.3 if code[1] == "1" else 0.05) for code in CODES)
FLAT = World(base_sd=0.0, slope_sd=0.0, common=0.0)
SCENARIOS = (
    Scenario(
        "complete",
        "every episode observed, common seeds, effects that differ by task",
        World(),
        (T_NEW, CLUSTER, TWO_STAGE, POOLED, WITHIN, SEEDS, T_FIXED, RUNS_BOOT),
    ),
    Scenario(
        "independent runs",
        "the same, cells share no seeds",
        World(common=0.0),
        (T_NEW, CLUSTER, TWO_STAGE, POOLED, WITHIN, SEEDS, T_FIXED, RUNS_BOOT),
    ),
    Scenario(
        "nothing varies",
        "all tasks alike, independent runs",
        FLAT,
        (T_NEW, CLUSTER, TWO_STAGE, T_FIXED),
    ),
    Scenario(
        "missing at random",
        "30 % of the episodes with oracles on the harder half of the tasks not observed, 5 % of "
        "the others",
        World(),
        (
            T_NEW,
            TWO_STAGE,
            POOLED,
            ERRORS,
            T_FIXED,
        ),
        LOSS,
    ),
    Scenario(
        "chains",
        "families differ, and a run carries a book through its family's levels (one chain)",
        World(family_sd=0.6, slope_sd=0.6, base_sd=0.6, common=0.8, chained=0.6),
        (
            Method("t over chain-linked tasks", "new", ours("new"), valid=True),
            Method("task-level t", "new", ours("new", chains=False), valid=False),
            Method("chain-level t", "fixed", ours("fixed"), valid=True),
            Method("run-level t", "fixed", ours("fixed", chains=False), valid=False),
        ),
    ),
    Scenario(
        "eight models",
        "mean of eight models that met the same tasks",
        World(models=8, own_sd=0.5),
        (
            Method("models averaged, task-level t", "new", ours("new"), valid=True),
            Method("models taken as independent", "new", independent_models, valid=False),
            Method("models averaged, run-level t", "fixed", ours("fixed"), valid=True),
        ),
    ),
    Scenario(
        "floor",
        "two to eight in a hundred pass with nothing on",
        World(base=-4.0, base_sd=1.2),
        (T_NEW, CLUSTER, POOLED, T_FIXED),
    ),
)


@dataclass(frozen=True, eq=False)
class Score:
    """What one method did in the studies of a scenario, by estimand."""

    hits: Floats  # studies whose interval held the truth
    made: Floats  # studies that had an interval
    error: Floats  # sum of middle minus truth
    width: Floats  # sum
    studies: int

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.hits + other.hits,
            self.made + other.made,
            self.error + other.error,
            self.width + other.width,
            self.studies + other.studies,
        )

    def coverage(self, kind: str | None = None) -> float:
        """Return the share of intervals that held the truth; NaN without any."""
        own = [name.startswith(f"{kind}:") for name in NAMES] if kind else slice(None)
        made = float(self.made[own].sum())
        return float(self.hits[own].sum()) / made if made else np.nan


def scored(scenario: Scenario, numbers: Iterable[int], seed: int) -> list[Score]:
    """Simulate studies and return each method's score."""
    specs = specs_of(NAMES)
    whole = np.array([true_value(spec, scenario.world.population) for spec in specs])
    loss = np.array(scenario.loss) if scenario.loss else None
    totals: list[Score] | None = None
    for number in numbers:
        study = drawn(scenario.world, loss, stream("coverage", seed, scenario.name, number))
        own = study.rates.reshape(-1, 16, TASKS).mean(axis=(0, 2))
        here = np.array([true_value(spec, own) for spec in specs])
        scores = []
        for method in scenario.methods:
            truth = whole if method.target == "new" else here
            low, high = method.limits(study, specs)
            made = ~np.isnan(low)
            with np.errstate(invalid="ignore"):
                hits = (low <= truth) & (truth <= high)
                bounded = np.isfinite(low) & np.isfinite(high)
                error = np.where(bounded, (low + high) / 2 - truth, 0.0)
                width = np.where(bounded, high - low, 0.0)
            scores.append(Score(hits * 1.0, made * 1.0, error, width, 1))
        totals = scores if totals is None else [a + b for a, b in zip(totals, scores, strict=True)]
    return totals or []


@dataclass(frozen=True)
class Null:
    """Studies in which no intervention does anything, on average."""

    name: str
    says: str
    world: World
    target: Target


NULLS = (
    Null(
        "new tasks",
        "effects that differ by task with mean zero",
        World(base=0.0, slopes=(0.0,) * 4, models=8, own_sd=0.5),
        "new",
    ),
    Null(
        "fixed tasks",
        "no effect on any task, common seeds",
        World(slopes=(0.0,) * 4, slope_sd=0.0, models=8),
        "fixed",
    ),
)
SHAPLEY = tuple(f"shapley:{name}" for name in FACTORS)


def error_rates(p: Floats) -> tuple[float, ...]:
    """Return type I error, then family-wise: raw and Holm over 4 capacities, and over all tests.

    Args:
        p: under the null; shape (studies, models, capacities).
    """
    rates = [float((p < 0.05).mean())]
    for family in (p.reshape(-1, p.shape[2]), p.reshape(len(p), -1)):
        adjusted = np.array([holm(row) for row in family])
        rates += [float((each < 0.05).any(axis=1).mean()) for each in (family, adjusted)]
    return tuple(rates)


def tested(null: Null, numbers: Iterable[int], seed: int) -> tuple[Floats, Floats]:
    """Return p values of studies, ours and the pooled Wald's. Shape: (studies, models, 4)."""
    specs = specs_of(SHAPLEY)
    weights, _ = weights_of(specs)
    p_values, naive = [], []
    for number in numbers:
        study = drawn(null.world, None, stream("null", seed, null.name, number))
        models = [f"m{index}" for index in range(null.world.models)]
        places = [Place(study.sample, (m,), CODES, Uncertainty(null.target)) for m in models]
        found = [evaluate(place, specs, spans_of(specs)) for place in places]
        p_values.append([[one.p for one in each] for each in found])
        p = study.sample.p.mean(axis=1).reshape(-1, 16)
        se = np.sqrt((p * (1 - p) / (TASKS * study.sample.y.shape[2])) @ (weights**2).T)
        naive.append(2 * ndtr(-np.abs(p @ weights.T) / se))
    return np.array(p_values), np.array(naive)


def run(each: Callable[..., Iterable[object]], studies: int, seed: int) -> list[str]:
    """Return the tables, in Markdown."""
    pieces = [range(i, min(i + BATCH, studies)) for i in range(0, studies, BATCH)]
    parts: list[str] = []
    head = ["studies", "target", "method", *KINDS, "lowest", "bias", "width"]
    rows = []
    for scenario in SCENARIOS:
        began = time.monotonic()
        scores = each(scored, *_jobs(scenario, pieces, seed))
        totals = [_sum(own) for own in zip(*scores, strict=True)]
        rows += [_row(scenario, *pair) for pair in zip(scenario.methods, totals, strict=True)]
        _say(f"{scenario.name}: {studies} studies in {time.monotonic() - began:.0f} s")
    parts += [table(head, rows), ""]
    parts += [fill(f"{one.name}: {one.says}.", "- ") for one in SCENARIOS]
    rows = []
    for null in NULLS:
        found = list(each(tested, *_jobs(null, pieces, seed)))
        ours_, naive = (np.concatenate(own) for own in zip(*found, strict=True))
        for name, p in (("ours", ours_), ("pooled rows, Wald", naive)):
            rows.append([null.name, name, *(f"{100 * rate:.1f}" for rate in error_rates(p))])
    head = ["studies", "p values", "type I", "any of 4", "after Holm", "any of 32", "after Holm "]
    parts += ["", table([one.strip() for one in head], rows), ""]
    parts += [fill(f"{one.name}: {one.says}.", "- ") for one in NULLS]
    return parts


def _jobs(kind: object, pieces: Sequence[range], seed: int) -> tuple[list[object], ...]:
    return [kind] * len(pieces), list(pieces), [seed] * len(pieces)


def _sum(scores: Sequence[Score]) -> Score:
    total = scores[0]
    for one in scores[1:]:
        total = total + one
    return total


def _row(scenario: Scenario, method: Method, score: Score) -> list[str]:
    name = f"**{method.name}**" if method.valid else method.name
    shares = [score.coverage(kind) for kind in KINDS]
    with np.errstate(invalid="ignore", divide="ignore"):
        lowest = np.nanmin((score.hits / score.made)[list(LINEAR)])
        width = np.nanmean((score.width / score.made)[list(LINEAR)])
        bias = (score.error / score.made)[list(LINEAR)]
    cells = ["–" if np.isnan(share) else f"{100 * share:.1f}" for share in shares]
    return [
        scenario.name, method.target, name, *cells, f"{100 * lowest:.1f}",
        f"{100 * bias[np.nanargmax(np.abs(bias))]:+.1f}", f"{100 * width:.1f}",
    ]  # fmt: skip


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> None:
    """Print the tables, or write them into a page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage")
    parser.add_argument("--studies", type=int, default=400, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, help="a page with the two markers")
    given = parser.parse_args()
    if given.jobs > 1:
        with ProcessPoolExecutor(given.jobs, get_context("spawn")) as pool:
            parts = run(pool.map, given.studies, given.seed)
    else:
        parts = run(map, given.studies, given.seed)
    text = written("coverage", given.studies, given.seed, "docs/statistics.md", parts)
    put("coverage", text, given.out)


if __name__ == "__main__":
    main()
