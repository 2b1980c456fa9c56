"""Tasks of a corpus: the easy levels with other numbers, drawn from the seed tree.

They are few enough for a small model to learn where things stand: what it cannot know is the laws.
"""

from typing import Any

import numpy as np

from diagnose.env.experiments import true_laws
from diagnose.errors import InputError
from diagnose.seeds import stream
from diagnose.tasks import Task
from diagnose.tasks.base import area_side
from diagnose.tasks.needs import passes
from diagnose.training.scratch.worlds import LAWS

FAMILIES = ("A", "B", "C", "D")
MIX = ("A", "B", "C", "C", "D")  # of a corpus: what takes three laws is the hardest to learn


def variant(family: str, *path: str | int) -> Task:
    """Return the task of a family at ``path`` of the seed tree: one that its builders support."""
    rng = stream(*path, "task", family)
    while True:
        task = _drawn(family, rng)
        if _supported(task):
            return task


def _drawn(family: str, rng: np.random.Generator) -> Task:
    lamps = 4
    params: dict[str, Any]
    if family == "A":
        lamps, params = int(rng.choice([2, 4, 6, 8])), {"skew_rt": int(rng.integers(1, 4))}
    elif family == "B":
        lamps, params = int(rng.choice([4, 8])), {"reach": int(rng.choice([6, 8, 10, 12]))}
    elif family == "C":
        lamps, first = int(rng.integers(3, 5)), int(rng.integers(1, 3))
        params = {"delays_rt": [first, 3 - first, first][: lamps - 1]}
    else:
        start, step = (int(rng.integers(2, 5)) for _ in range(2))
        params = {"distances": [start + step * index for index in range(4)]}
    return Task(family, 0, lamps, area_side(lamps), params)


def _supported(task: Task) -> bool:
    try:
        return passes(task, {law: true_laws()[law] for law in LAWS})
    except (InputError, ValueError):  # no device is known, or two parts of it would need one cell
        return False
