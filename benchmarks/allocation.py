"""What allocating runs adaptively saves, and whether its intervals hold the truth.

    .venv/bin/python -m benchmarks.allocation                    # 400 studies of each kind
    .venv/bin/python -m benchmarks.allocation --studies 2000 --out docs/planning.md

Every line simulates studies of 16 cells, 25 tasks and 8 runs on average whose truth is planted:
a pilot of 2 runs, then batches that the rule of ``diagnose run`` shares out, analysed by the code
that ``diagnose analyze`` runs. Beside it stand the same records with their runs pooled, as if
nobody had allocated them, and a study of equal runs. ``--out`` writes the table into a page.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from analysis.batches import Batch, Batched, batches_of
from analysis.estimates import Place, evaluate
from analysis.layout import INTERVENTIONS, Floats
from analysis.planning.allocation import Spreads, chosen
from analysis.planning.designs import Cells
from analysis.sample import Sample
from analysis.uncertainty import TARGETS, Uncertainty
from benchmarks.pages import put, written
from benchmarks.simulated import CODES, LAYOUT, RUNS, TASKS, World, spans_of, specs_of, true_value
from diagnose.markdown import fill, table
from diagnose.seeds import stream

JOB = 50  # studies of one job
PILOT, EVERY, MOST = 2, 3, 9
SHAPLEY = tuple(f"shapley:{name}" for name in INTERVENTIONS)


@dataclass(frozen=True)
class Profile:
    """Studies of one kind."""

    name: str
    says: str
    world: World
    estimands: tuple[str, ...] = SHAPLEY


EVEN = World(base=-1.0, base_sd=0.5, slopes=(0.6, 0.4, 0.3, 0.5), slope_sd=0.3)
USUAL = World()
APART = World(base=-1.0, base_sd=4.0, slope_sd=0.9)
FLOOR = World(base=-4.0, base_sd=1.2)
KEY = World(base=-6.0, base_sd=1.0, slopes=(6.0, 0.5, 0.3, 0.8), slope_sd=0.9)
PROFILES = (
    Profile("even", "tasks and cells much alike, rates of 25 to 70 %", EVEN),
    Profile("usual", "the studies of docs/statistics.md, effects that differ by task", USUAL),
    Profile("usual, one", "the same, shapley:gap_hints alone declared", USUAL, SHAPLEY[:1]),
    Profile("tasks apart", "most tasks are always or never passed", APART),
    Profile("floor", "two to eight in a hundred pass with nothing on", FLOOR),
    Profile("key", "next to nothing passes without the first intervention", KEY),
)


@dataclass(frozen=True, eq=False)
class Score:
    """What an analysis did in studies, summed over studies; shape: (targets, estimands)."""

    hits: Floats
    half: Floats
    error: Floats
    square: Floats  # of the half-width: what is compared where spreads vary

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.hits + other.hits,
            self.half + other.half,
            self.error + other.error,
            self.square + other.square,
        )


def runs_of(
    batches: Sequence[Batch], y: Floats, weights: Floats, draw: np.random.Generator
) -> Floats:
    """Return the outcomes of a study whose batches were shared out; NaN = nobody asked."""
    seen = np.full(y.shape, np.nan)
    for number, batch in enumerate(batches):
        counts = np.full(y.shape[:2], batch.runs)
        if number:
            known = Spreads.of(seen[:, :, : batch.first], np.ones(len(y)), CODES)
            counts = chosen(weights, known, batch.runs, MOST, draw).counts
        own = np.arange(batch.end - batch.first) < counts[:, :, None]
        span = slice(batch.first, batch.end)
        seen[:, :, span] = np.where(own, y[:, :, span], np.nan)
    return seen


def sample(y: Floats, batches: Sequence[Batch] = ()) -> Sample:
    """Return outcomes as the analysis has them, with their batches or without."""
    rows = tuple(("m0", "success", code) for code in CODES)
    planned = np.isfinite(y).sum(axis=2).astype(np.float64)
    made = Sample(rows, y, planned, LAYOUT.levels)
    if not batches:
        return made
    of = np.searchsorted([batch.end for batch in batches], np.arange(y.shape[2]), side="right")
    runs = np.array([batch.runs for batch in batches], dtype=np.float64)
    each = Batched(np.tile(of, (TASKS, 1)), runs / runs.sum(), np.empty(0))
    return replace(made, batches=replace(each, planned=each.counts(y)))


def scored(profile: Profile, numbers: Iterable[int], seed: int, common: float) -> list[Score]:
    """Simulate studies: scores of the batches, of the same runs pooled, and of equal runs."""
    world = replace(profile.world, common=common)
    specs = specs_of(profile.estimands)
    design = Cells(INTERVENTIONS, CODES)
    held = [design.estimand(name) for name in profile.estimands]
    weights = np.array([[one.weights.get(code, 0.0) for code in CODES] for one in held])
    whole = np.array([true_value(spec, world.population) for spec in specs])
    batches = batches_of(RUNS, PILOT, EVERY, MOST)
    totals: list[Score] = []
    for number in numbers:
        draw = stream("allocation", seed, profile.name, repr(common), number)
        rates = world.rates(draw, 5, 5)
        y = world.outcomes(draw, rates, batches[-1].end)
        seen = runs_of(batches, y, weights, draw)
        here = np.array([true_value(spec, rates.mean(axis=1)) for spec in specs])
        scores = []
        for one in (sample(seen, batches), sample(seen), sample(y[:, :, :RUNS])):
            found = np.array(
                [
                    [
                        (e.estimate, e.ci_low, e.ci_high)
                        for e in evaluate(place, specs, spans_of(specs))
                    ]
                    for place in (Place(one, ("m0",), CODES, Uncertainty(t)) for t in TARGETS)
                ]
            )  # shape: (targets, estimands, 3)
            truth = np.array([whole, here])
            low, high = found[..., 1], found[..., 2]
            half = (high - low) / 2
            hits = ((low <= truth) & (truth <= high)).astype(np.float64)
            scores.append(Score(hits, half, found[..., 0] - truth, half**2))
        totals = [a + b for a, b in zip(totals, scores, strict=True)] if totals else scores
    return totals


def run(jobs: int, studies: int, seed: int) -> list[str]:
    """Return the table, in Markdown."""
    pieces = [range(i, min(i + JOB, studies)) for i in range(0, studies, JOB)]
    cases = [(profile, common) for common in (0.0, 0.8) for profile in PROFILES]
    rows = []
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for profile, common in cases:
            began = time.monotonic()
            parts = [pool.submit(scored, profile, piece, seed, common) for piece in pieces]
            found = [part.result() for part in parts]
            totals = [sum(own[1:], own[0]) for own in zip(*found, strict=True)]
            rows.append(_row(profile, common, totals, studies))
            print(f"{profile.name} {time.monotonic() - began:.0f} s", file=sys.stderr)
    head = ["profile", "runs", "new", "pooled", "fixed", "pooled", "bias", "pooled"]
    head += ["± new", "equal", "± fixed", "equal", "saved"]
    return [
        table(head, rows),
        "",
        *(fill(f"{one.name}: {one.says}.", "- ") for one in PROFILES),
        fill("runs: cells share the draws of a run, or not.", "- "),
    ]


def _row(profile: Profile, common: float, totals: Sequence[Score], studies: int) -> list[str]:
    ours, pooled, equal = totals

    def share(score: Score, target: int) -> str:
        return f"{100 * score.hits[target].mean() / studies:.1f}"

    def half(score: Score, target: int) -> str:
        return f"{100 * score.half[target].mean() / studies:.2f}"

    def bias(score: Score) -> str:
        own = 100 * score.error[1] / studies
        return f"{own[np.argmax(np.abs(own))]:+.2f}"

    saved = 1 - ours.square[1].sum() / equal.square[1].sum()
    return [
        profile.name, "common" if common else "independent",
        f"**{share(ours, 0)}**", share(pooled, 0), f"**{share(ours, 1)}**", share(pooled, 1),
        bias(ours), bias(pooled),
        half(ours, 0), half(equal, 0), half(ours, 1), half(equal, 1), f"{100 * saved:+.0f} %",
    ]  # fmt: skip


def main() -> None:
    """Print the table, or write it into a page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.allocation")
    parser.add_argument("--studies", type=int, default=400, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, help="a page with the two markers")
    given = parser.parse_args()
    text = written(
        "allocation",
        given.studies,
        given.seed,
        "docs/planning.md",
        run(given.jobs, given.studies, given.seed),
    )
    put("allocation", text, given.out)


if __name__ == "__main__":
    main()
