"""What an intervention is, and the points where it may touch an episode.

An intervention belongs to one capacity and changes an episode only by *text the subject reads* and
by *functions the subject may call*. It never touches the subject, the judge or the budgets, so an
effect can only come through what was said; and it may not depend on the other interventions.
Interventions are found through the Hydra config group ``conf/interventions/<name>/`` by
``_target_``; nothing here or above imports them by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from diagnose.env.circuit import Circuit
from diagnose.env.variant import VANILLA, Variant
from diagnose.errors import ConfigError
from diagnose.tasks import Task

SHAM = 9  # the dose that stands for a placebo: same form and length, true and irrelevant
Capacity = str  # "identification" | "discovery" | "consolidation" | "application", or a new one
HostFunction = Callable[..., Any]
Consult = Callable[[str, int, int], str]  # question, presses, messages -> the report as it is told


@dataclass(frozen=True)
class Setting:
    """What an intervention may know of the episode it is laid over."""

    task: Task
    seed_path: tuple[str | int, ...]  # study seed, task, run: the same in every cell
    variant: Variant = VANILLA  # its ``hear`` understands a subject; what you say is told for you
    consult: Consult | None = None  # asks a sub-agent; None where no model is at hand
    carried: tuple[Mapping[str, str], ...] = ()  # the book of the episode before, in a curriculum


@dataclass(frozen=True)
class HostCall:
    """One call of a host function as the host saw it (never as the subject tells it)."""

    turn: int
    name: str
    args: tuple[Any, ...]
    ok: bool


@dataclass(frozen=True)
class Evidence:
    """What an episode leaves behind, from which an intervention's use is judged."""

    calls: Sequence[HostCall]
    replies: Sequence[str]
    circuit: Circuit | None = None  # the device that was judged; None when there was none


def consults(intervention: "Intervention", dose: int) -> bool:
    """Whether an intervention at ``dose`` has questions answered by a sub-agent of the subject."""
    return dose not in (0, SHAM) and bool(getattr(intervention, "consults", False))


def carries(intervention: "Intervention") -> bool:
    """Whether an intervention keeps a book that a curriculum carries on to the next level."""
    return bool(getattr(intervention, "carries", False))


def checked_dose(name: str, dose: int, doses: Sequence[int]) -> None:
    """Refuse a dose that an intervention does not have.

    Raises:
        ConfigError: ``dose`` is not among ``doses``.
    """
    if dose not in doses:
        field = f"interventions.{name}.levels"
        raise ConfigError(field, dose, f"doses of {name} are {', '.join(map(str, doses))}")


class Session(Protocol):
    """One intervention in one episode; made anew for each episode."""

    def opening(self) -> str:
        """Return text for the first user message, after the task text; empty for none."""
        ...

    def functions(self) -> Mapping[str, tuple[HostFunction, str]]:
        """Return host functions granted to the subject: name -> (function, one-line help)."""
        ...

    def observation(self, turn: int) -> str:
        """Return text to append to the observation after ``turn`` (0-based); empty for none."""
        ...

    def used(self, evidence: Evidence) -> bool:
        """Return whether the subject made use of it: compliance."""
        ...


@runtime_checkable
class BookKeeping(Protocol):
    """A session that keeps a book: a record holds it, and a curriculum carries it on."""

    def book(self) -> tuple[Mapping[str, str], ...]:
        """Return the entries, each section by its name."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A session whose words depend on what went before: a snapshot of the episode holds it."""

    def state(self) -> Mapping[str, Any]:
        """Return what it remembers, as JSON knows values."""
        ...

    def resume(self, state: Mapping[str, Any]) -> None:
        """Remember what ``state`` returned, and nothing else."""
        ...


class Intervention(Protocol):
    """A factor of the design. ``dose`` 0 is off; the design sets the dose per cell."""

    @property
    def capacity(self) -> Capacity:
        """The capacity whose bottleneck this removes."""
        ...

    def open(self, setting: Setting, dose: int) -> Session:
        """Begin an episode with this intervention at ``dose`` >= 1."""
        ...
