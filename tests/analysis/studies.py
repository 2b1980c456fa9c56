"""Small studies with known rates, for tests of what is estimated from them."""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.episodes import Source, layout_of, validated
from analysis.layout import CAPACITIES, INTERVENTIONS
from analysis.study import Study
from diagnose.records import EpisodeRecord, InterventionRecord

Rate = Callable[[str, tuple[int, ...]], float]  # task, cell -> success probability
CODES = ["".join(map(str, cell)) for cell in itertools.product((0, 1), repeat=4)]
TASKS = [f"{family}-L{level}" for family in "ABCDE" for level in range(1, 6)]


def table(
    rate: Rate,
    *,
    seed: int = 0,
    tasks: Sequence[str] = TASKS,
    runs: int = 8,
    codes: Sequence[str] = CODES,
    common: bool = True,
    model: str = "m",
) -> pd.DataFrame:
    """Episodes drawn from ``rate``; ``common``: cells of one task and run share their draw."""
    rng = np.random.default_rng(seed)
    rows = []
    for task, run in itertools.product(tasks, range(runs)):
        shared = rng.uniform()
        for code in codes:
            cell = tuple(map(int, code))
            draw = shared if common else rng.uniform()
            success = int(draw < rate(task, cell))
            rows.append((model, task[0], int(task[3:]), task, run, *cell, success))
    return pd.DataFrame(
        rows, columns=["model", "family", "level", "task", "run", *INTERVENTIONS, "success"]
    )


def study(raw: pd.DataFrame) -> Study:
    """A study of a table, without a file."""
    checked, factors = validated(raw, Source("table", lambda row: f"row {row}"))
    return Study("table", checked, layout_of(checked, factors), CAPACITIES)


def by_name(frame: pd.DataFrame, model: str = "m") -> pd.DataFrame:
    return frame[frame["model"] == model].set_index("estimand")


def record(
    task: str = "A-L1", run: int = 0, cell: str = "0000", **changes: object
) -> EpisodeRecord:
    """One record as a study writes it."""
    made = EpisodeRecord(
        episode_id=f"{task}/{run}/{cell}",
        study="s",
        study_seed=1,
        model="m",
        family=task[0],
        level=int(task[3:]),
        task=task,
        run=run,
        cell=cell,
        factors=INTERVENTIONS,
        interventions={
            name: InterventionRecord(CAPACITIES[name], int(digit), digit == "1", True)
            if digit == "1"
            else InterventionRecord(CAPACITIES[name], 0, False, None)
            for name, digit in zip(INTERVENTIONS, cell, strict=True)
        },
        outcome="passed",
        stop_reason="verified",
        success=True,
    )
    return replace(made, **changes)


def write_study(folder: Path, records: Sequence[EpisodeRecord], truth: object = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(one.to_line() for one in records)
    (folder / "episodes.jsonl").write_text(lines, encoding="utf-8")
    if truth is not None:
        (folder / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    return folder
