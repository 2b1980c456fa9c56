"""Tasks: what must be built, how it is judged, and a device that does it.

A family is one module with one class; it is listed here and nowhere else.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache

from diagnose.env.circuit import Circuit
from diagnose.env.engine import press
from diagnose.env.trace import Verdict
from diagnose.errors import InputError
from diagnose.laws import Laws
from diagnose.records import canonical_json
from diagnose.tasks.base import LEVELS, PUBLISHED_LEVELS, Family, Task, judge, make_task
from diagnose.tasks.branch import Branch
from diagnose.tasks.distance import Distance
from diagnose.tasks.pulse import Pulse
from diagnose.tasks.sequence import Sequence
from diagnose.tasks.simultaneous import Simultaneous

__all__ = [
    "FAMILIES",
    "Family",
    "Task",
    "all_tasks",
    "build_device",
    "family_of",
    "judge",
    "task",
    "verdict_of",
]

FAMILIES: Mapping[str, Family] = {
    family.letter: family for family in (Simultaneous(), Branch(), Sequence(), Distance(), Pulse())
}


def task(task_id: str) -> Task:
    """Return the task named ``C-L3``.

    Raises:
        InputError: no such family or level.
    """
    letter, _, level = task_id.partition("-L")
    family = FAMILIES.get(letter)
    if family is None or level not in map(str, LEVELS):
        raise InputError(
            "task",
            task_id,
            f"name a family, {', '.join(FAMILIES)}, and a level from 1 to {LEVELS[-1]}: C-L3",
        )
    return make_task(family, int(level))


def all_tasks(levels: Iterable[int] = PUBLISHED_LEVELS) -> list[Task]:
    """Return the tasks of these levels, family by family; the 25 published ones unless told."""
    chosen = tuple(levels)
    return [make_task(family, level) for family in FAMILIES.values() for level in chosen]


def family_of(task: Task) -> Family:
    """Return the family a task belongs to."""
    return FAMILIES[task.family]


@lru_cache(maxsize=8192)
def _built(task_json: str, laws: tuple[tuple[str, int], ...]) -> Circuit:
    task = Task(**json.loads(task_json))
    return family_of(task).build(task, dict(laws))


def build_device(task: Task, laws: Laws) -> Circuit:
    """Return what an agent knowing exactly ``laws`` builds for ``task``; remembered.

    Raises:
        InputError: no device is known for these parameters.
    """
    return _built(canonical_json(task.to_json()), tuple(sorted(laws.items())))


@lru_cache(maxsize=8192)
def _judged(task_json: str, circuit: Circuit) -> Verdict:
    task = Task(**json.loads(task_json))
    family = family_of(task)
    return judge(
        family,
        task,
        circuit,
        press(circuit, task.area_side, last_fall_rt=family.last_fall_rt(task)),
    )


def verdict_of(task: Task, circuit: Circuit) -> Verdict:
    """Press ``circuit`` in the simulator and judge it; remembered."""
    return _judged(canonical_json(task.to_json()), circuit)
