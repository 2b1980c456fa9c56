"""Whether the printed tables follow from the counts, digit by digit."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.published import tables
from analysis.published.counts import FOLDER

PRINTED = {"table2_gaps": "table2_models", "table3_formats": "table3_consolidation",
           "table4_levels": "table4_levels"}  # fmt: skip  # ours -> the file as printed


@dataclass(frozen=True)
class Departure:
    """A printed number that the counts do not round to."""

    table: str
    row: int
    column: str
    printed: str
    rebuilt: str


def printed_table(name: str, folder: Path = FOLDER) -> pd.DataFrame:
    """Return a table as printed, every number as the text it is."""
    return pd.read_csv(folder / f"{PRINTED[name]}.csv", dtype=str)


def departures(frame: pd.DataFrame, folder: Path = FOLDER) -> list[Departure]:
    """Return where the tables rebuilt from estimates differ from the printed ones as text.

    Columns are compared in their order, which is the printed one in both.
    """
    built = {one.name: one for one in tables.tables(frame)}
    found = []
    for name in PRINTED:
        printed = printed_table(name, folder)
        rows = printed.to_numpy(object).tolist()
        own = [list(row) for row in built[name].rows]
        if [len(row) for row in own] != [len(row) for row in rows]:
            found.append(Departure(name, -1, "", f"{len(rows)} rows", f"{len(own)} rows"))
            continue
        for number, (theirs, ours) in enumerate(zip(rows, own, strict=True)):
            found += [
                Departure(name, number, str(printed.columns[column]), str(a), b)
                for column, (a, b) in enumerate(zip(theirs, ours, strict=True))
                if a != b
            ]
    return found
