"""What a task is, and what a family of tasks offers."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from diagnose.env.blocks import Pos
from diagnose.env.circuit import Circuit
from diagnose.env.timing import Expected
from diagnose.env.trace import Interval, Time, Trace, Verdict, Window
from diagnose.env.verifier import common_reasons
from diagnose.errors import InputError
from diagnose.laws import Laws

PUBLISHED_LEVELS = (1, 2, 3, 4, 5)
LEVELS = (*PUBLISHED_LEVELS, 6, 7)  # 6 and 7 continue the pattern past the paper


@dataclass(frozen=True)
class Task:
    """One parameterised task: a family's rule with its parameters filled in."""

    family: str  # "A" .. "E"
    level: int  # 1 .. 5 published; 6, 7 continue the pattern; 0 for parameters of one's own
    lamps: int
    area_side: int  # columns; blocks lie in [0, side) x [1, 4] x [0, side)
    params: Mapping[str, Any]  # the family's own, for example {"tau_rt": 4}

    @property
    def id(self) -> str:
        """``C-L3``; a task of one's own parameters is ``C-N24``."""
        return f"{self.family}-L{self.level}" if self.level else f"{self.family}-N{self.lamps}"

    def to_json(self) -> dict[str, Any]:
        """Return what identifies the task."""
        return asdict(self)


class Family(Protocol):
    """One task family: one file in ``diagnose/tasks``."""

    letter: str
    title: str

    def __hash__(self) -> int:
        """Families are remembered by: what one says of a device never changes."""
        ...

    def params(self, lamps: int) -> dict[str, Any]:
        """Return the rule's parameters for a power-of-two number of lamps (docs/benchmark.md)."""
        ...

    def text(self, task: Task) -> str:
        """Return what the subject is told: the goal and its measures, no mechanics."""
        ...

    def last_fall_rt(self, task: Task) -> int:
        """Return when the last lamp is expected to go dark in a slow but correct device."""
        ...

    def expected(self, task: Task) -> Expected:
        """Return what the rule expects, as far as the failure labeller can use it."""
        ...

    def reasons(self, task: Task, circuit: Circuit, trace: Trace) -> list[str]:
        """Return why the family's rule is broken; called when the common checks hold."""
        ...

    def windows(self, task: Task, trace: Trace) -> dict[Pos, Window]:
        """Return when the rule expects each lamp to be lit, placed where most lamps meet it.

        The rule leaves open when the device answers the press, so that much is taken from what
        was seen. Only times count here, not places: every window is met by a device that passes.
        """
        ...

    def build(self, task: Task, laws: Laws) -> Circuit:
        """Return the device that an agent knowing exactly ``laws`` would build."""
        ...


def area_side(lamps: int) -> int:
    """Return the area's side: 33 up to 64 lamps, then 33 sqrt(N / 64) rounded up to odd."""
    side = math.ceil(33 * math.sqrt(max(lamps, 64) / 64))
    return side if side % 2 else side + 1


def make_task(family: Family, level: int) -> Task:
    """Return the family's task at ``level``.

    Raises:
        InputError: no such level.
    """
    if level not in LEVELS:
        raise InputError("level", level, f"choose one of {', '.join(map(str, LEVELS))}")
    lamps = 2 ** (level + 1)
    return Task(family.letter, level, lamps, area_side(lamps), family.params(lamps))


def judge(family: Family, task: Task, circuit: Circuit, trace: Trace) -> Verdict:
    """Judge a traced press: the checks common to all families first, then the family's rule."""
    reasons = common_reasons(task.lamps, circuit, trace)
    if not reasons:
        reasons = family.reasons(task, circuit, trace)
    return Verdict(passed=not reasons, reasons=tuple(reasons))


def lit_once(trace: Trace) -> dict[tuple[int, int, int], tuple[float, float]]:
    """Return each lamp's (rise, fall) in rt; the common checks have made sure there is one each."""
    times: dict[tuple[int, int, int], tuple[float, float]] = {}
    for pos, intervals in trace.lamps.items():
        (only,) = intervals
        times[pos] = closed(only)
    return times


def common_rise(trace: Trace, within_rt: Time = 0) -> Time:
    """Return the start of the ``within_rt`` long window in which most lamps first light.

    The earliest of several; 0 when no lamp lit.
    """
    rises = Counter(intervals[0].rise_rt for intervals in trace.lamps.values() if intervals)
    return max(
        sorted(rises),
        key=lambda start: sum(
            many for rise, many in rises.items() if start <= rise <= start + within_rt
        ),
        default=0,
    )


def closed(interval: Interval) -> tuple[float, float]:
    """Return (rise, fall) of a finished interval.

    Raises:
        ValueError: the interval never ended.
    """
    if interval.fall_rt is None:
        raise ValueError("an unfinished interval has no fall")
    return (interval.rise_rt, interval.fall_rt)


def manhattan(a: Sequence[int], b: Sequence[int]) -> int:
    """Return |dx| + |dz|; heights do not count (docs/benchmark.md)."""
    return abs(a[0] - b[0]) + abs(a[2] - b[2])


def cell(pos: Sequence[int]) -> str:
    """Return a position as text: (3, 1, 4)."""
    return f"({pos[0]}, {pos[1]}, {pos[2]})"
