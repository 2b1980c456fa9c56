"""Stopping early: looks at declared points of the schedule, each decision taken and recorded once.

A rule says after how many runs it looks and, from what was observed by then, which cells go no
further. What comes after a look waits until it is taken, so that a decision depends on the design
alone: not on the number of workers, nor on where a study was killed. Decisions are lines of
``looks.jsonl`` beside the records, never rewritten; a study that resumes takes them from there.
Episodes that were not run because of one are no missing data: nobody asked for them.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from diagnose.appender import Appender, disk_error
from diagnose.design import EpisodePlan
from diagnose.errors import StoreError
from diagnose.ledger import parse_json
from diagnose.records import canonical_json

FILE = "looks.jsonl"


@dataclass(frozen=True)
class Outcome:
    """What a rule sees of an episode."""

    task: str
    run: int
    cell: str
    success: bool | None  # None = not observed
    cost_usd: float = 0.0


@dataclass(frozen=True)
class Look:
    """One decision."""

    number: int  # from 1
    runs: int  # complete in every cell that was still running
    stopped: tuple[str, ...]  # cells of which nothing more is run
    said: str  # which stops and why, or that none does, in a line
    facts: Mapping[str, Any] = field(default_factory=dict)  # the numbers behind it, as JSON
    not_run: int = 0  # planned episodes that are not run because of it


class Decided(Protocol):
    """What a rule returns: a look that has no number of episodes yet."""

    @property
    def number(self) -> int:
        """Of the look, from 1."""
        ...

    @property
    def runs(self) -> int:
        """Complete in every cell that was still running."""
        ...

    @property
    def stopped(self) -> tuple[str, ...]:
        """Cells of which nothing more is run."""
        ...

    @property
    def said(self) -> str:
        """Which stops and why, or that none does, in a line."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """The numbers behind it, as JSON."""
        ...


class StoppingRule(Protocol):
    """When to look, and what to stop."""

    @property
    def looks(self) -> tuple[int, ...]:
        """The runs complete at each look, increasing; the last is the number of runs planned."""
        ...

    @property
    def declared(self) -> Mapping[str, Any]:
        """The rule as JSON: it is part of what the study is."""
        ...

    def look(self, number: int, outcomes: Sequence[Outcome], running: frozenset[str]) -> Decided:
        """Decide, as a function of the arguments alone.

        Args:
            number: of the look, from 1.
            outcomes: of the runs that are complete by now, in no order.
            running: the cells that no look has stopped.
        """
        ...


class Looks:
    """The looks of a study: those taken, and what they let run.

    Raises:
        StoreError: the file of decisions is damaged, or of another rule.
    """

    def __init__(self, rule: StoppingRule, folder: Path, cells: Iterable[str]) -> None:
        """Read what was decided in ``folder`` before."""
        self._rule, self._path, self._cells = rule, folder / FILE, frozenset(cells)
        self.taken = _read(self._path)
        planned = list(enumerate(rule.looks[: len(self.taken)], start=1))
        if [(look.number, look.runs) for look in self.taken] != planned:
            raise StoreError(f"{self._path}: its looks are not this study's; restore its own file")
        self._ends = {cell: look.runs for look in self.taken for cell in look.stopped}

    @property
    def running(self) -> frozenset[str]:
        """The cells that no look has stopped."""
        return self._cells - self._ends.keys()

    @property
    def gate(self) -> int | None:
        """The runs to be complete before the next look; None when no look is left."""
        left = self._rule.looks[len(self.taken) :]
        return left[0] if left and self.running else None

    def stops(self, plan: EpisodePlan) -> bool:
        """Whether a look has stopped the plan."""
        return plan.run >= self._ends.get(plan.cell, plan.run + 1)

    def waits(self, plan: EpisodePlan) -> bool:
        """Whether the plan is to wait for the next look."""
        return self.gate is not None and plan.run >= self.gate

    def take(self, outcomes: Iterable[Outcome], still: Iterable[EpisodePlan]) -> Look:
        """Take the next look and have its decision on the disk.

        Args:
            outcomes: of every recorded episode; the rule sees those of the runs before the look.
            still: the plans without a record.
        """
        gate = self.gate
        assert gate is not None  # asked for when one is due
        seen = [outcome for outcome in outcomes if outcome.run < gate]
        made = self._rule.look(len(self.taken) + 1, seen, self.running)
        self._ends |= dict.fromkeys(made.stopped, made.runs)
        lost = sum(map(self.stops, still))
        look = Look(made.number, made.runs, made.stopped, made.said, made.facts, lost)
        append_line(self._path, asdict(look))
        self.taken.append(look)
        return look


def append_line(path: Path, decision: Mapping[str, Any]) -> None:
    """Have a decision on the disk, as a line of canonical JSON.

    Raises:
        StoreError: the file cannot be written.
    """
    try:
        file = Appender(path)
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        file.append(canonical_json(decision).encode() + b"\n")
        file.sync()
    finally:
        os.close(file.fd)


def looks_in(folder: Path) -> list[Look]:
    """Return the decisions in a study's folder, which may be running; nothing is changed.

    Raises:
        StoreError: a line of them is broken.
    """
    path = folder / FILE
    raw = path.read_bytes() if path.is_file() else b""
    return _decisions(path, raw[: raw.rfind(b"\n") + 1])


def _read(path: Path) -> list[Look]:
    return _decisions(path, mended(path))


def mended(path: Path) -> bytes:
    """Return a file's whole lines; a torn last one is cut off, for it is taken again the same."""
    if not path.is_file():
        return b""
    raw = path.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        os.truncate(path, len(whole))
    return whole


def _decisions(path: Path, whole: bytes) -> list[Look]:
    return [look_of(line, f"{path}: line {n}") for n, line in enumerate(whole.splitlines(), 1)]


def look_of(line: bytes, where: str) -> Look:
    """Return the decision on a line.

    Raises:
        StoreError: it is none.
    """
    try:
        data = parse_json(line)
        look = Look(**{**data, "stopped": tuple(data["stopped"])})
        whole = all(type(n) is int and n >= 0 for n in (look.number, look.runs, look.not_run))
        texts = all(isinstance(text, str) for text in (look.said, *look.stopped))
        if not (whole and texts and isinstance(look.facts, Mapping)):
            raise ValueError("a field is of another type")
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{where} is broken ({error}); restore the line from a copy") from error
    return look
