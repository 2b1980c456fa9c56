"""Studies whose figures are looked at: one model, eight of them, one with gaps in its data."""

from functools import cache

import numpy as np
import pandas as pd

from analysis.layout import INTERVENTIONS
from analysis.results import Estimates
from tests.analysis.studies import CODES, TASKS, study, table

CAUSES = ("dust_passes_lamp", "repeater_backwards", "signal_died", "diagonal_gap", "")
MODELS = tuple(
    f"vendor/{name}"
    for name in (
        "small", "medium-2026-01-preview", "large", "large_thinking_budget_high", "xl", "mini",
        "flash-lite-experimental", "old",
    )
)  # fmt: skip


def rate(task: str, cell: tuple[int, ...]) -> float:
    level = int(task[3:])
    gain = 0.1 * cell[0] + 0.05 * cell[1] + 0.02 * cell[2] + 0.4 * cell[3]
    return 0.3 - 0.05 * level + gain + 0.1 * cell[0] * cell[3]


def with_arms(task: str, cell: tuple[int, ...]) -> float:
    return rate(task, tuple(0 if dose == 9 else min(dose, 2) for dose in cell))


def with_causes(raw: pd.DataFrame) -> pd.DataFrame:
    """Give every failure a cause by its row, and some of them none."""
    kinds = np.array(CAUSES, dtype=object)[np.arange(len(raw)) * 7 % len(CAUSES)]
    return raw.assign(failure_cause=np.where(raw["success"] == 0, kinds, ""))


@cache
def one(target: str = "new") -> Estimates:
    return study(with_causes(table(rate, seed=3))).estimates(target)


@cache
def eight() -> Estimates:
    """Eight models, some without effects; one of them lacks a cell."""
    tables = []
    for number, model in enumerate(MODELS):

        def own(task: str, cell: tuple[int, ...], number: int = number) -> float:
            return 0.05 + 0.1 * number + (rate(task, cell) - 0.2) * (number % 3) / 2

        tables.append(table(own, seed=number, runs=2, model=model))
    raw = with_causes(pd.concat(tables, ignore_index=True))
    first = raw["model"] == MODELS[0]
    cell = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    return study(raw[~(first & (cell == "1100"))]).estimates()


@cache
def lacking() -> Estimates:
    """A sequence of cells, some episodes not observed."""
    raw = table(rate, codes=["0000", "1000", "1100", "1110", "1111"], runs=4)
    raw = raw.astype({"success": float}).assign(missing_cause="")
    raw.loc[[3, 90], ["success", "missing_cause"]] = [np.nan, "rate_limit"]
    return study(raw).estimates()


@cache
def losing() -> Estimates:
    """An intervention that does harm, on few tasks."""
    raw = table(lambda _t, cell: 0.6 - 0.3 * cell[0] + 0.1 * cell[3], tasks=TASKS[:10], seed=6)
    return study(raw).estimates()


@cache
def armed() -> Estimates:
    codes = ["0000", "1000", "2000", "9000", "1111", "9111"]
    return study(table(with_arms, codes=codes)).estimates()


__all__ = ["CAUSES", "CODES", "MODELS", "TASKS", "armed", "eight", "lacking", "losing", "one"]
