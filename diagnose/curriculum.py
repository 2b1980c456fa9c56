"""A curriculum: in a family, run and cell the levels come in order, and a book is carried along.

Only where an intervention keeps a book is there anything to carry; elsewhere episodes stay
independent. A plan names the task whose episode comes before its own; the runner waits for that
episode's record and hands over the book it ended with.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from diagnose.design import EpisodePlan
from diagnose.tasks import Task

BROKEN = "chain_broken"  # why an episode was not observed whose predecessor was not
Book = tuple[Mapping[str, str], ...]


def chained(
    plans: Iterable[EpisodePlan], tasks: Mapping[str, Task], cells: Collection[str]
) -> list[EpisodePlan]:
    """Return the plans, those of ``cells`` linked into chains; the order stays.

    Args:
        plans: the schedule.
        tasks: by the name that plans give them.
        cells: the cells in which a book is kept.
    """
    before: dict[str, str] = {}
    last: dict[str, str] = {}  # family -> its highest level so far
    for name, task in sorted(tasks.items(), key=lambda item: (item[1].family, item[1].level)):
        before[name] = last.get(task.family, "")
        last[task.family] = name
    return [
        replace(
            plan,
            chain=f"{tasks[plan.task].family}/run{plan.run}/{plan.cell}",
            after=before[plan.task],
        )
        if plan.cell in cells
        else plan
        for plan in plans
    ]


def book_of(record: Mapping[str, Any]) -> Book:
    """Return the book that a record, read as JSON, ended with."""
    return tuple(record.get("book", ()))


class Chains:
    """Which plan comes before and after which."""

    def __init__(self, plans: Sequence[EpisodePlan]) -> None:
        places = {(plan.task, plan.run, plan.cell): plan for plan in plans}
        self._before = {
            plan: places[plan.after, plan.run, plan.cell] for plan in plans if plan.after
        }
        self._next = {earlier: plan for plan, earlier in self._before.items()}

    def before(self, plan: EpisodePlan) -> EpisodePlan | None:
        """Return the plan whose record ``plan`` needs; None where it needs none."""
        return self._before.get(plan)

    def next(self, plan: EpisodePlan) -> EpisodePlan | None:
        """Return the plan that needs the record of ``plan``."""
        return self._next.get(plan)
