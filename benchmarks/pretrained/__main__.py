"""Train and test what has no row yet, and write the page when every training has one.

    .venv-train/bin/python -m benchmarks.pretrained FOLDER [--out docs] [--seeds 1] [--part 1/2]

FOLDER holds the one GGUF file of the base; it is brought by the user and never copied. Every
training is a row, appended when it ends; rows that are there are not made again. Two processes may
share the work: --part 1/2 and --part 2/2, each with a file of its own.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from benchmarks.pretrained import page, runs
from benchmarks.trainings import Rows, part_of

NAME = "pretrained"


def rows_of(out: Path) -> Rows:
    """Return the rows that lie in a folder."""
    return Rows(out / f"{NAME}.csv", runs.Setting)


def run(folder: Path, out: Path, seeds: int, part: tuple[int, int]) -> None:
    """Make the trainings of this part that have no row yet."""
    import torch

    torch.set_num_threads(1)
    number, of = part
    rows, due = rows_of(out), list(runs.settings(seeds))[number - 1 :: of]
    if {rows.key(asdict(one)) for one in due} <= set(rows.read()):
        return  # without the base
    base = runs.Base.read(folder)
    for row, told in rows.make(due, lambda setting: runs.trained(base, setting), part):
        named = " ".join(str(row[name]) for name in runs.Setting.__dataclass_fields__)
        scored = " ".join(f"{name}={row['test_' + name]}" for name in ("form", "content", "exact"))
        print(f"{told}: {named}: {scored}", flush=True)


def main() -> None:
    """Run, and write the page if all is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretrained", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--part", default="1/1")
    given = parser.parse_args()
    run(given.folder, given.out, given.seeds, part_of(given.part))
    rows = rows_of(given.out)
    every = {rows.key(asdict(one)) for one in runs.settings(given.seeds)}
    if missing := every - set(rows.read()):
        print(f"{len(missing)} trainings have no row yet: the page is not written")
    else:
        page.write(rows.gather(), given.folder, given.out)


if __name__ == "__main__":
    main()
