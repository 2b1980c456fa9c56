"""The declared population of tasks that "new tasks" are drawn from in a calibration.

Five families times five bands of lamps, the bands of the published levels, make 25 strata of equal
weight. Within a stratum a task is drawn by the rule of ``candidate``; a candidate is refused, and
drawn again, when the builder knows no device for it, when the full-knowledge device does not pass
in the simulator, or when the device of somebody ignorant of some needed law cannot be laid out. So
the population is the tasks that the builders support, and it is finite: ``PER_STRATUM`` distinct
tasks a stratum, fewer where the rule does not have that many. It is the same in every study, as its
stream has a root of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.env.experiments import true_laws
from diagnose.errors import InputError
from diagnose.models.reference.truth import Verdicts, verdicts_of
from diagnose.seeds import stream
from diagnose.tasks import FAMILIES, Task
from diagnose.tasks.base import area_side
from diagnose.tasks.needs import passes

# Lamps, first and last: around the 4, 8, 16, 32 and 64 of the published levels.
BANDS: dict[int, tuple[int, int]] = {1: (4, 6), 2: (7, 11), 3: (12, 22), 4: (23, 45), 5: (46, 64)}
PER_STRATUM = 12
MOST_DRAWS = 120  # candidates of a stratum; the smallest strata have fewer than 12 tasks in all
RULES = {
    "A": "even lamps; skew_rt 1 to 4",
    "B": "even lamps; reach 5 to 22",
    "C": "any lamps; delays_rt each 1 to the task's longest, which is 2 to 6",
    "D": "lamps in fours; four distances from 2 to 21, each at least 2 from the next",
    "E": "even lamps; tau_rt 1 to 25",
}


@dataclass(frozen=True)
class Stratum:
    """One family in one band of lamps, and the tasks of it that are in the population."""

    family: str
    level: int  # of the band
    tasks: tuple[Task, ...]
    verdicts: tuple[Verdicts, ...]  # of each task
    refused: int  # candidates that the builders do not support


def candidate(family: str, level: int, rng: np.random.Generator) -> Task:
    """Draw a task by the family's rule (``RULES``), uniformly in each of its numbers."""
    low, high = BANDS[level]
    step = {"C": 1, "D": 4}.get(family, 2)
    lamps = step * int(rng.integers(-(-low // step), high // step + 1))
    return Task(family, 0, lamps, area_side(lamps), _params(family, lamps, rng))


def _params(family: str, lamps: int, rng: np.random.Generator) -> dict[str, Any]:
    if family == "A":
        return {"skew_rt": int(rng.integers(1, 5))}
    if family == "B":
        return {"reach": int(rng.integers(5, 23))}
    if family == "C":
        longest = int(rng.integers(2, 7))
        return {"delays_rt": rng.integers(1, longest + 1, size=lamps - 1).tolist()}
    if family == "D":
        # Four of 17 numbers, then 0 to 3 added in order: distances with room between them.
        picked = np.sort(rng.choice(17, size=4, replace=False)) + 2 + np.arange(4)
        return {"distances": picked.tolist()}
    return {"tau_rt": int(rng.integers(1, 26))}


def supported(task: Task) -> Verdicts | None:
    """Return the verdicts on a task's devices, or None if the builders do not support it."""
    try:
        if not passes(task, true_laws()):
            return None
        return verdicts_of(task)
    except InputError:  # no device is known
        return None
    except ValueError:  # two parts of a device would need one cell
        return None


def stratum(family: str, level: int, size: int = PER_STRATUM) -> Stratum:
    """Return a stratum with at most ``size`` tasks; takes seconds, as it asks the simulator."""
    rng = stream("population", family, level)
    seen: set[str] = set()
    tasks: list[Task] = []
    verdicts: list[Verdicts] = []
    refused = 0
    for _ in range(MOST_DRAWS):
        if len(tasks) == size:
            break
        one = candidate(family, level, rng)
        key = f"{one.lamps} {one.params}"
        if key in seen:
            continue
        seen.add(key)
        found = supported(one)
        if found is None:
            refused += 1
        else:
            tasks.append(one)
            verdicts.append(found)
    return Stratum(family, level, tuple(tasks), tuple(verdicts), refused)


def places() -> Iterator[tuple[str, int]]:
    """Yield the strata's family and level."""
    for family in FAMILIES:
        for level in BANDS:
            yield family, level


@dataclass(frozen=True, eq=False)
class Population:
    """The strata, and how a study's tasks are drawn from them."""

    strata: tuple[Stratum, ...]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks, stratum by stratum."""
        return tuple(task for one in self.strata for task in one.tasks)

    @property
    def verdicts(self) -> tuple[Verdicts, ...]:
        """The verdicts on each task."""
        return tuple(own for one in self.strata for own in one.verdicts)

    @property
    def weights(self) -> NDArray[np.float64]:
        """Each task's probability of being drawn; strata weigh the same. Shape: tasks."""
        sizes = [len(one.tasks) for one in self.strata]
        return np.repeat([1 / size / len(sizes) for size in sizes], sizes)

    def draw(self, rng: np.random.Generator, size: int, *, stratified: bool) -> NDArray[np.int64]:
        """Draw tasks, as positions in ``tasks``.

        Args:
            rng: the stream.
            size: number of tasks.
            stratified: one of each stratum in turn, as the published design has it, rather than
                each independently from the whole population, as the task-level t assumes.
        """
        sizes = np.array([len(one.tasks) for one in self.strata])
        turn = np.arange(size) % len(sizes)
        own = turn if stratified else rng.integers(len(sizes), size=size)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        drawn: NDArray[np.int64] = starts[own] + rng.integers(sizes[own])
        return drawn


def population(strata: Iterable[Stratum]) -> Population:
    """Return the population of the strata that have tasks."""
    return Population(tuple(one for one in strata if one.tasks))
