"""What the analysis costs: bootstrap against plain pandas, and ``diagnose analyze`` from its start.

    .venv/bin/python -m benchmarks.analysis [--large 100000]

Tables are drawn: 8 models x 16 cells x 25 tasks x 8 runs = 25,600 episodes, and as many as asked
for. A study folder of them has lines of the size a real model's records have: those of
docs/studies/local_model-323db32a, 15 kB each, with model, task, run, cell and success put in. Run
on one thread (OMP_NUM_THREADS=1) or the linear algebra's idle threads are counted as work.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import contrasts
from analysis.bootstrap import percentiles
from analysis.episodes import Source, layout_of, validated
from analysis.layout import INTERVENTIONS, Floats
from analysis.sample import sample_of
from diagnose.records import canonical_json

ROOT = Path(__file__).parents[1]
REAL = ROOT / "docs" / "studies" / "local_model-323db32a" / "episodes.jsonl"
TASKS = [f"{family}-L{level}" for family in "ABCDE" for level in range(1, 6)]
RESAMPLES, NAIVE = 2000, 20  # the naive way is timed on a hundredth
FIELDS = ("model", "family", "level", "task", "run", "cell", "success")
BARE = ("level", "run", "success")  # no strings in JSON


def table(models: int, runs: int) -> pd.DataFrame:
    """Draw episodes; half of them, about, succeed."""
    keys = list(product(range(models), TASKS, range(runs), product((0, 1), repeat=4)))
    frame = pd.DataFrame(
        [(f"model-{m}", t[0], int(t[3:]), t, run, *cell) for m, t, run, cell in keys],
        columns=["model", "family", "level", "task", "run", *INTERVENTIONS],
    )
    rate = 0.15 + 0.15 * frame[list(INTERVENTIONS)].sum(axis=1)
    draws = np.random.default_rng(0).uniform(size=len(frame))
    return frame.assign(success=(draws < rate).astype(int))


def write_study(folder: Path, frame: pd.DataFrame) -> float:
    """Write the episodes as records of a real size; return the mean line's kB."""
    folder.mkdir()
    shells = []
    for line in REAL.read_text(encoding="utf-8").splitlines():
        marked = json.loads(line) | {name: f"@{name}@" for name in FIELDS}
        text = canonical_json(marked)
        for name in BARE:
            text = text.replace(f'"@{name}@"', f"@{name}@")
        shells.append(re.split(f"@({'|'.join(FIELDS)})@", text))
    cells = frame[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    rows = frame.assign(cell=cells, success=np.where(frame["success"] == 1, "true", "false"))
    file = folder / "episodes.jsonl"
    with file.open("w", encoding="utf-8") as handle:
        for number, row in enumerate(rows[list(FIELDS)].astype(str).to_dict("records")):
            shell = shells[number % len(shells)]
            parts = (row[part] if place % 2 else part for place, part in enumerate(shell))
            handle.write("".join(parts) + "\n")
    return file.stat().st_size / len(frame) / 1000


def indices() -> Floats:
    """Four Shapley values, four average effects and six interactions. Shape: (14, cells)."""
    singles = [contrasts.shapley(4, [i]) for i in range(4)]
    singles += [contrasts.banzhaf(4, [i]) for i in range(4)]
    return np.array(singles + [contrasts.banzhaf(4, pair) for pair in combinations(range(4), 2)])


def vectorised(frame: pd.DataFrame) -> Callable[[], object]:
    """Return the bootstrap of the sample, as ``Estimates.bootstrap`` does it."""
    checked, factors = validated(frame, Source("drawn", str))
    models = tuple(sorted(frame["model"].unique()))
    sample = sample_of(checked, layout_of(checked, factors), models)
    weights = np.kron(np.eye(len(models)), indices())
    return lambda: percentiles(sample, weights, "tasks", RESAMPLES, seed=0)


def naive(frame: pd.DataFrame) -> Callable[[], object]:
    """Return a hundredth of the same by plain pandas: rows drawn again, grouped again."""
    cell = frame[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    by_task = [rows for _, rows in frame.assign(cell=cell).groupby("task")]

    def resample() -> list[Floats]:
        rng, out = np.random.default_rng(0), []
        for _ in range(NAIVE):
            drawn = [by_task[i].assign(task=n) for n, i in enumerate(rng.integers(0, 25, 25))]
            rates = pd.concat(drawn).groupby(["model", "cell", "task"])["success"].mean()
            out.append(rates.groupby(["model", "cell"]).mean().unstack().to_numpy() @ indices().T)
        return out

    return resample


def cpu_ms(work: Callable[[], object]) -> float:
    """Return the least CPU time of three runs; the first is not counted."""
    work()
    times = []
    for _ in range(3):
        began = time.process_time()
        work()
        times.append(1e3 * (time.process_time() - began))
    return min(times)


def analyzed(source: Path, repeats: int) -> tuple[float, float]:
    """Return wall and CPU seconds of ``diagnose analyze``, start included: the least of some."""
    command = [sys.executable, "-m", "diagnose", "analyze", str(source)]
    times = []
    for _ in range(repeats):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        times.append((wall, cpu))
    return min(times)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analysis")
    parser.add_argument("--large", type=int, default=100_000, help="episodes of the large table")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    load = os.getloadavg()[0] / len(os.sched_getaffinity(0))
    print(f"{len(os.sched_getaffinity(0))} cores, load {load:.1f} a core")
    small = table(8, 8)
    ours, plain = cpu_ms(vectorised(small)), cpu_ms(naive(small)) * RESAMPLES / NAIVE
    print(f"{RESAMPLES:,} resamples of tasks, 8 models x 16 cells x 200 episodes, 14 indices each:")
    print(f"  {ours:.1f} ms of CPU (goal: under 50 ms); plain pandas groupby {plain / 1e3:.1f} s")
    print(
        f"  ({NAIVE} resamples timed, times {RESAMPLES // NAIVE}): {plain / ours:,.0f} times ours"
    )
    runs = -(-given.large // (8 * 16 * 25))
    with tempfile.TemporaryDirectory() as place:
        for frame, goal in ((small, 3), (table(8, runs).head(given.large), 10)):
            folder = Path(place) / str(len(frame))
            frame.to_csv(folder.with_suffix(".csv"), index=False)
            frame.to_parquet(folder.with_suffix(".parquet"))
            size = write_study(folder, frame)
            print(f"diagnose analyze, {len(frame):,} episodes (goal: under {goal} s of wall time):")
            for source, kind in (
                (folder.with_suffix(".csv"), "CSV"),
                (folder.with_suffix(".parquet"), "Parquet"),
                (folder, f"study folder, {size:.0f} kB a record"),
            ):
                wall, cpu = analyzed(source, given.repeats)
                print(f"  {kind}: {wall:.1f} s of wall time, {cpu:.1f} s of CPU")


if __name__ == "__main__":
    main()
