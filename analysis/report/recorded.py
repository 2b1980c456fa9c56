"""What a report says besides the estimates, as plain data: the command line gathers it.

The analysis knows neither the simulator nor how a study is run; a table has none of this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CellUse:
    """What the episodes of one cell used, and how they ended."""

    cell: str
    episodes: int = 0
    calls: int = 0  # of the model, its helpers' included
    turns: int = 0
    trials: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    seconds: float = 0.0  # of the episodes that a host timed
    timed: int = 0  # how many those are
    ends: Mapping[str, int] = field(default_factory=dict)  # why an episode ended -> episodes


@dataclass(frozen=True)
class Example:
    """One failed device, drawn."""

    cause: str
    sentence: str  # what the cause is
    law: str  # that it violates; "" where it violates none
    capacity: str  # that it is taken to speak of, by convention
    model: str
    task: str
    run: int
    cell: str
    blocks: int
    moment: str  # of the picture: drawn at t = 4 rt
    command: str  # that writes the episode's page
    png: bytes = b""  # the device; empty where pictures were not asked for


@dataclass(frozen=True)
class Recorded:
    """What a study's records say of how it was run."""

    name: str  # of the study's folder
    settings: tuple[tuple[str, str], ...]  # subject, scaffold, budgets: name and words
    uses: tuple[CellUse, ...]  # in the order of the cells
    retried: int = 0  # episodes that were not observed at first and run again
    causes: Mapping[str, str] = field(default_factory=dict)  # failure cause -> what it is
    examples: tuple[Example, ...] = ()  # of the most frequent causes, in their order
    versions: tuple[tuple[str, str], ...] = ()  # of what ran the episodes
    hashes: tuple[tuple[str, str], ...] = ()
    commands: tuple[str, ...] = ()  # that made the study


@dataclass(frozen=True)
class Made:
    """What made the report."""

    command: str
    versions: tuple[tuple[str, str], ...]
