"""The fields that estimates need of every record of a study, as one frame."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.episodes import FAILURE_COLUMNS
from diagnose.errors import InputError

_READERS: list[Callable[[bytes], Any]] = [json.loads]
try:  # twice as fast; where only figures are drawn it need not be installed
    from pydantic_core import from_json
except ImportError:
    pass
else:
    _READERS.insert(0, from_json)


@dataclass(frozen=True, eq=False)
class Recorded:
    """What a study's records say, one row per episode, not yet validated.

    ``where`` is the file and line of each row; a factor's column holds its dose.
    """

    frame: pd.DataFrame
    factors: tuple[str, ...]  # in the order of a cell's digits
    capacities: Mapping[str, str]  # factor -> capacity, as recorded


def recorded(parts: Sequence[Path]) -> Recorded:
    """Read the files of records of one study.

    Raises:
        InputError: a line is broken, or says what no record says.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    capacities: dict[str, str] = {}
    factors: tuple[str, ...] | None = None
    for where, part, record in _records(parts):
        row = _episode_row(record, where)
        if factors is not None and row["factors"] != factors:
            raise InputError(
                f"{where}: factors", row["factors"], f"the lines before have {factors}"
            )
        factors = row.pop("factors")
        capacities |= row.pop("capacities")
        key = (row["model"], row["task"], row["run"], row["cell"])
        row |= {"where": where, "part": part}
        before = rows.pop(key, None)
        rows[key] = row if before is None else _later(before, row, key)
    if not rows or factors is None:
        raise InputError(parts[0].name, "no whole record", "run the study first: diagnose run")
    return Recorded(pd.DataFrame(list(rows.values())).drop(columns="part"), factors, capacities)


def _later(before: dict[str, Any], row: dict[str, Any], key: object) -> dict[str, Any]:
    """Return which of two rows of one episode counts: what was not observed may run again."""
    if before["success"] is None:
        return row
    if row["success"] is None and row["part"] != before["part"]:
        return before  # lost in one part of the study, seen in another
    told = before["where"]
    told = told.rpartition(": ")[2] if row["part"] == before["part"] else told
    raise InputError(f"{row['where']}: episode", key, f"{told} has it already; remove one")


def _records(parts: Sequence[Path]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """Yield (file and line, number of the part, record) of every whole line of a study."""
    for part, file in enumerate(parts):
        sharded = file.parent.parent.name == "shards"
        name = f"{file.parent.name}/{file.name}" if sharded else file.name
        for number, record in _whole_lines(file):
            yield f"{name}: line {number}", part, record


def _whole_lines(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (line number, record) of every whole line; a torn last line is left out, aloud."""
    with file.open("rb") as handle:
        left = os.fstat(handle.fileno()).st_size  # a running study may append while we read
        number = 0
        while left > 0:
            raw = handle.readline(left)
            left -= len(raw)
            number += 1
            record = _parsed(raw)
            if record is not None:
                yield number, record
            elif left > 0:
                remedy = "restore the line from a copy, or delete it and its episode runs again"
                raise InputError(f"{file.name}: line {number}", raw[:80], remedy)
            else:
                print(
                    f"warning: {file}: the last line is torn ({len(raw)} bytes) and left out",
                    file=sys.stderr,
                )


def _parsed(raw: bytes) -> Mapping[str, Any] | None:
    if not raw.endswith(b"\n"):
        return None
    for read in _READERS:  # the fast one refuses what only the other knows how to take
        try:
            record = read(raw)
        except (ValueError, RecursionError):  # JSON and Unicode errors are ValueErrors
            continue
        break
    else:
        return None
    return record if isinstance(record, dict) else None


def _episode_row(record: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of one record that estimates need."""
    try:
        factors = tuple(map(str, record["factors"]))
        row = {key: record[key] for key in ("model", "family", "level", "task", "run", "cell")}
        row["success"], row["study"] = record["success"], record.get("study", "")
        interventions = dict(record["interventions"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(where, str(error), "the record lacks this field") from error
    cell = str(row["cell"])
    if not (cell.isascii() and cell.isdigit() and len(cell) == len(factors)):
        raise InputError(f"{where}: cell", cell, f"give one digit for each of {factors}")
    if row["success"] not in (None, True, False):
        raise InputError(f"{where}: success", row["success"], "give true, false or null")
    row["missing_cause"] = record.get("missing_cause") or ""
    row["chained"] = bool(record.get("chain"))
    row |= _failure(record.get("causes") or (), where)
    row["factors"], row["capacities"] = factors, {}
    for factor, digit in zip(factors, cell, strict=True):
        row[factor] = int(digit)
        entry = interventions.get(factor)
        if isinstance(entry, Mapping):
            row[f"used_{factor}"] = _use(entry, observed=row["success"] is not None)
            if entry.get("capacity"):
                row["capacities"][factor] = str(entry["capacity"])
    return row


def _failure(causes: Any, where: str) -> dict[str, str]:
    """Return the columns that say why an episode failed; empty where nothing was recorded."""
    row = dict.fromkeys(FAILURE_COLUMNS, "")
    try:
        if causes:
            first = causes[0]
            keys = ("cause", "law", "capacity_by_convention", "stage")
            row |= {f"failure_{key}": str(first[key]) for key in keys}
            row["failure_causes"] = ";".join(str(one["cause"]) for one in causes)
    except (KeyError, TypeError, IndexError) as error:
        raise InputError(f"{where}: causes", str(error), "give a list of causes") from error
    return row


def _use(entry: Mapping[str, Any], *, observed: bool) -> object:
    """Return whether an intervention was used: what an observed episode never offered was not."""
    if observed and entry.get("used") is None and entry.get("offered") is False:
        return False
    return entry.get("used")
