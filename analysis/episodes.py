"""Check a table of episodes at the boundary and give every column its type.

Whatever came in (CSV text, typed Parquet, records), what leaves here is one row per episode with
``success`` 1.0, 0.0 or NaN (not observed), sorted, no duplicates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.layout import (
    ALL,
    INTERVENTIONS,
    SHAM,
    Bools,
    Floats,
    Layout,
    canonical_order,
    task_key,
)
from diagnose.errors import InputError

# Why a failed episode failed: the physical cause that weighs most, the law it violates, the
# capacity that the published taxonomy takes it to speak of, where the subject itself says that it
# lost that law ("" where it does not say), and all causes, joined by semicolons.
FAILURE_COLUMNS = (
    "failure_cause",
    "failure_law",
    "failure_capacity_by_convention",
    "failure_stage",
    "failure_causes",
)
KEYS = ("model", "family", "level", "task", "run")


@dataclass(frozen=True)
class Source:
    """Where rows came from, so that an error can say it."""

    name: str  # the file's name
    place: Callable[[int], str]  # row number from 0 -> "row 12"

    def error(self, column: str, row: int | None, received: object, remedy: str) -> InputError:
        """Return an InputError that names file, column and row."""
        where = f", {self.place(row)}" if row is not None else ""
        return InputError(f"{self.name}: column {column}{where}", received, remedy)


def validated(
    raw: pd.DataFrame, source: Source, factors: Sequence[str] | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the episodes with typed columns, and the factors in a cell's order.

    A factor's column holds its dose; a column ``<factor>_dose``, where there is one, overrides it.

    Args:
        raw: one row per episode; cells may be text, numbers, booleans or null.
        source: for error messages.
        factors: the factor columns; None = the four interventions.

    Raises:
        InputError: a column is missing, a value is of the wrong kind, a row is there twice, a task
            has two levels or families, or the table is empty.
    """
    names = canonical_order(factors or INTERVENTIONS)
    for column in (*KEYS, *names, "success"):
        if column not in raw.columns:
            remedy = f"add the column; needed are {', '.join((*KEYS, *names, 'success'))}"
            raise source.error(column, None, list(raw.columns), remedy)
    if raw.empty:
        raise source.error("success", None, "no rows", "give at least one episode")
    table = pd.DataFrame(
        {column: _text(raw[column], column, source) for column in ("model", "family", "task")}
    )
    reserved = _first((table["model"] == ALL).to_numpy(np.bool_))
    if reserved is not None:
        raise source.error("model", reserved, ALL, "it names the models' mean; rename the model")
    table["level"] = _whole(
        _without_l(raw["level"]), "level", source, 0, "give a level such as 3 or L3"
    )
    table["run"] = _whole(raw["run"], "run", source, None, "give a whole number")
    for name in names:
        table[name] = _doses(raw, name, source)
    table["success"] = _zero_one(raw["success"], "success", source)
    for name in names:
        if f"used_{name}" in raw.columns:
            used = _zero_one(raw[f"used_{name}"], f"used_{name}", source)
            # What was not offered was not used; what was not observed stays unknown.
            table[f"used_{name}"] = np.where((table[name] == 0) & np.isnan(used), 0.0, used)
    if "chain" in raw.columns:
        table["chain"] = _text(raw["chain"], "chain", source)
    if "batch" in raw.columns or "batch_weight" in raw.columns:
        _batches(raw, table, source)
    cause = raw["missing_cause"] if "missing_cause" in raw.columns else pd.Series("", raw.index)
    table["missing_cause"] = cause.astype("str").fillna("")
    for name in FAILURE_COLUMNS:
        told = raw[name] if name in raw.columns else pd.Series("", raw.index)
        table[name] = told.astype("str").fillna("")
    _check_unique(table, names, source)
    _check_tasks(table, source)
    order = [*KEYS[:1], "family", "level", "task", "run", *names]
    return table.sort_values(order, kind="stable").reset_index(drop=True), names


def _batches(raw: pd.DataFrame, table: pd.DataFrame, source: Source) -> None:
    """Put in the batch of each run and its weight, where runs were allocated."""
    for name in ("batch", "batch_weight"):
        if name not in raw.columns:
            remedy = f"give {name} too: allocated runs have a batch and its weight"
            raise source.error(name, None, list(raw.columns), remedy)
    table["batch"] = _whole(raw["batch"], "batch", source, 0, "give a whole number")
    weight = pd.to_numeric(raw["batch_weight"], errors="coerce").to_numpy(np.float64)
    wrong = _first(~((weight > 0) & (weight <= 1)))
    if wrong is not None:
        given = raw["batch_weight"].iloc[wrong]
        remedy = "give the batch's share of the planned runs, above 0 and at most 1"
        raise source.error("batch_weight", wrong, given, remedy)
    table["batch_weight"] = weight
    for keys, value, said in (
        (["batch"], "batch_weight", "a batch has one weight"),
        (["task", "run"], "batch", "a run of a task is in one batch, whatever its cell"),
    ):
        spread = table.groupby(keys)[value].transform("nunique").to_numpy()
        wrong = _first(spread > 1)
        if wrong is not None:
            raise source.error(value, wrong, table[value].iloc[wrong], said)


def layout_of(table: pd.DataFrame, factors: tuple[str, ...]) -> Layout:
    """Return the study's shape: tasks ordered by family, level and name."""
    rows = table[["task", "family", "level"]].drop_duplicates()
    tasks = sorted(
        ((str(t), str(f), int(level)) for t, f, level in rows.itertuples(index=False)),
        key=lambda row: task_key(*row),
    )
    return Layout(
        factors,
        tuple(task for task, _, _ in tasks),
        tuple(level for _, _, level in tasks),
        tuple(family for _, family, _ in tasks),
        tuple(name for name in factors if f"used_{name}" in table.columns),
        frozenset(
            "".join(map(str, doses))
            for doses in table[list(factors)].drop_duplicates().itertuples(index=False)
        ),
        _most_runs(table, factors),
    )


def _most_runs(table: pd.DataFrame, factors: tuple[str, ...]) -> int:
    """Return the most observed runs that a model has of one task in one cell, at least 1."""
    seen = table.loc[table["success"].notna(), ["model", "task", *factors]]
    code = np.zeros(len(seen), dtype=np.int64)
    for name in ("model", "task"):
        numbers, names = pd.factorize(seen[name])
        code = code * max(len(names), 1) + numbers
    for factor in factors:
        code = code * 10 + seen[factor].to_numpy(np.int64)
    return int(np.unique(code, return_counts=True)[1].max(initial=1))


def _blanks(values: pd.Series) -> Bools:
    blank = values.isna().to_numpy(np.bool_)
    if values.dtype == object or isinstance(values.dtype, pd.StringDtype):
        empty = values.astype("str").str.strip().eq("").fillna(value=True)
        return blank | empty.to_numpy(np.bool_)
    return blank


def _first(bad: Bools) -> int | None:
    return int(np.argmax(bad)) if bad.any() else None


def _text(values: pd.Series, column: str, source: Source) -> pd.Series:
    place, distinct = _distinct(values)
    row = _first(_blanks(distinct)[place])
    if row is not None:
        raise source.error(column, row, values.iloc[row], "give a name")
    return values.astype("str")


def _distinct(values: pd.Series) -> tuple[NDArray[np.intp], pd.Series]:
    """Return each row's place among the distinct values, and these: few, where rows are many."""
    try:
        place, distinct = pd.factorize(values, use_na_sentinel=False)
    except TypeError:  # a list or a dictionary: as text it is found and named
        place, distinct = pd.factorize(values.map(repr), use_na_sentinel=False)
    return place, pd.Series(distinct, dtype=values.dtype)


def _without_l(values: pd.Series) -> pd.Series:
    place, distinct = _distinct(values)

    def number(value: object) -> object:
        return value.strip()[1:] if isinstance(value, str) and value.strip()[:1] in "lL" else value

    return distinct.map(number).take(place).reset_index(drop=True)


def _numbers(values: pd.Series, column: str, source: Source, remedy: str) -> Floats:
    """Return numbers, NaN for blanks only."""
    place, distinct = _distinct(values)
    blank = _blanks(distinct)
    numbers = pd.to_numeric(distinct.mask(blank), errors="coerce").to_numpy(
        np.float64, na_value=np.nan
    )
    wrong = ~blank & ~np.isfinite(numbers)
    numbers = numbers[place]
    row = _first(wrong[place])
    if row is not None:
        raise source.error(column, row, values.iloc[row], remedy)
    return numbers


def _whole(  # a whole number is due: blanks are refused too
    values: pd.Series,
    column: str,
    source: Source,
    low: int | None,
    remedy: str,
    high: int | None = None,
) -> NDArray[np.int64]:
    numbers = _numbers(values, column, source, remedy)
    bad = ~(numbers == np.round(numbers)) | (np.abs(numbers) > 2**53)
    if low is not None:
        bad |= numbers < low
    if high is not None:
        bad |= numbers > high
    row = _first(bad)
    if row is not None:
        raise source.error(column, row, values.iloc[row], remedy)
    return numbers.astype(np.int64)


def _doses(raw: pd.DataFrame, name: str, source: Source) -> NDArray[np.int64]:
    """Return a factor's doses, from its own column or from ``<name>_dose`` beside a 0/1 column."""
    remedy = f"give the dose: 0 (off), 1 (on), a further dose, or {SHAM} (sham)"
    own = _whole(raw[name], name, source, 0, remedy, SHAM)
    beside = f"{name}_dose"
    if beside not in raw.columns:
        return own
    doses = _whole(raw[beside], beside, source, 0, remedy, SHAM)
    # Whether a sham counts as on is the author's choice; any other disagreement is a mistake.
    row = _first(((own > 0) != (doses > 0)) & (doses != SHAM))
    if row is not None:
        said = f"{name} is {own[row]} here; make the two columns agree"
        raise source.error(beside, row, int(doses[row]), said)
    return doses


def _zero_one(values: pd.Series, column: str, source: Source) -> Floats:
    remedy = "give 1, 0, or leave it empty when the episode was not observed"
    numbers = _numbers(values, column, source, remedy)
    row = _first(~np.isnan(numbers) & (numbers != 0) & (numbers != 1))
    if row is not None:
        raise source.error(column, row, values.iloc[row], remedy)
    return numbers


def _check_unique(table: pd.DataFrame, factors: Sequence[str], source: Source) -> None:
    keys = ["model", "task", "run", *factors]
    row = _first(table.duplicated(keys).to_numpy())
    if row is None:
        return
    values = dict(zip(keys, table[keys].to_numpy(object)[row], strict=True))
    first = int((table[keys] == pd.Series(values)).all(axis=1).to_numpy().argmax())
    cell = "".join(str(values[name]) for name in factors)
    raise source.error(
        "run",
        row,
        f"model {values['model']}, task {values['task']}, run {values['run']}, cell {cell}",
        f"this episode stands at {source.place(first)} already; remove one of the two, "
        "or number the runs differently",
    )


def _check_tasks(table: pd.DataFrame, source: Source) -> None:
    for column in ("family", "level"):
        first = table.groupby("task")[column].transform("first")
        row = _first((first != table[column]).to_numpy())
        if row is not None:
            task, value, other = table["task"][row], table[column][row], first[row]
            remedy = f"task {task!s} has {column} {other!s} elsewhere; give each task one {column}"
            raise source.error(column, row, value, remedy)
