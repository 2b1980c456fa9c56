"""The reference subject's true success probability in every cell: enumeration over the laws.

A task needs n laws; which of them end up applied is one of 2^n outcomes with a known probability,
and the simulator says for each outcome whether the device passes. Nothing is sampled. The same
verdicts, with draws in place of probabilities, make episodes by the thousand: ``VerdictTable``.
"""

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from diagnose.env.experiments import true_laws
from diagnose.errors import ConfigError
from diagnose.laws import CATALOGUE
from diagnose.models.reference.profile import CAPACITIES, Profile
from diagnose.records import canonical_json
from diagnose.seeds import uniform
from diagnose.tasks import Task
from diagnose.tasks.needs import needed_laws, passes

METHOD = "method"  # supplied where a scientist, the subject itself, works by its template
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Verdicts:
    """What the simulator says of every device that a task's laws, known or not, lead to."""

    laws: tuple[str, ...]  # the n laws the task needs
    passed: tuple[bool, ...]  # shape: 2^n; bit i of the index = laws[i] is applied


def verdicts_of(task: Task) -> Verdicts:
    """Return the verdicts on ``task``'s 2^n devices; remembered.

    Raises:
        InputError: no device is known for the task's parameters.
    """
    return _verdicts(canonical_json(task.to_json()))


@lru_cache(maxsize=1024)
def _verdicts(task_json: str) -> Verdicts:
    task = Task(**json.loads(task_json))
    laws, values = needed_laws(task), true_laws()
    passed = [
        passes(task, {law: values[law] for bit, law in enumerate(laws) if index >> bit & 1})
        for index in range(2 ** len(laws))
    ]
    return Verdicts(laws, tuple(passed))


def success_probability(
    profile: Profile, task: Task, supplied: Iterable[str], *, remembers: bool = True
) -> float:
    """Return the probability of success on ``task``.

    Args:
        profile: of the subject.
        task: the task.
        supplied: capacities that an intervention takes off the subject in this cell; ``METHOD``
            where it is led through its own experiments.
        remembers: whether things bear the names by which the subject may remember laws.
    """
    return chance_of(verdicts_of(task), profile, supplied, remembers=remembers)


def chance_of(
    verdicts: Verdicts,
    profile: Profile,
    supplied: Iterable[str],
    *,
    remembers: bool = True,
    booked: Mapping[str, float] = MappingProxyType({}),
) -> float:
    """Return the probability of success given the verdicts; see ``success_probability``.

    ``booked`` has the probability that a law stands in the book the episode begins with.
    """
    recall = profile.recall if remembers else 0.0
    weights = np.ones(1)
    for law in verdicts.laws:  # each law doubles the outcomes: those without it, those with it
        chance = _applied(profile, law, set(supplied), recall, booked.get(law, 0.0))
        weights = np.concatenate([weights * (1 - chance), weights * chance])
    return float(weights @ np.array(verdicts.passed)) * (1 - profile.slip)


def rescue_probability(
    verdicts: Verdicts, profile: Profile, supplied: Iterable[str], *, remembers: bool = True
) -> float:
    """Return the probability that a failed episode succeeds once capacities are supplied.

    Its draws stay what they were, so a law is applied as before or, which is new, because of what
    is supplied: three outcomes per law. NaN where the subject cannot fail.

    Args:
        verdicts: on the task's devices.
        profile: of the subject.
        supplied: capacities that an intervention takes off the subject from the fork on.
        remembers: see ``success_probability``.
    """
    recall, helped = profile.recall if remembers else 0.0, set(supplied)
    joint = {(0, 0): 1.0}  # (laws applied without it, laws applied with it) -> probability
    for bit, law in enumerate(verdicts.laws):
        before = _applied(profile, law, set(), recall)
        after = _applied(profile, law, helped, recall)
        grown: dict[tuple[int, int], float] = {}
        for (own, other), weight in joint.items():
            for gain, chance in (((0, 0), 1 - after), ((0, 1), after - before), ((1, 1), before)):
                key = (own | gain[0] << bit, other | gain[1] << bit)
                grown[key] = grown.get(key, 0.0) + weight * chance
        joint = {key: weight for key, weight in grown.items() if weight}
    steady, passed = 1 - profile.slip, verdicts.passed
    rescued = sum(w for (own, other), w in joint.items() if passed[other] and not passed[own])
    failed = 1 - steady * sum(w for (own, _), w in joint.items() if passed[own])
    return steady * rescued / failed if failed > 0 else math.nan


def _applied(
    profile: Profile, law: str, helped: Collection[str], recall: float, booked: float = 0.0
) -> float:
    """Return the probability that a law is in the device."""
    *steps, application = (_chance(profile, c, law, helped) for c in CAPACITIES)
    known = 1 - (1 - float(np.prod(steps))) * (1 - recall) * (1 - booked)
    return known * application


def _chance(profile: Profile, capacity: str, law: str, helped: Collection[str]) -> float:
    if capacity in helped:
        return 1.0
    if capacity == "discovery" and METHOD in helped:
        return profile.methodical(law)
    return profile.probability(capacity, law)


def true_table(
    profile: Profile,
    tasks: Iterable[Task],
    cells: Mapping[str, Iterable[str]],
    renamed: Collection[str] = (),
    carrying: Collection[str] = (),
) -> dict[str, dict[str, float]]:
    """Return task id -> cell code -> success probability.

    Args:
        profile: of the subject.
        tasks: the study's tasks.
        cells: cell code -> the capacities supplied in it.
        renamed: the cells in which things bear other names.
        carrying: the cells in which a book is carried from level to level of a family.
    """
    helped = {code: frozenset(capacities) for code, capacities in cells.items()}
    chosen = list(tasks)
    table: dict[str, dict[str, float]] = {task.id: {} for task in chosen}
    for code, supplied in helped.items():
        books: dict[str, dict[str, float]] = {}  # family -> law -> probability that it is booked
        for task in sorted(chosen, key=lambda task: task.level):
            verdicts = verdicts_of(task)
            book = books.setdefault(task.family, {}) if code in carrying else {}
            table[task.id][code] = chance_of(
                verdicts, profile, supplied, remembers=code not in renamed, booked=book
            )
            for law in verdicts.laws:
                # What it finds it enters, whatever becomes of the device.
                found = _chance(profile, "identification", law, supplied) * _chance(
                    profile, "discovery", law, supplied
                )
                book[law] = 1 - (1 - book.get(law, 0.0)) * (1 - found)
    return table


@dataclass(frozen=True, eq=False)
class VerdictTable:
    """The verdicts on many tasks as arrays, so that episodes cost microseconds."""

    bits: NDArray[np.int64]  # shape: (tasks, laws of the catalogue); 0 = not needed
    passed: Bools  # shape: (tasks, 2^most laws)

    @classmethod
    def of(cls, verdicts: Sequence[Verdicts]) -> "VerdictTable":
        """Return the table of the tasks' verdicts, in their order."""
        names = list(CATALOGUE)
        bits = np.zeros((len(verdicts), len(names)), dtype=np.int64)
        passed = np.zeros((len(verdicts), max(len(one.passed) for one in verdicts)), dtype=bool)
        for row, one in enumerate(verdicts):
            passed[row, : len(one.passed)] = one.passed
            for bit, law in enumerate(one.laws):
                bits[row, names.index(law)] = 1 << bit
        return cls(bits, passed)

    def outcomes(
        self,
        profile: Profile,
        supplied: Sequence[Collection[str]],
        tasks: NDArray[np.int64],
        draws: Floats,
        slips: Floats,
    ) -> Bools:
        """Return which episodes succeed: the policy's arithmetic on given uniform draws.

        Cells share the draws, as episodes share their branch of the seed tree.

        Args:
            profile: of the subject.
            supplied: per cell, the capacities that its interventions supply.
            tasks: rows of the table, one per task of the study.
            draws: uniform; shape (tasks, runs, laws of the catalogue, capacities).
            slips: uniform; shape (tasks, runs).

        Returns:
            Shape: (cells, tasks, runs).

        Raises:
            ConfigError: the profile remembers laws, for which there are no draws.
        """
        if profile.recall:
            raise ConfigError("subject.profile.recall", profile.recall, "the table is made for 0")
        chances = [[profile.probability(c, law) for c in CAPACITIES] for law in CATALOGUE]
        steps = draws < np.array(chances)
        # Per capacity, the laws whose step succeeds, as the bits of an index into ``passed``.
        held = np.einsum("trlc,tl->ctr", steps.astype(np.int64), self.bits[tasks])
        steady = slips >= profile.slip
        found = np.empty((len(supplied), *slips.shape), dtype=bool)
        for cell, capacities in enumerate(supplied):
            applied = np.broadcast_to(self.bits[tasks].sum(axis=1)[:, None], slips.shape)
            for row, capacity in zip(held, CAPACITIES, strict=True):
                if capacity not in capacities:
                    applied = applied & row
            found[cell] = self.passed[tasks[:, None], applied] & steady
        return found


def draws_of(seed_path: Sequence[str | int]) -> tuple[Floats, float]:
    """Return the draws that the policy makes in an episode at ``seed_path``, and its slip's.

    Shape: (laws of the catalogue, capacities).
    """
    draws = [[uniform(*seed_path, "subject", c, law) for c in CAPACITIES] for law in CATALOGUE]
    return np.array(draws), uniform(*seed_path, "subject", "slip")
