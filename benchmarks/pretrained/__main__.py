"""Train and test what has no row yet, and write the page when every training has one.

    .venv-train/bin/python -m benchmarks.pretrained FOLDER [--out docs] [--seeds 1] [--part 1/2]

FOLDER holds the one GGUF file of the base; it is brought by the user and never copied. Every
training is a row, appended when it ends; rows that are there are not made again. Two processes may
share the work: --part 1/2 and --part 2/2, each with a file of its own.
"""

import argparse
import csv
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.pretrained import page, runs

NAME = "pretrained"


def key(row: Any) -> tuple[str, ...]:
    """Return what tells a training from the others."""
    return tuple(str(row[name]) for name in runs.Setting.__dataclass_fields__)


def recorded(paths: Sequence[Path]) -> list[dict[str, str]]:
    """Return the rows of several files, each training once."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for path in paths:
        with path.open(newline="", encoding="utf-8") as handle:
            found |= {key(row): row for row in csv.DictReader(handle)}
    return list(found.values())


def files(out: Path) -> list[Path]:
    """Return the files that rows are in."""
    return [*out.glob(f"{NAME}.csv"), *sorted(out.glob(f"{NAME}.*-of-*.csv"))]


def merged(rows: Sequence[dict[str, str]], out: Path) -> None:
    """Bring the rows of all parts together in one file, in the order of their settings."""
    parts = files(out)
    ordered = sorted(rows, key=key)
    with (out / f"{NAME}.whole.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(ordered[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(ordered)
    for path in parts:
        path.unlink()
    (out / f"{NAME}.whole.csv").rename(out / f"{NAME}.csv")


def run(folder: Path, out: Path, seeds: int, part: tuple[int, int]) -> None:
    """Make the trainings of this part that have no row yet."""
    import torch

    torch.set_num_threads(1)
    number, of = part
    own = out / (f"{NAME}.csv" if of == 1 else f"{NAME}.{number}-of-{of}.csv")
    done = {key(row) for row in recorded(files(out))}
    every = list(runs.settings(seeds))[number - 1 :: of]
    due = [one for one in every if key(asdict(one)) not in done]
    base = runs.Base.read(folder) if due else None
    began_s = time.monotonic()
    for count, setting in enumerate(due, 1):
        assert base is not None
        row = runs.trained(base, setting)
        new = not own.exists()
        with own.open("a", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
        told = " ".join(f"{name}={value}" for name, value in asdict(setting).items())
        scored = " ".join(f"{name}={row['test_' + name]}" for name in ("form", "content", "exact"))
        spent_s = time.monotonic() - began_s
        print(f"{count}/{len(due)} {spent_s:.0f} s: {told}: {scored}", flush=True)


def main() -> None:
    """Run, and write the page if all is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretrained", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--part", default="1/1")
    given = parser.parse_args()
    number, of = map(int, given.part.split("/"))
    run(given.folder, given.out, given.seeds, (number, of))
    rows = recorded(files(given.out))
    missing = {key(asdict(one)) for one in runs.settings(given.seeds)} - {key(one) for one in rows}
    if missing:
        print(f"{len(missing)} trainings have no row yet: the page is not written")
    else:
        merged(rows, given.out)
        page.write(rows, given.folder, given.out)


if __name__ == "__main__":
    main()
