"""Why a device fails its task: the failure labeller, told what the task expects."""

import json
from functools import lru_cache

from diagnose.env.causes import Failure
from diagnose.env.circuit import Circuit
from diagnose.env.engine import press
from diagnose.env.labels import failure, failures
from diagnose.records import canonical_json
from diagnose.tasks import family_of
from diagnose.tasks.base import Family, Task, judge


def causes_of(
    task: Task, circuit: Circuit | None, presses: int = 0, family: Family | None = None
) -> tuple[Failure, ...]:
    """Return why ``circuit`` fails ``task``, the cause that weighs most first; empty if it passes.

    Remembered by task and circuit.

    Args:
        task: the task.
        circuit: the device; None where no button stood that could be pressed.
        presses: how many repaired devices may be pressed to confirm causes.
        family: whose rule it is; None = the one that the task names.
    """
    if circuit is None:
        return (failure("button_count"),)
    task_json = canonical_json(task.to_json())
    return _causes(task_json, circuit, presses, family or family_of(task))


@lru_cache(maxsize=4096)
def _causes(task_json: str, circuit: Circuit, presses: int, family: Family) -> tuple[Failure, ...]:
    task = Task(**json.loads(task_json))
    trace = press(circuit, task.area_side, last_fall_rt=family.last_fall_rt(task))
    if judge(family, task, circuit, trace).passed:
        return ()
    found = failures(circuit, trace, task.area_side, family.expected(task), presses)
    return found or (failure("unexplained"),)
