"""``fork.from=RUN``: continue the failed baseline episodes of a study from a turn on the way.

The source is read and its episodes are restored when the study is composed: what they are is part
of what the study is. One that cannot be restored, or has no such turn, is left out and counted.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from diagnose.cli.addressed import place_apart
from diagnose.design import Cell, EpisodePlan, Factor, cells
from diagnose.episode import ENV
from diagnose.errors import ConfigError
from diagnose.forks import NoForkError, checked_rule, fork_of
from diagnose.ledger import read_records
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.seeds import stream
from diagnose.subjects.fork import Fork
from diagnose.whole_file import write_whole

Place = tuple[str, int]  # task, run


@dataclass(frozen=True)
class Wanted:
    """Which episodes of the source are this study's: where the two agree."""

    tasks: Collection[str]
    runs: int
    variant: str
    factors: tuple[Factor, ...]
    interventions: Mapping[str, Mapping[str, Any]]  # by name, as they are configured

    def holds(self, record: EpisodeRecord) -> bool:
        """Whether an episode has a task and a run of this study, in its world, from the start."""
        here = record.task in self.tasks and record.run < self.runs
        return here and record.variant == self.variant and not (record.fork or record.chain)

    def cell(self, record: EpisodeRecord) -> str | None:
        """Return the cell that an episode would have here; None for none."""
        on = {name: one.dose for name, one in record.interventions.items() if name != ENV}
        on = {name: dose for name, dose in on.items() if dose}
        theirs = record.config.get("interventions")
        theirs = theirs if isinstance(theirs, Mapping) else {}
        for name in on:
            if name not in self.interventions or _bare(theirs.get(name)) != _bare(
                self.interventions[name]
            ):
                return None
        return Cell(tuple(on.get(factor.name, 0) for factor in self.factors)).code


@dataclass(frozen=True)
class Sources:
    """The failed baseline episodes of a study, restored."""

    study: str
    at: str
    forks: Mapping[Place, Fork]
    left_out: Mapping[str, int]  # why -> how many
    outcomes: Mapping[Place, Mapping[str, bool | None]]  # of the source study, by this one's cells

    @property
    def header(self) -> dict[str, Any]:
        """What the study's folder says of them."""
        identities = [fork.identity for _, fork in sorted(self.forks.items())]
        digest = hashlib.sha256(canonical_json(identities).encode()).hexdigest()
        return {
            "study": self.study,
            "at": self.at,
            "sources": len(self.forks),
            "left_out": dict(sorted(self.left_out.items())),
            "sources_sha256": digest,
        }

    @property
    def told(self) -> str:
        """What is continued, in a line."""
        lost = ", ".join(f"{cause} {count}" for cause, count in sorted(self.left_out.items()))
        return (
            f"{len(self.forks)} failed baseline episodes of {self.study}, continued from {self.at}"
            + (f"; left out: {lost}" if lost else "")
        )

    def write(self, path: Path) -> None:
        """Write what the analysis compares with: how each source's cells ended from the start."""
        rows = [
            {"task": task, "run": run, "turn": fork.turn, "cells": self.outcomes[task, run]}
            for (task, run), fork in sorted(self.forks.items())
        ]
        text = json.dumps({**self.header, "episodes": rows}, indent=1, sort_keys=True)
        write_whole(path, f"{text}\n".encode())

    def plans(self, factors: Sequence[Factor], design: str, seed: int) -> list[EpisodePlan]:
        """Return an episode per source and cell, in the order to run them: a block per run."""
        codes = [cell.code for cell in cells(factors, design)]
        plans = []
        for run in sorted({run for _, run in self.forks}):
            pairs = [(task, code) for task, own in self.forks if own == run for code in codes]
            order = stream(seed, "schedule", run).permutation(len(pairs))
            for position, pick in enumerate(order):
                task, code = pairs[int(pick)]
                plans.append(EpisodePlan(task, run, code, block=run, position=position))
        return plans


def sources(folder: str, at: object, shared: Mapping[str, Any], wanted: Wanted) -> Sources:
    """Return the failed baseline episodes of the study in ``folder``, restored at a turn.

    Args:
        folder: of the study.
        at: how the turn is chosen; see ``diagnose.forks``.
        shared: what this study's episodes share, as its header says it.
        wanted: which episodes are this study's.

    Raises:
        ConfigError: there is no such study, it shares too little with this one, or none of its
            baseline episodes failed and can be restored.
    """
    source, rule = place_apart(folder, "fork.from"), checked_rule(at)
    try:
        header = json.loads((source / "study.json").read_text(encoding="utf-8"))
        theirs = dict(header["shared"])
        name = str(header["study"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "name the folder of a study that ran"
        raise ConfigError("fork.from", folder, remedy) from error
    # What ran them may have changed: a source that does not come back the same is left out.
    for key in sorted((theirs.keys() | shared.keys()) - {"versions", "code"}):
        if theirs.get(key) != shared.get(key):
            remedy = f"its {key} is {theirs.get(key)!r}, this study's is {shared.get(key)!r}"
            raise ConfigError("fork.from", folder, remedy)
    forks: dict[Place, Fork] = {}
    left_out: Counter[str] = Counter()
    outcomes: dict[Place, dict[str, bool | None]] = {}
    nothing = "0" * len(wanted.factors)
    # In a process of its own: the interpreter's threads must not be there when workers are forked.
    with ProcessPoolExecutor(1, get_context("fork")) as beside:
        for record in read_records(source):
            code = wanted.cell(record) if wanted.holds(record) else None
            if code is None:
                continue
            place = (record.task, record.run)
            outcomes.setdefault(place, {})[code] = record.success
            if code == nothing and record.outcome == "failed":
                found = _restored(beside, record, rule)
                if isinstance(found, Fork):
                    forks[place] = found
                else:
                    left_out[found] += 1
    if not forks:
        said = ", ".join(f"{cause} {count}" for cause, count in left_out.items())
        remedy = f"no failed baseline episode of it can be continued here ({said or 'none failed'})"
        raise ConfigError("fork.from", folder, remedy)
    return Sources(name, rule, dict(sorted(forks.items())), left_out, outcomes)


def _restored(beside: ProcessPoolExecutor, record: EpisodeRecord, rule: str) -> Fork | str:
    """Return the fork of a record, or in a word why there is none."""
    try:
        return beside.submit(_tried, record, rule).result()
    except BrokenProcessPool as error:
        remedy = f"restoring its episode {record.episode_id} ended the process; remove that record"
        raise ConfigError("fork.from", record.study, remedy) from error


def _tried(record: EpisodeRecord, rule: str) -> Fork | str:
    try:
        return fork_of(record, rule)
    except NoForkError as error:
        return error.cause


def _bare(entry: object) -> object:
    """Return an intervention's configuration without its levels, which are the design's."""
    if not isinstance(entry, Mapping):
        return entry
    return {key: value for key, value in entry.items() if key != "levels"}
