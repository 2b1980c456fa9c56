"""What an intervention is, and the points where it may touch an episode.

An intervention belongs to one capacity and changes an episode only by *text the subject reads* and
by *functions the subject may call*. It never touches the subject, the judge or the budgets, so an
effect can only come through what was said; and it may not depend on the other interventions.
Interventions are found through the Hydra config group ``conf/interventions/<name>/`` by
``_target_``; nothing here or above imports them by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from diagnose.tasks import Task

Capacity = str  # "identification" | "discovery" | "consolidation" | "application", or a new one
HostFunction = Callable[..., Any]


@dataclass(frozen=True)
class Setting:
    """What an intervention may know of the episode it is laid over."""

    task: Task
    seed_path: tuple[str | int, ...]  # study seed, task, run: the same in every cell


@dataclass(frozen=True)
class HostCall:
    """One call of a host function as the host saw it (never as the subject tells it)."""

    turn: int
    name: str
    args: tuple[Any, ...]
    ok: bool


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

    def used(self, calls: Sequence[HostCall], replies: Sequence[str]) -> bool:
        """Return whether the subject made use of it, from what the host saw and the replies."""
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
