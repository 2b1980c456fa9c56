"""Run the experiments, going on where a run was stopped, and draw the page.

    .venv-train/bin/python -m benchmarks.claims run [--experiments dft,aligner,refuse] [--seeds 4]
    .venv-train/bin/python -m benchmarks.claims page

Every training is a row of docs/claims.csv, appended when it ends; rows that are there are not made
again. Two processes may share the work: --part 1/2 and --part 2/2, each with a file of its own.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.claims import grid, page
from benchmarks.trainings import Rows, part_of

ROWS = Path("docs/claims.csv")


def run(out: Path, experiments: Sequence[str], seeds: int, part: tuple[int, int]) -> None:
    """Make the trainings that have no row yet. Bases are shared by what follows one another."""
    import torch

    torch.set_num_threads(1)
    number, of = part
    every = [one for name in experiments for one in grid.settings(name, seeds)]
    due = [one for one in every if one.seed % of == number - 1]
    # What has the same base follows.
    due.sort(key=lambda one: (one.seed, one.form_share, one.teaches == "known_refusal"))
    for _, told in Rows(out, grid.Setting).make(due, grid.trained, part):
        print(told, flush=True)


def main() -> None:
    """Run, or write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__)
    parser.add_argument("what", choices=["run", "page"])
    parser.add_argument("--experiments", default="dft,aligner,refuse")
    parser.add_argument("--seeds", type=int, default=grid.SEEDS)
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--rows", type=Path, default=ROWS)
    given = parser.parse_args()
    if given.what == "run":
        run(given.rows, given.experiments.split(","), given.seeds, part_of(given.part))
    else:
        Rows(given.rows, grid.Setting).gather()
        page.write(given.rows, Path("docs"))


if __name__ == "__main__":
    main()
