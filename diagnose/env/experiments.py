"""Controlled experiments: one independent variable, a control, and what a press then shows.

An experiment is a set of small rigs that differ in one thing. Nothing about its outcome is stored:
``run`` presses every rig in the simulator. ``Readings.infer`` states the law that the outcomes
reveal; it needs every arm it compares, so a lone arm reveals nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from diagnose.env.circuit import Circuit
from diagnose.env.engine import press
from diagnose.env.trace import Interval, Trace

AREA_SIDE = 33
PLACES = ((0, 0), (4, 9), (11, 20))  # where in the area the replicates of a rig stand
Cell = tuple[int, int, int]
Outcome = tuple[tuple[float, float | None], ...]  # the lamp's lit intervals (rise, fall) in rt

DUST, LAMP, STONE = "redstone_wire", "redstone_lamp", "stone"
BUTTON: tuple[Cell, str] = ((0, 1, 0), "stone_button[face=floor,facing=north]")


@dataclass(frozen=True)
class Arm:
    """One rig: its value of the independent variable in words, and its blocks with one lamp.

    Its replicates are the same blocks built in different places of the area.
    """

    label: str
    replicates: tuple[Circuit, ...]

    @property
    def circuit(self) -> Circuit:
        """The first replicate."""
        return self.replicates[0]


@dataclass(frozen=True)
class Experiment:
    """A controlled experiment on one law; the first arm is the control.

    Where its independent variable is an amount, ``arm_at`` makes the arm of any amount in
    ``amounts``, so that the amount a question names can be tried too.
    """

    law: str
    title: str
    varied: str  # the independent variable
    arms: tuple[Arm, ...]
    infer: Callable[[Mapping[str, Outcome]], int | None]
    arm_at: Callable[[int], Arm] | None = None
    amounts: range = range(0)

    def with_amounts(self, amounts: Iterable[int]) -> "Experiment":
        """Return the experiment with an arm more for each new amount that it can try.

        Amounts outside ``amounts`` are left out: no rig can be built for them.
        """
        if self.arm_at is None:
            return self
        tried = {arm.label for arm in self.arms}
        wanted = [self.arm_at(n) for n in sorted(set(amounts)) if n in self.amounts]
        new = tuple(arm for arm in wanted if arm.label not in tried)
        return replace(self, arms=self.arms + new) if new else self


def rig(label: str, blocks: Sequence[tuple[Cell, str]], button: tuple[Cell, str] = BUTTON) -> Arm:
    """Return an arm; its blocks may lie anywhere around the origin."""

    def at(dx: int, dz: int) -> Circuit:
        entries = [[x + dx, y, z + dz, block] for (x, y, z), block in (button, *blocks)]
        (x, y, z), _ = button
        data = {"blocks": entries, "press": [x + dx, y, z + dz]}
        return Circuit.from_json(data, AREA_SIDE)

    return Arm(label, tuple(at(*place) for place in PLACES))


def wire(*cells: tuple[int, int], y: int = 1) -> list[tuple[Cell, str]]:
    """Return dust on (x, z) cells."""
    return [((x, y, z), DUST) for x, z in cells]


def line(length: int, start: int = 1) -> list[tuple[Cell, str]]:
    """Return ``length`` dusts in line along x."""
    return wire(*((x, 0) for x in range(start, start + length)))


def outcome(trace: Trace) -> Outcome:
    """Return the lit intervals of a rig's only lamp."""
    (intervals,) = trace.lamps.values()
    return tuple((lit.rise_rt, lit.fall_rt) for lit in intervals)


def describe(lit: Sequence[tuple[float, float | None]] | Sequence[Interval]) -> str:
    """Say in words when a lamp was lit, for example ``lit from 0 to 12 rt``."""
    if not lit:
        return "stays dark"
    parts = []
    for entry in lit:
        rise, fall = (entry.rise_rt, entry.fall_rt) if isinstance(entry, Interval) else entry
        parts.append(f"from {rise:g} rt on" if fall is None else f"from {rise:g} to {fall:g} rt")
    return "lit " + " and ".join(parts)


def run(experiment: Experiment) -> dict[str, Outcome]:
    """Press every replicate of every rig in the simulator; return label -> outcome.

    Raises:
        RuntimeError: replicates differ, so that the place would matter.
    """
    results: dict[str, Outcome] = {}
    for arm in experiment.arms:
        seen = {outcome(press(circuit, AREA_SIDE)) for circuit in arm.replicates}
        if len(seen) != 1:
            raise RuntimeError(f"replicates of {experiment.law}/{arm.label} differ: {seen}")
        results[arm.label] = seen.pop()
    return results


def catalogue() -> Mapping[str, Experiment]:
    """Return the experiments on the laws that a task may need, by law; made once."""
    return _catalogues()[0]


def further() -> Mapping[str, Experiment]:
    """Return the experiments on laws that no task needs but subjects ask about; made once."""
    return _catalogues()[1]


@lru_cache(maxsize=1)
def _catalogues() -> tuple[Mapping[str, Experiment], Mapping[str, Experiment]]:
    from diagnose.env import rigs, rigs_parts, rigs_wire  # they import this module

    return (
        {experiment.law: experiment for experiment in rigs.EXPERIMENTS},
        {one.law: one for one in (*rigs_wire.EXPERIMENTS, *rigs_parts.EXPERIMENTS)},
    )


@lru_cache(maxsize=1)
def true_laws() -> Mapping[str, int]:
    """Return the value of every law that a task may need, measured now in the simulator.

    Raises:
        RuntimeError: an experiment does not reveal its law.
    """
    return {law: measured(experiment) for law, experiment in catalogue().items()}


def measured(experiment: Experiment) -> int:
    """Return the value that an experiment reveals now in the simulator.

    Raises:
        RuntimeError: it reveals none.
    """
    value = experiment.infer(run(experiment))
    if value is None:
        raise RuntimeError(f"the experiment on {experiment.law} reveals nothing")
    return value
