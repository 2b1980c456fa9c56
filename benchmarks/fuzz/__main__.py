"""Run the fuzz and print its counts; the exit status is 1 if anything was found.

python -m benchmarks.fuzz [--count N] [--seed N] [--workers N] [--limit SECONDS] [--case N]
"""

import argparse
import sys
from functools import partial

from benchmarks.fuzz.cases import WEIGHTS, run_case
from benchmarks.fuzz.watch import Counts, watch

SHOWN = 20  # of the cases that went wrong; --case N tells all of one
DID = ("ran", "refused", "stopped")


def table(counts: Counts) -> str:
    """Return the counts as text."""
    lines = [f"{'kind':16s} {'cases':>7s} {'ran':>7s} {'refused':>8s} {'limit':>7s} {'passed':>7s}"]
    for kind in (*WEIGHTS, "total"):
        rows = [
            sum(
                found
                for (of, did), found in counts.outcomes.items()
                if did == wanted and kind in (of, "total")
            )
            for wanted in DID
        ]
        passed = sum(counts.passed.values()) if kind == "total" else counts.passed[kind]
        lines.append(
            f"{kind:16s} {sum(rows):7d} {rows[0]:7d} {rows[1]:8d} {rows[2]:7d} {passed:7d}"
        )
    for name, found in (
        ("crashes", counts.crashes),
        ("hangs", counts.hangs),
        ("faults", counts.faults),
    ):
        lines.append(f"{name}: {len(found)}")
        lines += [
            f"  case {number}: {told.strip().splitlines()[-1][:200]}"
            for number, told in sorted(found.items())[:SHOWN]
        ]
    lines.append(
        f"peak memory: worker {counts.worker_mb:.0f} MB, "
        f"interpreter {counts.interpreter_mb:.0f} MB; slowest case {counts.slowest[0]:.1f} s "
        f"(number {counts.slowest[1]})"
    )
    lines.append(f"{counts.cases} cases in {counts.seconds:.0f} s")
    return "\n".join(lines)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz")
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds that one case may take")
    parser.add_argument("--case", type=int, help="run this one case here, and nothing else")
    given = parser.parse_args()
    if given.case is not None:
        print(run_case(given.seed, given.case))
        return 0

    def say(counts: Counts) -> None:
        if sys.stderr.isatty():
            print(f"\r{counts.cases} cases, {counts.seconds:.0f} s", end="", file=sys.stderr)

    run = partial(run_case, given.seed)
    counts = watch(run, given.count, given.workers, given.limit, say=say)
    print(table(counts))
    return 1 if counts.faults or counts.crashes or counts.hangs else 0


if __name__ == "__main__":
    sys.exit(main())
