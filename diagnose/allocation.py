"""Runs in batches: each batch's runs are shared out by what the batches before it showed.

A rule says which run numbers are whose batch, and at each batch's beginning how many runs of a task
a cell has in it. What comes after a decision waits until it is taken, so that it depends on the
records of the earlier batches and the seed tree alone: not on the number of workers, nor on where
a study was killed. Decisions are lines of ``batches.jsonl`` beside the records, never rewritten; a
study that resumes takes them from there, after it has made each anew from the records and found
the same. A run number belongs to one batch, so that a batch's draws are new. Run numbers that no
one asked for are no missing data.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from diagnose.design import EpisodePlan
from diagnose.errors import StoreError
from diagnose.ledger import parse_json
from diagnose.records import canonical_json
from diagnose.seeds import stream
from diagnose.stopping import Outcome, append_line, mended

FILE = "batches.jsonl"
Counts = Mapping[str, Mapping[str, int]]  # cell -> task -> runs


class Span(Protocol):
    """A batch as it was declared: run numbers ``first`` to ``end``, which is left out."""

    @property
    def first(self) -> int:
        """Its first run number."""
        ...

    @property
    def end(self) -> int:
        """The first run number that is not its."""
        ...

    @property
    def runs(self) -> int:
        """Mean runs of every task in every cell."""
        ...


class Shared(Protocol):
    """What a rule returns."""

    @property
    def counts(self) -> Counts:
        """Runs by cell and task."""
        ...

    @property
    def said(self) -> str:
        """Who runs how much, in a line."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """The numbers behind it, as JSON."""
        ...


class AllocationRule(Protocol):
    """When to decide, and who runs how much."""

    @property
    def batches(self) -> Sequence[Span]:
        """In their order; the first, the pilot, is the same everywhere."""
        ...

    @property
    def declared(self) -> Mapping[str, Any]:
        """The rule as JSON: it is part of what the study is."""
        ...

    def allocate(
        self,
        number: int,
        tasks: Sequence[str],
        outcomes: Sequence[Outcome],
        draw: np.random.Generator,
    ) -> Shared:
        """Share a batch out, as a function of the arguments alone.

        Args:
            number: of the batch; the pilot is 0.
            tasks: of the study.
            outcomes: of all batches before it, in no order.
            draw: for what is left to chance.
        """
        ...


@dataclass(frozen=True)
class Batch:
    """One decision."""

    number: int  # from 1; the pilot is 0
    first: int  # its first run number
    counts: Counts
    asked: int  # episodes
    not_run: int  # fewer episodes than equal runs would have been; below 0 where it is more
    made_from: str  # hash of the outcomes before it
    not_observed: int  # of these
    said: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Batches:
    """The batches of a study: those that are shared out, and what they let run.

    Raises:
        StoreError: the file of decisions is damaged, or of another rule.
    """

    def __init__(
        self, rule: AllocationRule, folder: Path, plans: Iterable[EpisodePlan], seed: int
    ) -> None:
        """Read what was decided in ``folder`` before."""
        self._rule, self._path, self._seed = rule, folder / FILE, seed
        pairs = {(plan.cell, plan.task) for plan in plans}
        self._cells = sorted({cell for cell, _ in pairs})
        self._tasks = sorted({task for _, task in pairs})
        self.taken = _decisions(self._path, mended(self._path))
        later = list(enumerate(rule.batches))[1:][: len(self.taken)]
        declared = [(number, span.first) for number, span in later]
        whole = all(self._fits(batch) for batch in self.taken)
        if [(batch.number, batch.first) for batch in self.taken] != declared or not whole:
            raise StoreError(f"{self._path}: its batches are not this study's; restore its file")

    def _fits(self, batch: Batch) -> bool:
        if not 0 < batch.number < len(self._rule.batches):
            return False
        span = self._rule.batches[batch.number]
        most = span.end - span.first
        return sorted(batch.counts) == self._cells and all(
            sorted(row) == self._tasks and all(1 <= n <= most for n in row.values())
            for row in batch.counts.values()
        )

    @property
    def gate(self) -> int | None:
        """The runs to be complete before the next decision; None when none is left."""
        left = self._rule.batches[len(self.taken) + 1 :]
        return left[0].first if left else None

    def stops(self, plan: EpisodePlan) -> bool:
        """Whether a decision has left the plan out."""
        for batch in self.taken:
            if batch.first <= plan.run < self._rule.batches[batch.number].end:
                return plan.run - batch.first >= batch.counts[plan.cell][plan.task]
        return False

    def waits(self, plan: EpisodePlan) -> bool:
        """Whether the plan is to wait for the next decision."""
        return self.gate is not None and plan.run >= self.gate

    def spare(self, plan: EpisodePlan) -> bool:
        """Whether a plan that waits would be left out by equal runs: what a forecast takes."""
        spans = self._rule.batches[len(self.taken) + 1 :]
        return any(one.first + one.runs <= plan.run < one.end for one in spans)

    def take(self, outcomes: Iterable[Outcome], _still: Iterable[EpisodePlan]) -> Batch:
        """Decide about the next batch and have it on the disk.

        Args:
            outcomes: of every recorded episode; the rule sees those of earlier batches.
            _still: the plans without a record, which a look counts.
        """
        batch = self._made(len(self.taken) + 1, outcomes)
        append_line(self._path, asdict(batch))
        self.taken.append(batch)
        return batch

    def _made(self, number: int, outcomes: Iterable[Outcome]) -> Batch:
        span = self._rule.batches[number]
        seen = sorted(self._asked(number, outcomes), key=lambda one: (one.task, one.run, one.cell))
        draw = stream(self._seed, "allocate", number)
        shared = self._rule.allocate(number, self._tasks, seen, draw)
        asked = sum(sum(row.values()) for row in shared.counts.values())
        return Batch(
            number,
            span.first,
            shared.counts,
            asked,
            span.runs * len(self._cells) * len(self._tasks) - asked,
            hashlib.sha256(canonical_json([astuple(one) for one in seen]).encode()).hexdigest(),
            sum(one.success is None for one in seen),
            shared.said,
            shared.facts,
        )

    def _asked(self, number: int, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Return the outcomes before a batch of what was asked for."""
        before = {batch.number: batch for batch in self.taken[: number - 1]}
        seen = []
        for one in outcomes:
            for at, span in enumerate(self._rule.batches[:number]):
                if span.first <= one.run < span.end:
                    batch = before.get(at)
                    if batch is None or one.run - span.first < batch.counts[one.cell][one.task]:
                        seen.append(one)
        return seen

    def check(self, outcomes: Sequence[Outcome]) -> None:
        """Make every decision anew from the records.

        An episode that was not observed then and is by now leaves its decision as it was.

        Raises:
            StoreError: a decision is not what the records give, or they are others by now.
        """
        for batch in self.taken:
            again = self._made(batch.number, outcomes)
            if again.made_from == batch.made_from:
                if again.counts != batch.counts:
                    raise StoreError(
                        f"{self._path}: batch {batch.number} is not what its records give; "
                        "restore the file as the run wrote it"
                    )
            elif again.not_observed >= batch.not_observed:
                raise StoreError(
                    f"{self._path}: batch {batch.number} was shared out from other records than "
                    "are there now; restore both as the run wrote them"
                )


def batches_in(folder: Path) -> list[Batch]:
    """Return the decisions in a study's folder, which may be running; nothing is changed.

    Raises:
        StoreError: a line of them is broken.
    """
    path = folder / FILE
    raw = path.read_bytes() if path.is_file() else b""
    return _decisions(path, raw[: raw.rfind(b"\n") + 1])


def _decisions(path: Path, whole: bytes) -> list[Batch]:
    return [_batch_of(line, f"{path}: line {n}") for n, line in enumerate(whole.splitlines(), 1)]


def _batch_of(line: bytes, where: str) -> Batch:
    try:
        batch = Batch(**parse_json(line))
        numbers = (batch.number, batch.first, batch.asked, batch.not_run, batch.not_observed)
        counts = [n for row in batch.counts.values() for n in row.values()]
        texts = all(isinstance(text, str) for text in (batch.said, batch.made_from))
        plain = all(type(n) is int for n in (*numbers, *counts))
        if not (plain and texts and isinstance(batch.facts, Mapping)):
            raise ValueError("a field is of another type")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"{where} is broken ({error}); restore the line from a copy") from error
    return batch
