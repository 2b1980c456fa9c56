"""The printed numbers of DFT (arXiv 2508.05629) and Aligner (arXiv 2312.05503), read and checked.

``dft.csv`` and ``aligner.csv`` hold a fact a row, ``questions.csv`` how many questions a benchmark
has, ``dft_text.csv`` the gains that section 4.1 of the first paper names in words.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from diagnose.errors import InputError

FOLDER = Path(__file__).parent
FILES = ("dft.csv", "aligner.csv")
NAMED = ("paper", "place", "model", "method", "setting", "dataset", "metric")  # one fact each
COLUMNS = (*NAMED, "value", "unit")
PAPERS = {"arXiv:2508.05629": "DFT", "arXiv:2312.05503": "Aligner"}
UNITS = {"percent": (0.0, 100.0), "share": (0.0, 1.0), "parameters": (1.0, float("inf"))}

MATHS = ("Math500", "Minerva Math", "Olympiad Bench", "AIME24", "AMC23")
AVERAGE = "average of five"


def load_facts(folder: Path = FOLDER) -> pd.DataFrame:
    """Return every fact: ``COLUMNS``, with ``value`` a number and ``printed`` its text.

    Raises:
        InputError: a file that is missing or has other columns; a row with a gap, an unknown paper
            or unit, a value that is no number of its unit, or a fact that is there twice.
    """
    return pd.concat([_facts(folder / name) for name in FILES], ignore_index=True)


def load_questions(folder: Path = FOLDER) -> dict[str, int]:
    """Return how many questions each benchmark has.

    Raises:
        InputError: as for ``load_facts``; a number that is not whole and positive.
    """
    path = folder / "questions.csv"
    table = _table(path, ("dataset", "questions"))
    _once(path, table, ["dataset"])
    for row, text in enumerate(table["questions"], 1):
        if not (text.isdecimal() and int(text) > 0):
            raise InputError(_where(path, row, "questions"), text, "give a whole number above 0")
    return dict(zip(table["dataset"], table["questions"].astype(int), strict=True))


def load_gains(folder: Path = FOLDER) -> pd.DataFrame:
    """Return what the text of the DFT paper says: model, dft_gain, sft_gain, times, as printed.

    Raises:
        InputError: as for ``load_facts``.
    """
    path = folder / "dft_text.csv"
    columns = ("model", "dft_gain", "sft_gain", "times")
    table = _table(path, columns)
    _once(path, table, ["model"])
    for column in columns[1:]:
        for row, text in enumerate(table[column], 1):
            _number(_where(path, row, column), text)
    return table


def _facts(path: Path) -> pd.DataFrame:
    table = _table(path, COLUMNS)
    for column, known in (("paper", tuple(PAPERS)), ("unit", tuple(UNITS))):
        for row, text in enumerate(table[column], 1):
            if text not in known:
                remedy = f"choose one of {', '.join(known)}"
                raise InputError(_where(path, row, column), text, remedy)
    values = []
    for row, (text, unit) in enumerate(zip(table["value"], table["unit"], strict=True), 1):
        low, high = UNITS[unit]
        value = _number(_where(path, row, "value"), text)
        if not low <= value <= high:
            remedy = f"give {unit} from {low:g} to {high:g}"
            raise InputError(_where(path, row, "value"), text, remedy)
        values.append(value)
    _once(path, table, list(NAMED))
    return table.assign(printed=table["value"], value=values)


def _table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return a file as texts; its columns are these and no cell is empty."""
    if not path.is_file():
        raise InputError("folder", str(path.parent), f"give one that holds {path.name}")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(table.columns) != list(columns):
        remedy = f"the columns are {', '.join(columns)}"
        raise InputError(f"{path.name}: columns", list(table.columns), remedy)
    for column in columns:
        for row, text in enumerate(table[column], 1):
            if text.strip() != text or not text:
                raise InputError(_where(path, row, column), text, "give a text without margins")
    return table


def _number(where: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(where, text, "give a number") from None
    if not math.isfinite(value):
        raise InputError(where, text, "give a finite number")
    return value


def _once(path: Path, table: pd.DataFrame, names: Sequence[str]) -> None:
    again = table.duplicated(list(names))
    if again.any():
        row = int(again.to_numpy().argmax())
        named = " / ".join(str(table[name].iloc[row]) for name in names)
        where = f"{path.name}, row {row + 1}: {', '.join(names)}"
        raise InputError(where, named, "it is there already: keep one of the two")


def _where(path: Path, row: int, column: str) -> str:
    return f"{path.name}, row {row}: {column}"
