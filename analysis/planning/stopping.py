"""Group-sequential stopping: the rule that ``diagnose run`` is given (``diagnose.stopping``).

At each look the declared contrasts are estimated from the complete runs, as the analysis of a
finished study would, and their t is held to the level of the boundary's critical z. Looks are
counted in runs. For new tasks the information of a look is ahead of its share of the runs (the
tasks are there from the first), which makes looks more alike than the boundary takes them to be:
the type I error is then below alpha.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from analysis.layout import Floats
from analysis.planning.boundaries import RULES, Boundary, boundary, z_of_t
from analysis.planning.designs import Cells, Estimand, difference
from analysis.sample import Sample
from analysis.uncertainty import Target, Uncertainty, checked_target
from diagnose.errors import InputError

_ROW = ("", "success")  # model and outcome of every row of a rule's sample


class Outcome(Protocol):
    """What the engine tells of an episode."""

    @property
    def task(self) -> str:
        """The task."""
        ...

    @property
    def run(self) -> int:
        """Its run."""
        ...

    @property
    def cell(self) -> str:
        """The cell."""
        ...

    @property
    def success(self) -> bool | None:
        """Whether it passed; None = not observed."""
        ...


@dataclass(frozen=True)
class Decision:
    """What a look decided (``diagnose.stopping.Decided``)."""

    number: int
    runs: int
    stopped: tuple[str, ...]
    said: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Tested:
    """A contrast at a look."""

    estimate: float
    se: float
    df: float

    @property
    def z(self) -> float:
        """The statistic on the scale of z; 0 where no spread was seen, which decides nothing."""
        return z_of_t(self.estimate / self.se, self.df) if self.se > 0 else 0.0


@dataclass(frozen=True)
class GroupSequential:
    """A boundary, what is held to it, and what stops when it is reached."""

    boundary: Boundary
    looks: tuple[int, ...]  # runs complete at each
    scope: str  # study or cell
    estimands: Mapping[str, Estimand]  # by what stops: a cell, or "" for the study
    target: Target
    cells: tuple[str, ...]
    alpha: float  # of the whole

    @property
    def declared(self) -> dict[str, Any]:
        """The rule as JSON."""
        return {
            "rule": self.boundary.rule,
            "scope": self.scope,
            "estimands": {one: made.name for one, made in self.estimands.items()},
            "alpha": self.alpha,
            "target": self.target,
            "looks": list(self.looks),
            "critical": [round(value, 6) for value in self.boundary.critical],
        }

    def look(self, number: int, outcomes: Sequence[Outcome], running: frozenset[str]) -> Decision:
        """Decide."""
        sample = sample_of(outcomes)
        critical = self.boundary.critical[number - 1]
        facts, crossed = {}, []
        for one, estimand in self.estimands.items():
            if one and one not in running:
                continue
            found = tested(sample, _ROW, estimand.weights, self.target)
            facts[estimand.name] = {
                "estimate": None if np.isnan(found.estimate) else found.estimate,
                "se": found.se,
                "df": found.df,
                "z": found.z,
                "critical": critical,
            }
            if abs(found.z) >= critical:
                crossed.append(one)
        compared = [one for one in self.estimands if one in running and one not in crossed]
        if "" in crossed or (self.scope == "cell" and not compared):
            stopped = tuple(sorted(running))
        else:
            stopped = tuple(sorted(crossed))
        runs = self.looks[number - 1]
        said = self._said(number, facts, crossed, everything=len(stopped) == len(running))
        return Decision(number, runs, stopped, said, facts)

    def _said(
        self, number: int, facts: Mapping[str, Any], crossed: Sequence[str], *, everything: bool
    ) -> str:
        runs, last = self.looks[number - 1], number == len(self.looks)
        head = f"look {number} of {len(self.looks)}, {runs} runs ({self.boundary.rule}): "
        critical = self.boundary.critical[number - 1]
        if self.scope == "study":
            told = f"{(name := next(iter(facts)))} {_told(facts[name])}"
        else:
            told = " ".join(crossed) or f"none of {len(facts)} cells"
        if not crossed:
            verb = "does not reach" if self.scope == "study" else "reaches"
            return f"{head}{told} {verb} {critical:.2f}" + ("" if last else "; going on")
        reached = f"{head}{told} {'reaches' if len(crossed) == 1 else 'reach'} {critical:.2f}"
        if last:
            return reached
        if everything:
            return f"{reached}; the study stops"
        return f"{reached}; no more of {'it' if len(crossed) == 1 else 'them'}"


def _told(fact: Mapping[str, Any]) -> str:
    if fact["estimate"] is None:
        return "not estimable"
    return f"{100 * fact['estimate']:+.1f} pp, z {fact['z']:.2f}"


def group_sequential(
    design: Cells,
    runs: int,
    *,
    rule: str,
    scope: str,
    estimand: object,
    every: int,
    alpha: object,
    target: str,
) -> GroupSequential:
    """Return the rule of a study.

    Args:
        design: its cells.
        runs: planned, of every task in every cell.
        rule: of ``analysis.planning.boundaries``.
        scope: ``study`` or ``cell``.
        estimand: what decides about the study; None of scope ``cell``, in which every cell is
            compared with the one that has everything off, each at alpha over their number.
        every: runs between looks; the last look is after all of them.
        alpha: type I error over all looks and comparisons.
        target: ``new`` or ``fixed``.

    Raises:
        InputError: a value that cannot be, or an estimand that the cells do not allow.
    """
    if rule not in RULES:
        raise InputError("study.stop.rule", rule, f"choose one of {', '.join(RULES)}")
    if not isinstance(alpha, int | float) or isinstance(alpha, bool) or not 0 < alpha < 1:
        raise InputError("study.stop.alpha", alpha, "give a probability between 0 and 1")
    if every >= runs:
        remedy = f"{runs} runs then have one look, at the end: give fewer than {runs}"
        raise InputError("study.stop.every", every, remedy)
    if target == "fixed" and every < 2:
        remedy = "on fixed tasks one run has no spread: give 2 or more"
        raise InputError("study.stop.every", every, remedy)
    looks = (*range(every, runs, every), runs)
    if scope == "study":
        if not isinstance(estimand, str):
            known = ", ".join(one.name for one in design.leading)
            raise InputError("study.stop.estimand", estimand, f"declare one, such as {known}")
        held = {"": design.estimand(estimand)}
    else:
        if estimand is not None:
            remedy = "of scope cell every cell is compared with the one that has everything off"
            raise InputError("study.stop.estimand", estimand, remedy)
        off = "".join(min(digits) for digits in zip(*design.codes, strict=True))
        if off not in design.codes or len(design.codes) < 2:
            remedy = f"scope cell compares cells with {off}, which this design lacks: take study"
            raise InputError("study.stop.scope", scope, remedy)
        held = {code: difference(code, off) for code in design.codes if code != off}
    made = boundary(rule, tuple(look / runs for look in looks), alpha / len(held))
    return GroupSequential(
        made, looks, scope, held, checked_target(target), design.codes, float(alpha)
    )


def sample_of(outcomes: Sequence[Outcome]) -> Sample:
    """Return outcomes as arrays, in an order that does not depend on theirs."""
    cells = sorted({one.cell for one in outcomes})
    tasks = sorted({one.task for one in outcomes})
    runs = sorted({one.run for one in outcomes})
    places = [{name: i for i, name in enumerate(names)} for names in (cells, tasks)]
    slots = {run: i for i, run in enumerate(runs)}
    y = np.full((len(cells), len(tasks), len(runs)), np.nan)
    planned = np.zeros(y.shape[:2])
    for one in outcomes:
        at = places[0][one.cell], places[1][one.task]
        planned[at] += 1
        if one.success is not None:
            y[(*at, slots[one.run])] = one.success
    return Sample(tuple((*_ROW, cell) for cell in cells), y, planned, (0,) * len(tasks))


def tested(
    sample: Sample, row: tuple[str, str], weights: Mapping[str, float], target: Target
) -> Tested:
    """Return a contrast and its spread on the tasks with data in all its cells.

    Args:
        sample: the outcomes.
        row: model and outcome of the sample's rows.
        weights: by cell.
        target: what the spread is about.
    """
    own: Floats = np.zeros(len(sample.rows))
    for code, weight in weights.items():
        at = sample.index.get((*row, code))
        if at is None:
            return Tested(np.nan, 0.0, 0.0)
        own[at] = weight
    usable = (sample.n[own != 0] > 0).all(axis=0)
    if not usable.any():
        return Tested(np.nan, 0.0, 0.0)
    part = sample.only(usable)
    (spread,) = Uncertainty(target).spreads(part, own[None, :])
    estimate = float(own @ part.p.mean(axis=1))
    se = spread.se if np.isfinite(spread.se) else 0.0
    return Tested(estimate, float(se), float(spread.df))
