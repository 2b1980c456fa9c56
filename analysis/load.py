"""Read a study folder or a table of episodes into one validated frame.

A study folder holds ``episodes.jsonl``, one record per line (``analysis.recorded``), and may say
in ``study.json`` what was planned and in ``truth.json`` what is true.
"""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import treatments
from analysis.compacted import compacted
from analysis.episodes import Source, validated
from analysis.layout import CAPACITIES, INTERVENTIONS, TREATMENT
from analysis.planning import allocated, stopped
from analysis.recorded import recorded
from analysis.treatments import Treatments
from diagnose.errors import InputError
from diagnose.ledger import parts_of
from diagnose.remote.address import Address, is_address

_BY_NAME = {**CAPACITIES, "weights": TREATMENT}  # of factors whose records do not say it
BUNDLE = "+"  # joins the names of factors that a design only switches together


@dataclass(frozen=True, eq=False)
class Loaded:
    """What was read from ``path``."""

    table: pd.DataFrame  # one row per episode, validated
    factors: tuple[str, ...]  # in the order of a cell's digits
    capacities: Mapping[str, str]  # factor -> capacity
    truth: Mapping[str, Any] | None  # per cell and task, of a synthetic subject
    name: str
    held: Mapping[str, int] = field(default_factory=dict)  # a study's factors of one dose -> dose
    planned: int | None = None  # episodes of the study's schedule; None where no schedule is known
    stop: stopped.Stop | None = None  # the study's declared looks
    treatments: Treatments = field(default_factory=Treatments)  # of the subject's weights
    allocation: allocated.Allocation | None = None  # who had how many runs, and by which batches


def load(path: Path | str | pd.DataFrame, factors: Sequence[str] = ()) -> Loaded:
    """Read a study folder, its ``episodes.jsonl``, a CSV or a Parquet table, or take a frame.

    Args:
        path: the folder or file, or a frame with a table's columns, which is left as it is.
        factors: factor columns of a table besides those of the four interventions that it has;
            without any it must have all four.

    Raises:
        InputError: no such file, an unknown suffix, or anything in it that cannot be trusted; the
            message names file, column, row, value and remedy.
    """
    if isinstance(path, pd.DataFrame):
        return _of_table(
            path.reset_index(drop=True), "frame", lambda row: f"row {row + 1}", factors
        )
    path = located(path)
    if path.is_dir() or path.suffix == ".jsonl":
        return _load_study(path)
    if not path.is_file():
        raise InputError("source", str(path), "give a study folder, a CSV or a Parquet file")
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError("source", str(path), "give a study folder, a .csv or a .parquet file")
    raw, place = reader(path)
    return _of_table(raw, path.name, place, factors)


def located(path: Path | str) -> Path:
    """Return where something is on this machine; a study at an address is brought here.

    Raises:
        StoreError: no study is there, or the store does not answer.
    """
    if not is_address(path):
        return Path(path)
    from diagnose.remote.keeper import fetched

    return fetched(Address.parse(str(path), "source"))


def _of_table(
    raw: pd.DataFrame, name: str, place: Callable[[int], str], factors: Sequence[str]
) -> Loaded:
    # A table of another benchmark has factors of its own, and none, or some, of the four.
    own = [one for one in INTERVENTIONS if one in raw.columns] if factors else INTERVENTIONS
    table, ordered = validated(raw, Source(name, place), tuple(dict.fromkeys((*own, *factors))))
    return Loaded(table, ordered, _capacities(ordered, {}), None, Path(name).stem)


def _read_csv(path: Path) -> tuple[pd.DataFrame, Callable[[int], str]]:
    """Return the fields as text, and where each row stands.

    Not pandas' reader: it fills short lines with nulls, and here an empty success means something.
    """
    rows, lines = [], []
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, strict=True)
            header = next(reader, [])
            for row in reader:
                if row and len(row) != len(header):
                    remedy = f"the header has {len(header)} fields, this line {len(row)}"
                    raise InputError(f"{path.name}: line {reader.line_num}", row, remedy)
                if row:
                    rows.append(row)
                    lines.append(reader.line_num)
    except (ValueError, OSError, csv.Error) as error:  # Unicode's error is a ValueError
        raise InputError(path.name, str(error), "give a comma-separated UTF-8 table") from error
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise InputError(f"{path.name}: header", twice, "give each column one name")
    frame = pd.DataFrame(rows, columns=pd.Index(header), dtype="str")
    return frame, lambda row: f"line {lines[row]}"


def _read_parquet(path: Path) -> tuple[pd.DataFrame, Callable[[int], str]]:
    try:
        frame = pd.read_parquet(path)
    except (ValueError, OSError) as error:  # Arrow's errors are ValueErrors and OSErrors
        raise InputError(path.name, str(error), "give a Parquet table") from error
    return frame.reset_index(drop=True), lambda row: f"row {row + 1}"


def _load_study(path: Path) -> Loaded:
    file = path / "episodes.jsonl" if path.is_dir() else path
    parts = parts_of(path)
    if not parts:
        raise InputError("source", str(file), "no records here; name a study folder or a table")
    read = compacted(path, parts) or recorded(parts)
    raw, factors, capacities = read.raw, read.factors, dict(read.capacities)
    held, planned, bundles = _plan(file.with_name("study.json"))
    places = raw.pop("where").tolist()
    study = str(raw.pop("study").iloc[0])
    varied = [name for name in factors if name not in held]
    for name in (one for one in factors if capacities.get(one) == TREATMENT):
        raw = raw.drop(columns=f"used_{name}", errors="ignore")  # nothing is offered to be used
    for bundle in bundles:
        capacities[_bundled(raw, varied, bundle)] = " + ".join(
            _capacities(bundle, capacities).values()
        )
    if any(raw.pop("chained")):
        # Cells of a run share their draws, so a family's chains of one run are one cluster.
        raw["chain"] = raw["family"].astype("str") + "/run" + raw["run"].astype("str")
    allocation = allocated.read(file.parent)
    if allocation is not None:
        raw = allocation.marked(raw, file.name)
    source = Source(file.name, lambda row: places[row].removeprefix(f"{file.name}: "))
    table, ordered = validated(raw, source, varied)
    truth = _read_truth(file.with_name("truth.json"), factors, ordered)
    name = study or file.parent.name
    stop = stopped.read(file.parent)
    if planned is not None and stop is not None:
        planned -= stop.not_run
    if planned is not None and allocation is not None:
        planned -= allocation.not_run
    made = treatments.read(file.with_name("study.json"))
    known = _capacities(ordered, capacities)
    return Loaded(table, ordered, known, truth, name, held, planned, stop, made, allocation)


def _bundled(raw: pd.DataFrame, varied: list[str], bundle: Sequence[str]) -> str:
    """Put one factor in place of those that a design only switches together; return its name."""
    joined = BUNDLE.join(bundle)
    raw[joined] = raw[bundle[0]]
    used = [raw[f"used_{name}"] for name in bundle if f"used_{name}" in raw.columns]
    if used:  # either of them counts as taking the offer up
        seen = pd.concat(used, axis=1)
        raw[f"used_{joined}"] = seen.eq(True).any(axis=1).where(seen.notna().any(axis=1), None)
    varied[:] = [name for name in varied if name not in bundle] + [joined]
    return joined


def _plan(path: Path) -> tuple[dict[str, int], int | None, list[list[str]]]:
    """Return what study.json declares: factors held at one dose, number of episodes, bundles.

    Nothing can be estimated of a held factor, and of bundled ones only their joint effect. A study
    that varies nothing keeps them all, so that its one cell has a name. Without a readable
    study.json nothing is declared.
    """
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        levels = {str(entry["name"]): entry["levels"] for entry in header["factors"]}
        held = {name: int(doses[0]) for name, doses in levels.items() if len(doses) == 1}
        planned = int(header["episodes"])
        bundles = [[str(name) for name in names] for names in header.get("bundles", ())]
        if not all(len(names) > 1 and set(names) <= levels.keys() for names in bundles):
            bundles = []
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return {}, None, []
    return (held if len(held) < len(levels) else {}), planned, bundles


def _capacities(factors: Sequence[str], recorded: Mapping[str, str]) -> dict[str, str]:
    return {name: recorded.get(name) or _BY_NAME.get(name, name) for name in factors}


def _read_truth(
    path: Path, recorded: Sequence[str], ordered: Sequence[str]
) -> Mapping[str, Any] | None:
    """Return truth.json with its cells' digits in the order of ``ordered``; None without one."""
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        maps = {"": data["cells"], **data.get("tasks", {})}
        moved = {
            task: {_reordered(code, recorded, ordered): float(p) for code, p in cells.items()}
            for task, cells in maps.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            path.name, str(error), 'give {"cells": {"0000": p}, "tasks": {"A-L1": {"0000": p}}}'
        ) from error
    return {"cells": moved.pop(""), "tasks": moved}


def _reordered(code: str, recorded: Sequence[str], ordered: Sequence[str]) -> str:
    digits = dict(zip(recorded, code, strict=True))
    return "".join(digits[name.partition(BUNDLE)[0]] for name in ordered)
