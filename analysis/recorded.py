"""Read the records of a study: one row per episode, of the fields that estimates need.

A line is parsed as a whole, so that a broken one is found, but only the fields in ``Kept`` are made
into objects: transcripts and circuits, nearly all of a record, cost their reading and no more.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pandas as pd

from analysis.episodes import FAILURE_COLUMNS
from diagnose.errors import InputError
from diagnose.ledger import SHARDS

# As they stand in a record; no two observed episodes share the first four.
_RECORDED = ("model", "task", "run", "cell", "family", "level")
# Columns of a row; its doses and uses, factor by factor, follow.
COLUMNS = (*_RECORDED, "success", "where", "study", "missing_cause", "chained", *FAILURE_COLUMNS)
_SUCCESS, _WHERE = COLUMNS.index("success"), COLUMNS.index("where")
_NO_FAILURE = ("",) * len(FAILURE_COLUMNS)
_SCALARS = (str, int, float, type(None))
HUGE = 2**63
BUFFER_BYTES = 2**20  # a line is ten kilobytes and more
Parse = Callable[[bytes], Mapping[str, Any] | None]


class Kept(TypedDict, total=False):
    """The fields of a record that are kept; what is in them is checked later, line by line."""

    model: Any
    family: Any
    level: Any
    task: Any
    run: Any
    cell: Any
    factors: Any
    interventions: Any
    success: Any
    study: Any
    missing_cause: Any
    chain: Any
    causes: Any


@dataclass(frozen=True, eq=False)
class Recorded:
    """What the records of a study say."""

    # One row per episode, the last record of each; not validated. ``where`` is its file and line.
    raw: pd.DataFrame
    factors: tuple[str, ...]  # in the order of a recorded cell's digits
    capacities: Mapping[str, str]  # factors whose use is recorded -> capacity, "" where it is not


def recorded(parts: Sequence[Path]) -> Recorded:
    """Read a study's records; a later one takes the place of one that was not observed.

    Args:
        parts: its files of records, such as ``episodes.jsonl``; see ``diagnose.ledger.parts_of``.

    Raises:
        InputError: no whole record, or a line that cannot be trusted; the message names it.
    """
    rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    capacities: dict[str, str] = {}
    factors: tuple[str, ...] | None = None
    for where, record in _records(parts):
        own, row = _episode(record, where, capacities)
        if own != factors:
            factors = _checked_factors(own, factors, where)
        key = row[:4]
        before = rows.pop(key, None) if key in rows else None
        rows[key] = row if before is None else _later(before, row)
    if not rows or factors is None:
        raise InputError(parts[0].name, "no whole record", "run the study first: diagnose run")
    uses = [f"used_{name}" for name in factors]
    raw = pd.DataFrame(list(rows.values()), columns=pd.Index([*COLUMNS, *factors, *uses]))
    raw = raw.drop(columns=[f"used_{name}" for name in factors if name not in capacities])
    return Recorded(raw, factors, capacities)


def _later(before: tuple[Any, ...], row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return which of two rows of one episode counts: what was not observed may run again."""
    if before[_SUCCESS] is None:
        return row
    (file, _, line), (own, _, _) = (one[_WHERE].rpartition(": ") for one in (before, row))
    if row[_SUCCESS] is None and file != own:
        return before  # lost in one part of the study, seen in another
    told = line if file == own else before[_WHERE]
    raise InputError(f"{row[_WHERE]}: episode", row[:4], f"{told} has it already; remove one")


def _records(parts: Sequence[Path]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (file and line, record) of every whole line of a study."""
    parse = _parser()
    for file in parts:
        sharded = file.parent.parent.name == SHARDS
        name = f"{file.parent.name}/{file.name}" if sharded else file.name
        for number, record in _whole_lines(file, name, parse):
            yield f"{name}: line {number}", record


def _whole_lines(file: Path, name: str, parse: Parse) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (line number, record) of every whole line; a torn last line is left out, aloud."""
    with file.open("rb", buffering=BUFFER_BYTES) as handle:
        left = os.fstat(handle.fileno()).st_size  # a running study may append while we read
        number = 0
        while left > 0:
            raw = handle.readline(left)
            left -= len(raw)
            number += 1
            record = parse(raw)
            if record is not None:
                yield number, record
            elif left > 0:
                remedy = "restore the line from a copy, or delete it and its episode runs again"
                raise InputError(f"{name}: line {number}", raw[:80], remedy)
            else:
                print(
                    f"warning: {file}: the last line is torn ({len(raw)} bytes) and left out",
                    file=sys.stderr,
                )


def _parser() -> Parse:
    """Return what turns a line into a record's fields; None for a line that is none."""
    from pydantic import TypeAdapter, ValidationError

    kept = TypeAdapter(Kept)

    def parse(raw: bytes) -> Mapping[str, Any] | None:
        if not raw.endswith(b"\n"):
            return None
        try:
            return kept.validate_json(raw)
        except ValidationError:  # json decides: it also reads half a surrogate pair
            return _parsed(raw)

    return parse


def _parsed(raw: bytes) -> Mapping[str, Any] | None:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):  # JSON and Unicode errors are ValueErrors
        return None
    return record if isinstance(record, dict) else None


def _episode(
    record: Mapping[str, Any], where: str, capacities: dict[str, str]
) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return a record's factors and its row; put the capacities it names into ``capacities``.

    The row is a tuple: a hundred thousand dictionaries would keep the garbage collector busy.
    """
    try:
        factors = tuple(map(str, record["factors"]))
        success = record["success"]
        fields = [record[key] for key in _RECORDED]
        interventions = dict(record["interventions"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(where, str(error), "the record lacks this field") from error
    for key, value in zip(_RECORDED, fields, strict=True):
        if not isinstance(value, _SCALARS):
            raise InputError(f"{where}: {key}", value, "give a name or a number")
        if isinstance(value, int) and abs(value) >= HUGE:
            raise InputError(f"{where}: {key}", "a huge number", f"give one below {HUGE}")
    cell = str(record["cell"])
    if not (cell.isascii() and cell.isdigit() and len(cell) == len(factors)):
        raise InputError(f"{where}: cell", cell, f"give one digit for each of {factors}")
    if success not in (None, True, False):
        raise InputError(f"{where}: success", success, "give true, false or null")
    causes = record.get("causes")
    failure = _failure(causes, where) if causes else _NO_FAILURE
    uses: list[Any] = []
    for factor in factors:
        entry = interventions.get(factor)
        used = None
        if isinstance(entry, dict):
            used = entry.get("used")
            # What an observed episode never offered was not used.
            if used is None and success is not None and entry.get("offered") is False:
                used = False
            capacities[factor] = str(entry.get("capacity") or capacities.get(factor, ""))
        uses.append(used)
    more = (
        success,
        where,
        record.get("study", ""),
        record.get("missing_cause") or "",
        bool(record.get("chain")),
    )
    return factors, (*fields, *more, *failure, *map(int, cell), *uses)


def _checked_factors(
    own: tuple[str, ...], before: tuple[str, ...] | None, where: str
) -> tuple[str, ...]:
    if before is not None:
        raise InputError(f"{where}: factors", own, f"the lines before have {before}")
    taken = [name for name in own if name in COLUMNS or own.count(name) > 1]
    if taken:
        raise InputError(f"{where}: factors", taken, "give each factor a name of its own")
    return own


def _failure(causes: Any, where: str) -> tuple[str, ...]:
    """Return the columns that say why an episode failed."""
    try:
        first = causes[0]
        keys = ("cause", "law", "capacity_by_convention", "stage")
        told = [str(first[key]) for key in keys] + [";".join(str(one["cause"]) for one in causes)]
    except (KeyError, TypeError, IndexError) as error:
        raise InputError(f"{where}: causes", str(error), "give a list of causes") from error
    return tuple(told)
