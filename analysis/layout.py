"""The shape of a study: its factors, its cells and its tasks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diagnose.errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

INTERVENTIONS = ("gap_hints", "experiment_oracles", "knowledge_notes", "solution_sketches")
CAPACITIES = {
    "gap_hints": "identification",
    "experiment_oracles": "discovery",
    "knowledge_notes": "consolidation",
    "solution_sketches": "application",
}
ALL = "ALL"  # the models' mean, in the column of models
TREATMENT = "treatment"  # the capacity of a factor that changes the subject's weights
SHAM = 9  # the digit of a placebo; 0 is off, 1 the standard dose, 2 to 8 further doses
MAX_FACTORS = 8  # 256 cells; a full factorial beyond that is not a study anyone runs


def canonical_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return the four interventions in their order, then any others in the order given."""
    given = tuple(names)
    known = tuple(name for name in INTERVENTIONS if name in given)
    return known + tuple(name for name in given if name not in INTERVENTIONS)


@dataclass(frozen=True)
class Layout:
    """Factors in the order of a cell's digits, and the tasks with their level and family.

    Raises:
        InputError: no factors, or more than ``MAX_FACTORS``.
    """

    factors: tuple[str, ...]
    tasks: tuple[str, ...]
    levels: tuple[int, ...]  # of each task
    families: tuple[str, ...]  # of each task
    used: tuple[str, ...] = ()  # factors whose use was recorded
    cells: frozenset[str] = frozenset()  # codes that the study holds
    runs: int = 1  # the most observed runs that a cell has of a task
    treatments: tuple[str, ...] = ()  # factors that change the subject's weights
    retention: frozenset[str] = frozenset()  # tasks of old skills, in no treatment's effect

    def __post_init__(self) -> None:
        if not 1 <= len(self.factors) <= MAX_FACTORS:
            raise InputError(
                "factors", list(self.factors), f"give between 1 and {MAX_FACTORS} factor columns"
            )

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Every cell: one digit per factor, the first factor's digit first.

        Shape: 2^k cells of doses 0 and 1, held or not, then the study's cells of other doses.
        """
        k = len(self.factors)
        standard = [format(index, f"0{k}b") for index in range(2**k)]
        return (*standard, *sorted(self.cells.difference(standard)))

    @property
    def full(self) -> str:
        """The code of the cell with every factor at its standard dose."""
        return "1" * len(self.factors)

    @cached_property
    def kept(self) -> Bools:
        """Which tasks are named for retention. Shape: tasks."""
        return np.array([task in self.retention for task in self.tasks])

    @cached_property
    def taught(self) -> Bools | None:
        """Which tasks a treatment is judged by; None = all, where none is named for retention."""
        return ~self.kept if self.kept.any() else None

    def doses(self, factor: int) -> tuple[int, ...]:
        """Return the doses of a factor in the study, the sham not among them."""
        found = {int(code[factor]) for code in self.cells}
        return tuple(sorted(found - {SHAM}))

    def has_sham(self, factor: int) -> bool:
        """Whether the study holds a cell with the factor's sham."""
        return any(code[factor] == str(SHAM) for code in self.cells)

    def tasks_at_level(self, level: int) -> Bools:
        """Return which tasks are of ``level``. Shape: tasks."""
        return np.array([own == level for own in self.levels])

    def tasks_of_family(self, family: str) -> Bools:
        """Return which tasks are of ``family``. Shape: tasks."""
        return np.array([own == family for own in self.families])


def task_key(task: str, family: str, level: int) -> tuple[str, int, str]:
    """Return the order of tasks in every table: family, level, name."""
    return (family, level, task)


def join(names: Sequence[str]) -> str:
    """Return the name of an interaction: ``gap_hints*knowledge_notes``."""
    return "*".join(names)
