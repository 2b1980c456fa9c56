"""Run the experiments, going on where a run was stopped, and draw the page.

    .venv-train/bin/python -m benchmarks.claims run [--experiments dft,aligner,refuse] [--seeds 5]
    .venv-train/bin/python -m benchmarks.claims page

Every training is a row of docs/claims.csv, appended when it ends; rows that are there are not made
again. Two processes may share the work: --part 1/2 and --part 2/2, each with a file of its own.
"""

import argparse
import csv
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.claims import grid, page

ROWS = Path("docs/claims.csv")


def key(row: Any) -> tuple[str, ...]:
    """Return what tells a training from the others."""
    return tuple(str(row[name]) for name in grid.Setting.__dataclass_fields__)


def recorded(paths: Sequence[Path]) -> set[tuple[str, ...]]:
    """Return the trainings that have a row."""
    found = set()
    for path in paths:
        if path.exists():
            with path.open(newline="", encoding="utf-8") as handle:
                found |= {key(row) for row in csv.DictReader(handle)}
    return found


def run(out: Path, experiments: Sequence[str], seeds: int, part: tuple[int, int]) -> None:
    """Make the trainings that have no row yet. Bases are shared by what follows one another."""
    import torch

    torch.set_num_threads(1)
    number, of = part
    own = out if of == 1 else out.with_suffix(f".{number}-of-{of}.csv")
    done = recorded([out, *out.parent.glob(f"{out.stem}.*-of-*.csv")])
    every = [one for name in experiments for one in grid.settings(name, seeds)]
    due = [one for one in every if one.seed % of == number - 1 and key(asdict(one)) not in done]
    due.sort(key=lambda one: (one.seed, one.form_share))  # what has the same base follows
    began_s = time.monotonic()
    for count, setting in enumerate(due, 1):
        row = grid.trained(setting)
        new = not own.exists()
        with own.open("a", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
        spent_s = time.monotonic() - began_s
        left_s = spent_s / count * (len(due) - count)
        print(f"{count}/{len(due)}  {spent_s:.0f} s, {left_s:.0f} s left", flush=True)


def main() -> None:
    """Run, or write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__)
    parser.add_argument("what", choices=["run", "page"])
    parser.add_argument("--experiments", default="dft,aligner,refuse")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--rows", type=Path, default=ROWS)
    given = parser.parse_args()
    if given.what == "run":
        number, of = map(int, given.part.split("/"))
        run(given.rows, given.experiments.split(","), given.seeds, (number, of))
    else:
        page.write(given.rows, Path("docs"))


if __name__ == "__main__":
    main()
