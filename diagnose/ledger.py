"""Reading what a study recorded: which episodes are done, and each one's last record.

Records are never rewritten. An episode that was not observed may be run again: a later record with
the same id supersedes an earlier ``not_observed`` one, and only such a one, so readers take the
last. Any other repeated id is an error.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from diagnose.errors import InputError, StoreError
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.wellformed import check_record

_log = logging.getLogger(__name__)
RECORDS = "episodes.jsonl"
SHARDS = "shards"  # a folder for each shard, with files of the same names


def episode_id(identity: Mapping[str, Any]) -> str:
    """Return the 20-hex id of an episode from everything that determines its outcome.

    The caller supplies study seed, task hash, model name and config, cell doses and intervention
    config, scaffold and prompt hash, engine version and run: whatever is left out may change
    without a new id.
    """
    return hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Entry:
    """What the store keeps in memory of a record, and what progress shows."""

    episode_id: str
    outcome: str
    cost_usd: float
    task: str = ""
    run: int = 0
    cell: str = ""
    cause: str = ""  # why it was not observed: the first word

    @classmethod
    def of(cls, record: EpisodeRecord) -> Self:
        """Return the entry of ``record``."""
        return cls(
            record.episode_id,
            record.outcome,
            record.own_usage.cost_usd,
            record.task,
            record.run,
            record.cell,
            record.missing_cause.partition(":")[0],
        )


class Ledger:
    """Which episodes are recorded, and the running counts."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.causes: dict[str, str] = {}  # of episodes not observed
        self.costs: dict[str, float] = {}  # dollars, of those that are not nothing
        self.cost_usd = 0.0  # superseded attempts included: they were paid for
        self.passed = 0
        self.not_observed = 0

    def __len__(self) -> int:
        return len(self.outcomes)

    @property
    def observed(self) -> int:
        """Episodes with an outcome."""
        return len(self.outcomes) - self.not_observed

    def settles(self, entry: Entry) -> bool:
        """Whether an episode not observed here has an outcome all the same."""
        known = self.outcomes.get(entry.episode_id, "not_observed")
        return entry.outcome == "not_observed" and known != "not_observed"

    def check(self, entry: Entry, where: str) -> None:
        """Raise StoreError if the entry's id is taken by an observed record."""
        if self.outcomes.get(entry.episode_id, "not_observed") != "not_observed":
            raise StoreError(
                f"{where}: episode {entry.episode_id} is recorded twice; only a not_observed "
                "record may be followed by another; remove one of the two lines"
            )

    def admit(self, entry: Entry, where: str) -> None:
        """Enter a record after ``check``."""
        self.check(entry, where)
        before = self.outcomes.get(entry.episode_id)
        self.outcomes[entry.episode_id] = entry.outcome
        self.cost_usd += entry.cost_usd
        self.passed += entry.outcome == "passed"
        self.not_observed += (entry.outcome == "not_observed") - (before is not None)
        self.causes.pop(entry.episode_id, None)
        if entry.cost_usd and entry.outcome != "not_observed":
            self.costs[entry.episode_id] = entry.cost_usd
        if entry.outcome == "not_observed":
            self.causes[entry.episode_id] = entry.cause


@dataclass(frozen=True)
class Line:
    """A line of ``episodes.jsonl`` and where it stands."""

    number: int  # from 1
    offset: int  # bytes
    raw: bytes
    record: EpisodeRecord | None  # None for a broken last line


def parse_json(raw: bytes) -> Any:
    """Return parsed JSON; ValueError says what is wrong, NaN and endless nesting included."""
    try:
        return json.loads(raw, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def parsed(raw: bytes) -> EpisodeRecord:
    """Return the record of a whole line; ValueError says what is broken."""
    if not raw.endswith(b"\n"):
        raise ValueError("it has no newline")
    data = parse_json(raw)
    if not isinstance(data, dict) or not isinstance(data.get("episode_id"), str):
        raise ValueError("it is not a JSON object with an episode_id")
    try:
        record = EpisodeRecord.from_dict(data)
    except InputError as error:
        if error.field == "schema_version" and isinstance(error.received, int):
            raise StoreError(f"the records are of another schema: {error}") from error
        raise ValueError(str(error)) from error
    for name in ("factors", "transcript"):
        if not isinstance(data[name], list):
            raise ValueError(f"its {name} is no list")
    check_record(record)
    return record


def scan(path: Path, start: int = 0, before: int = 0) -> Iterator[Line]:
    """Yield the file's lines as it stands now; only the last may come without a record.

    Args:
        path: the file.
        start: the byte to begin at, where a line begins.
        before: how many lines stand before it.

    Raises:
        StoreError: a line before the last is broken; the file is left as it is.
    """
    with path.open("rb") as handle:
        size = os.fstat(handle.fileno()).st_size  # a running study may append while we read
        offset, number = start, before
        handle.seek(start)
        while offset < size:
            raw = handle.readline(size - offset)
            number += 1
            record, fault = None, ""
            try:
                record = parsed(raw)
            except ValueError as error:  # JSON and Unicode errors are ValueErrors
                fault = str(error)
            if record is None and offset + len(raw) < size:
                raise StoreError(
                    f"{path}: line {number} (byte offset {offset}) is broken: {fault}; nothing was "
                    "changed; restore the line from a copy, or delete it and its episode runs again"
                )
            yield Line(number, offset, raw, record)
            offset += len(raw)


def final_lines(path: Path | str) -> Iterator[tuple[bytes, EpisodeRecord]]:
    """Yield records with their lines: observed ones first, superseded ones left out.

    Args:
        path: a study's folder, all parts of which are read, or one file of records.

    Raises:
        StoreError: no such file, a broken line before the last, or an id recorded twice.
    """
    return _final_lines(_files(path))


def _final_lines(files: Sequence[Path]) -> Iterator[tuple[bytes, EpisodeRecord]]:
    ledger = Ledger()
    waiting: dict[str, tuple[bytes, EpisodeRecord]] = {}
    for path in files:
        own: set[str] = set()
        for line in scan(path):
            if line.record is None:
                _log.warning("%s: line %d is incomplete and left out", path, line.number)
                continue
            entry = Entry.of(line.record)
            if entry.episode_id not in own and ledger.settles(entry):
                continue  # not observed here, and observed by another part of the study
            own.add(entry.episode_id)
            ledger.admit(entry, f"{path}: line {line.number}")
            waiting.pop(entry.episode_id, None)
            if entry.outcome == "not_observed":
                waiting[entry.episode_id] = (line.raw, line.record)
            else:
                yield line.raw, line.record
    yield from waiting.values()


def read_records(path: Path | str) -> Iterator[EpisodeRecord]:
    """Yield the records of a study folder or of an ``episodes.jsonl``, each episode once.

    Of an episode recorded again after ``not_observed`` only the last record comes. A study that
    several processes ran is read as one. No file is ever changed; a last line still being written
    is left out with a logged warning.

    Raises:
        StoreError: no such file, a broken line before the last, or an id recorded twice.
    """
    return (record for _, record in final_lines(path))


def canonical_lines(path: Path | str) -> list[str]:
    """Return the study's lines sorted by ``EpisodeRecord.sort_key``: equal for equal studies."""
    final = sorted(final_lines(path), key=lambda pair: pair[1].sort_key)
    return [raw.decode() for raw, _ in final]


def parts_of(path: Path | str) -> list[Path]:
    """Return the files of records of a study: its own, then those of its shards, by name.

    Args:
        path: the study's folder, or one such file.
    """
    path = Path(path)
    if not path.is_dir():
        return [path] if path.is_file() else []
    return [
        one
        for one in (path / RECORDS, *sorted(path.glob(f"{SHARDS}/*/{RECORDS}")))
        if one.is_file()
    ]


def _files(path: Path | str) -> list[Path]:
    files = parts_of(path)
    if not files:
        file = Path(path) / RECORDS if Path(path).is_dir() else Path(path)
        raise StoreError(f"{file}: no records here; name a study folder or its {RECORDS}")
    return files
