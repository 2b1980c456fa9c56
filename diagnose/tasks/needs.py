"""Which laws a task needs: those without which the simulator rejects the device.

Nothing is declared by hand. Laws are taken from the builder one by one as long as its device still
passes in the simulator; what is left is needed.
"""

import json
from functools import lru_cache

from diagnose.env.experiments import true_laws
from diagnose.laws import CATALOGUE, Laws
from diagnose.records import canonical_json
from diagnose.tasks import build_device, verdict_of
from diagnose.tasks.base import Task


def passes(task: Task, laws: Laws) -> bool:
    """Return whether the device of an agent knowing exactly ``laws`` passes in the simulator."""
    return verdict_of(task, build_device(task, laws)).passed


def needed_laws(task: Task) -> tuple[str, ...]:
    """Return the laws that ``task`` needs, in the catalogue's order.

    The set suffices and none of it can be spared. Where two laws can stand in for each other, the
    one later in the catalogue is counted.
    """
    return _needed(canonical_json(task.to_json()))


@lru_cache(maxsize=1024)
def _needed(task_json: str) -> tuple[str, ...]:
    task = Task(**json.loads(task_json))
    laws, before = dict(true_laws()), 0
    while len(laws) != before:  # knowing less can mean planning simpler, and then needing less
        before = len(laws)
        for name in CATALOGUE:
            without = {law: value for law, value in laws.items() if law != name}
            if passes(task, without):
                laws = without
    return tuple(name for name in CATALOGUE if name in laws)
