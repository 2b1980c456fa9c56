"""What a study says of its allocated runs: its batches, and what each of them ran.

The analysis needs the batches alone: which runs are whose, and the weights that were fixed before
the first episode (``analysis.batches``). The decisions are read to be told.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.batches import Batch
from diagnose.errors import InputError

BATCHES = "batches.jsonl"
MOST_BATCHES = 1000


@dataclass(frozen=True)
class Shared:
    """A batch that was shared out."""

    not_run: int  # fewer episodes than equal runs would have been; below 0 where it is more
    least: int  # runs of a task in a cell
    most: int
    how: str


@dataclass(frozen=True)
class Allocation:
    """A declared allocation and what came of it."""

    estimand: str
    batches: tuple[Batch, ...]
    taken: tuple[Shared, ...]

    @property
    def weights(self) -> tuple[float, ...]:
        """Each batch's share of the planned runs: its weight in every estimate."""
        total = sum(batch.runs for batch in self.batches)
        return tuple(batch.runs / total for batch in self.batches)

    @property
    def not_run(self) -> int:
        """Episodes fewer than were planned, batches not shared out yet taken as equal."""
        return sum(one.not_run for one in self.taken)

    @property
    def said(self) -> str:
        """The allocation in sentences."""
        runs = ", ".join(str(batch.runs) for batch in self.batches)
        text = (
            f"Runs allocated by the outcomes of earlier ones, for {self.estimand}, in batches of "
            f"{runs} runs on average"
        )
        ways = [f"{one.least} to {one.most} by {one.how}" for one in self.taken]
        text += f" (runs of a task in a cell: {', '.join(ways)}). " if ways else ". "
        return (
            f"{text}Each batch weighs what was planned of it in every estimate, and intervals rest "
            "on the batches: the ordinary estimator, runs pooled, would be biased here. What needs "
            "the pooled runs (fitted models, paired tests, pass@k) is refused."
        )

    def marked(self, raw: pd.DataFrame, where: str) -> pd.DataFrame:
        """Return episodes with their batch and its weight.

        Raises:
            InputError: a run is in no batch.
        """
        run = raw["run"].to_numpy(np.int64)
        ends = np.array([batch.end for batch in self.batches])
        batch = np.searchsorted(ends, run, side="right")
        strange = (batch >= len(ends)) | (run < 0)
        if strange.any():
            remedy = f"its study.json has runs 0 to {ends[-1] - 1}: restore the two as they were"
            raise InputError(f"{where}: run", int(run[strange][0]), remedy)
        return raw.assign(batch=batch, batch_weight=np.array(self.weights)[batch])


def read(folder: Path) -> Allocation | None:
    """Return a study's allocation; None where every cell had the same runs.

    Raises:
        InputError: what is declared, or a whole line of decisions, cannot be read.
    """
    try:
        header = json.loads((folder / "study.json").read_text(encoding="utf-8"))
        declared = header.get("allocate")
    except (OSError, ValueError, AttributeError):
        return None
    if not declared:
        return None
    try:
        batches = tuple(Batch(*map(int, one)) for one in declared["batches"])
        starts = [batch.first for batch in batches]
        joined = starts == [0, *(batch.end for batch in batches[:-1])]
        sound = all(0 < one.runs <= one.end - one.first for one in batches)
        if not joined or not sound or not 1 < len(batches) <= MOST_BATCHES:
            raise ValueError("its batches are none")
        taken = tuple(_lines(folder / BATCHES))
        if len(taken) >= len(batches):
            raise ValueError(f"{len(taken)} batches were shared out of {len(batches) - 1}")
        return Allocation(str(declared["estimand"]), batches, taken)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        remedy = "restore study.json and batches.jsonl as the run wrote them"
        raise InputError(f"{folder}: allocate", str(error), remedy) from error


def _lines(path: Path) -> Iterator[Shared]:
    if not path.is_file():
        return
    for raw in path.read_bytes().splitlines(keepends=True):
        if raw.endswith(b"\n"):  # else it is still being written
            line = json.loads(raw)
            counts = [int(n) for row in line["counts"].values() for n in row.values()]
            how = str(line["facts"]["how"])
            yield Shared(int(line["not_run"]), min(counts), max(counts), how)
