"""What a sweep's bookkeeping costs as a study grows: CPU time, so that others' work counts less.

    .venv/bin/python -m benchmarks.sweeps [--sizes 1000,10000,100000] [--plot docs/sweeps.png]

Records are the reference subject's on two tasks (some 15 kB each), repeated under other runs. For
each size: CPU milliseconds to run an episode, to record it (line, checksum, place) and to log its
beginning and its end; seconds to open the study again, to read its table from the records, to
compact it, and to read the compacted one; and the most memory that reading and compacting take.
"""

import argparse
import logging
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from diagnose.cli.configure import configured
from diagnose.journal import kept, tell
from diagnose.records import EpisodeRecord
from diagnose.store import Store, episode_id

STAGES = (
    "execute_ms",
    "record_ms",
    "log_ms",
    "open_s",
    "load_s",
    "compact_s",
    "reload_s",
    "peak_mb",
)


def records_of(real: Sequence[EpisodeRecord], size: int) -> Iterator[EpisodeRecord]:
    """Yield so many records: those of a few real episodes, under run after run."""
    for number in range(size):
        one = real[number % len(real)]
        identifier = episode_id({"number": number})
        yield replace(one, episode_id=identifier, run=number // len(real))


def recorded(folder: Path, size: int) -> None:
    """Print CPU milliseconds to run, to record and to log an episode, and seconds to open again."""
    study = configured(["study.tasks=[A-L1,C-L3]", "study.runs=1"])
    real = [study.execute(plan) for plan in study.plans]
    began_s = time.process_time()
    for plan in study.plans:  # once more: what is loaded and remembered is
        study.execute(plan)
    execute_ms = 1e3 * (time.process_time() - began_s) / len(real)
    spent_s = 0.0
    with Store(folder, study.header) as store:
        for record in records_of(real, size):
            began_s = time.process_time()
            store.append_record(record)
            spent_s += time.process_time() - began_s
    log = logging.getLogger("diagnose.sweeps")
    with kept(folder, "info"):
        began_s = time.process_time()
        for one in records_of(real, size):
            place = {"episode_id": one.episode_id, "task": one.task, "run": one.run}
            tell(log, logging.INFO, "episode_begun", **place, cell=one.cell, worker=1)
            ended = {"outcome": one.outcome, "seconds": 0.123, "cost_usd": 0.0}
            tell(log, logging.INFO, "episode_ended", **place, cell=one.cell, worker=1, **ended)
        log_ms = 1e3 * (time.process_time() - began_s) / size
    began_s = time.process_time()
    with Store(folder, study.header) as store:
        assert len(store.ledger) == size
    print(execute_ms, 1e3 * spent_s / size, log_ms, time.process_time() - began_s)


def analysed(folder: Path) -> None:
    """Print the CPU seconds to read the table, to compact it and to read it then, and memory."""
    from analysis.compacted import compact
    from analysis.load import load

    times = [time.process_time()]
    load(folder)
    times.append(time.process_time())
    compact(folder)
    times.append(time.process_time())
    load(folder)
    times.append(time.process_time())
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(*(end - start for start, end in pairwise(times)), peak_mb)


def measured(size: int) -> dict[str, float]:
    """Return what a study of ``size`` episodes costs, each stage in a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        words: list[str] = []
        for stage in ("recorded", "analysed"):
            command = [
                sys.executable,
                "-m",
                "benchmarks.sweeps",
                "--stage",
                stage,
                place,
                str(size),
            ]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            words += done.stdout.split()
        return dict(zip(STAGES, map(float, words), strict=True))


def plot(found: dict[int, dict[str, float]], path: Path) -> None:
    """Draw the cost of an episode by the size of its study."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
    sizes = list(found)
    for stage, label in (("execute_ms", "run it"), ("record_ms", "record it")):
        axes.plot(sizes, [found[size][stage] for size in sizes], "o-", label=label)
    for stage, label in (("load_s", "read it"), ("compact_s", "compact it"), ("open_s", "open")):
        costs = [1e3 * found[size][stage] / size for size in sizes]
        axes.plot(sizes, costs, "o-", label=label)
    axes.set(xscale="log", yscale="log", xlabel="episodes of the study")
    axes.set_ylabel("CPU ms an episode")
    figure.legend(fontsize=8, loc="outside right upper", frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--stage", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        stage, folder, size = given.stage
        recorded(Path(folder), int(size)) if stage == "recorded" else analysed(Path(folder))
        return
    found: dict[int, dict[str, float]] = {}
    print(f"{'episodes':>9}" + "".join(f"{name:>11}" for name in STAGES))
    for size in map(int, given.sizes.split(",")):
        found[size] = measured(size)
        print(f"{size:>9,}" + "".join(f"{found[size][name]:>11.2f}" for name in STAGES), flush=True)
    if given.plot:
        plot(found, given.plot)


if __name__ == "__main__":
    main()
