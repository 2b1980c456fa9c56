"""Two workers against one, and what the process that schedules and records costs beside them.

    .venv/bin/python -m benchmarks.throughput [--runs 25] [--rounds 1]

The reference subject on all 25 tasks in 16 cells, so 400 episodes a run, each study in a process of
its own. Rounds alternate (one, two, two, one), so that what else the machine does falls on both.
Seconds are those from the first hand-out to the last record: making the schedule and drawing the
end are no part of an episode. Bookkeeping is the CPU time of the parent, which hands out, writes
and counts, of all CPU time in those seconds. Then the finished study once more, as a command.
"""

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CPU = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def seconds_of(who: int) -> float:
    """Return the CPU seconds of this process, or of its children that have ended."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def overrides(folder: str, runs: int, workers: int) -> list[str]:
    """Return the study that is measured."""
    return [
        f"study.folder={folder}",
        f"study.runs={runs}",
        f"run.workers={workers}",
        "reuse=false",
    ]


def study(folder: str, runs: int, workers: int) -> None:
    """Print episodes, seconds, CPU seconds of the parent and of its workers."""
    from diagnose.cli.configure import configured
    from diagnose.progress import Progress
    from diagnose.store import Store

    composed = configured(overrides(folder, runs, workers))
    with Store(composed.folder, composed.header) as store:
        before, began_s = [seconds_of(who) for who in CPU], time.monotonic()
        end = composed.run(store, Progress(io.StringIO()))
        wall_s = time.monotonic() - began_s
        own, workers_s = (seconds_of(who) - then for who, then in zip(CPU, before, strict=True))
    assert end.recorded == end.total
    print(end.total, wall_s, own, workers_s)


def measured(folder: str, runs: int, workers: int) -> tuple[float, ...]:
    """Return what ``study`` prints in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.throughput", "--study", folder]
    command += [str(runs), str(workers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return tuple(map(float, done.stdout.split()))


def again(folder: str, runs: int) -> float:
    """Return the seconds that ``diagnose run`` takes over a finished study."""
    command = [str(Path(sys.executable).with_name("diagnose")), "run"]
    command += overrides(folder, runs, 2)
    subprocess.run(command, check=True, capture_output=True)  # the end is drawn once
    began_s = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began_s


def main() -> None:
    """Print a line per study, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=25, help="400 episodes each")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--study", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.study:
        folder, runs, workers = given.study
        study(folder, int(runs), int(workers))
        return
    rates: dict[int, list[float]] = {1: [], 2: []}
    books: dict[int, list[float]] = {1: [], 2: []}
    print("workers  episodes  seconds  a second  bookkeeping  load")
    for workers in (1, 2, 2, 1) * given.rounds:
        with tempfile.TemporaryDirectory() as folder:
            episodes, wall_s, own_s, workers_s = measured(folder, given.runs, workers)
            rates[workers].append(episodes / wall_s)
            books[workers].append(own_s / (own_s + workers_s))
            print(
                f"{workers:>7}  {episodes:>8,.0f}  {wall_s:>7.1f}  {rates[workers][-1]:>8.1f}"
                f"  {books[workers][-1]:>11.1%}  {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            if workers == 2 and len(rates[2]) == 2 * given.rounds:
                seconds = again(folder, given.runs)
    print(f"two / one: {sum(rates[2]) / sum(rates[1]):.2f}")
    print(f"the finished study again: {seconds:.1f} s")


if __name__ == "__main__":
    main()
