"""The reference subject's true success probability in every cell: enumeration over the laws.

A task needs n laws; which of them end up applied is one of 2^n outcomes with a known probability,
and the simulator says for each outcome whether the device passes. Nothing is sampled.
"""

import itertools
from collections.abc import Iterable, Mapping

from diagnose.env.experiments import true_laws
from diagnose.models.reference.profile import CAPACITIES, Profile
from diagnose.tasks import Task
from diagnose.tasks.needs import needed_laws, passes


def success_probability(profile: Profile, task: Task, supplied: Iterable[str]) -> float:
    """Return the probability of success on ``task``.

    Args:
        profile: of the subject.
        task: the task.
        supplied: capacities that an intervention takes off the subject in this cell.
    """
    helped = set(supplied)
    laws = needed_laws(task)
    chance = dict.fromkeys(laws, 1.0)
    for law, capacity in itertools.product(laws, CAPACITIES):
        if capacity not in helped:
            chance[law] *= profile.probability(capacity, law)
    total = 0.0
    values = true_laws()
    for outcome in itertools.product((True, False), repeat=len(laws)):
        applied = {law: values[law] for law, holds in zip(laws, outcome, strict=True) if holds}
        probability = 1.0
        for law, holds in zip(laws, outcome, strict=True):
            probability *= chance[law] if holds else 1 - chance[law]
        if probability and passes(task, applied):
            total += probability
    return total * (1 - profile.slip)


def true_table(
    profile: Profile, tasks: Iterable[Task], cells: Mapping[str, Iterable[str]]
) -> dict[str, dict[str, float]]:
    """Return task id -> cell code -> success probability.

    Args:
        profile: of the subject.
        tasks: the study's tasks.
        cells: cell code -> the capacities supplied in it.
    """
    helped = {code: frozenset(capacities) for code, capacities in cells.items()}
    return {
        task.id: {
            code: success_probability(profile, task, supplied) for code, supplied in helped.items()
        }
        for task in tasks
    }
