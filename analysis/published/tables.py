"""The paper's tables, and beside each its re-analysis, from a frame of estimates.

Each function takes estimates under the published names: of the published counts
(``analysis.published.estimates``) or of a study (``analysis.published.own``). What the frame does
not hold has no row; a table without rows is left out.
"""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.layout import ALL
from analysis.published.names import (
    CODES,
    FORMATS,
    GAPS,
    HINTS,
    JOINT,
    RATIOS,
    TWO_BY_TWO,
)
from analysis.report.table import Table, save
from analysis.study import records

Rows = Mapping[str, Mapping[str, Any]]  # estimand -> its columns
SHORT = dict(zip(FORMATS, ("claim-proof", "finding-explanation", "self-determined"), strict=True))
MEAN = "mean of the models"
TESTS = ("p", "p Holm", "p BH")
FAMILY = "Holm and BH: over one kind of estimand, all models."
SQUARE = (  # what the 2 x 2 says: estimand, in words
    (f"seq:{HINTS}", "hint alone"),
    (f"loo:{HINTS}{TWO_BY_TWO}", "hint, the scientist there already"),
    (f"shapley:{HINTS}{TWO_BY_TWO}", "hint, order-free (Shapley)"),
    (f"add1:{JOINT}{TWO_BY_TWO}", "scientist alone"),
    (f"seq:{JOINT}", "scientist, the hint there already"),
    (f"shapley:{JOINT}{TWO_BY_TWO}", "scientist, order-free (Shapley)"),
    (f"int:{HINTS}*{JOINT}{TWO_BY_TWO}", "interaction: hint x scientist"),
)


def of_models(frame: pd.DataFrame) -> Iterator[tuple[str, Rows]]:
    """Yield each model with its estimates by name, in the frame's order."""
    for model in dict.fromkeys(frame["model"]):
        own = records(frame[frame["model"] == model])
        yield model, {str(row["estimand"]): row for row in own if not row["status"]}


def percent(row: Mapping[str, Any] | None, digits: int = 1) -> str:
    """Return an estimate in per cent or percentage points, as printed."""
    return _number(None if row is None else 100 * row["estimate"], digits)


def ratio(row: Mapping[str, Any] | None) -> str:
    """Return a ratio with two digits, as printed."""
    return _number(None if row is None else row["estimate"], 2)


def _number(value: float | None, digits: int) -> str:
    if value is None or math.isnan(value):
        return "–"
    return f"{round(value, digits) + 0.0:.{digits}f}"  # never minus zero


def limits(row: Mapping[str, Any] | None, scale: float = 100, digits: int = 1) -> str:
    """Return an interval: ``[17.0, 35.3]``; of a ratio with ``scale`` 1 and two digits."""
    if row is None or math.isnan(row["ci_low"]):
        return "–"
    if math.isinf(row["ci_low"]):
        return "unbounded"
    low, high = (_number(scale * row[name], digits) for name in ("ci_low", "ci_high"))
    return f"[{low}, {high}]"


def p_value(value: float | None) -> str:
    """Return a p value with two digits that count: ``0.22``, ``0.0031``, ``< 0.0001``.

    Near 0.05 with three, so that it shows on which side it lies.
    """
    if value is None or math.isnan(value):
        return "–"
    if value < 0.0001:
        return "< 0.0001"
    if 0.045 <= value < 0.055:
        return f"{value:.3g}"
    return f"{value:.2f}" if value >= 0.095 else f"{value:#.2g}"


def tests(row: Mapping[str, Any]) -> list[str]:
    """Return p raw, after Holm and after Benjamini-Hochberg."""
    return [p_value(row[name]) for name in ("p", "p_holm", "p_bh")]


def about(frame: pd.DataFrame) -> str:
    """Return what a table must say of itself: target, n, interval, what is missing."""
    target = "new tasks (these are a sample)"
    if set(frame["target"]) == {"fixed"}:
        target = "these tasks, new runs"
    cells = frame[frame["estimand"].str.match(r"cell(_format)?:") & (frame["model"] != ALL)]
    counts = sorted(set(cells["n_episodes"].astype(int)))
    n = "n: no cell" if not counts else f"n = {counts[0]:,}"
    if len(counts) > 1:
        n += f" to {counts[-1]:,}"
    missing = int(cells["n_missing"].sum())
    lost = f"; {missing:,} episodes missing, never failures" if missing else ""
    return f"Target: {target}; 95 % intervals; {n} episodes a cell{lost}."


def gaps(frame: pd.DataFrame) -> Table:
    """Return Table 2: success by condition, gaps and their ratios to the baseline, per model."""
    head = ["model", "baseline", "hint", "hint + scientist"]
    head += [text for name in GAPS for text in (f"{name} gap", "r")]
    body = []
    for model, rows in of_models(frame):
        if model == ALL or not {"cell:0000", *GAPS.values()} <= rows.keys():
            continue
        line = [model, *(percent(rows[f"cell:{code}"]) for code in ("0000", "1000", "1110"))]
        for name in GAPS:
            line += [percent(rows[GAPS[name]]), ratio(rows.get(RATIOS[name]))]
        body.append(line)
    note = (
        "Per cent and percentage points. Gaps: hint less baseline; hint + scientist less hint; 100 "
        "less hint + scientist. r: gap over baseline."
    )
    return Table("table2_gaps", "Table 2: capacity gaps per model", head, body, note)


def gaps_again(frame: pd.DataFrame) -> Table:
    """Return Table 2 re-analysed: each gap and ratio with interval and tests."""
    head = ["model", "gap", "pp", "95 %", *TESTS, "r", "95 % of r"]
    body = []
    for model, rows in of_models(frame):
        for name, estimand in GAPS.items():
            if estimand in rows:
                row, own = rows[estimand], rows.get(RATIOS[name])
                line = [
                    MEAN if model == ALL else model,
                    name,
                    percent(row),
                    limits(row),
                    *tests(row),
                ]
                body.append([*line, ratio(own), limits(own, 1, 2)])
    note = f"{about(frame)} A gap of application is a residual: no test. {FAMILY}"
    title = "Table 2 re-analysed"
    return Table("table2_gaps_reanalysed", title, head, body, note, names=2)


def formats(frame: pd.DataFrame) -> Table:
    """Return Table 3: success with hint and scientist by the form of the notes."""
    head = ["model", "condition", "notes", "success"]
    body = [
        [model, "hint_scientist", form, percent(rows[f"cell_format:{form}"])]
        for model, rows in of_models(frame)
        if model != ALL
        for form in reversed(FORMATS)
        if f"cell_format:{form}" in rows
    ]
    title = "Table 3: forms of consolidation"
    return Table("table3_formats", title, head, body, "Per cent.", names=3)


def formats_again(frame: pd.DataFrame) -> Table:
    """Return Table 3 re-analysed: each form, and what the first adds over it."""
    gained = frame["estimand"].str.startswith("notes_gain:").any()
    head = ["model", "notes", "success, %", "the first adds, pp", *TESTS]
    head += ["over no notes, pp"] if gained else []
    body = []
    for model, rows in of_models(frame):
        held = [form for form in FORMATS if f"cell_format:{form}" in rows]
        for form in held:
            less = rows.get(f"format:{held[0]}/{form}")
            line = [MEAN if model == ALL else model, SHORT[form]]
            line += [with_limits(rows[f"cell_format:{form}"]), with_limits(less)]
            line += tests(less) if less else ["–"] * 3
            body.append(line + ([with_limits(rows.get(f"notes_gain:{form}"))] if gained else []))
    title = "Table 3 re-analysed: forms of consolidation"
    note = (
        f"{about(frame)} {FAMILY} Claim-proof: Claim-Proof-Constraints-Example; "
        "finding-explanation: Finding-Explanation-Example."
    )
    return Table("table3_formats_reanalysed", title, head, body, note, names=2)


def with_limits(row: Mapping[str, Any] | None) -> str:
    """Return a rate or gap with its interval: ``26.5 [17.0, 35.3]``."""
    return "–" if row is None else f"{percent(row)} {limits(row)}"


def levels(frame: pd.DataFrame) -> Table:
    """Return Table 4: success by level and condition."""
    names = {name: code for name, code in CODES.items() if f"cell:{code}" in set(frame["estimand"])}
    body = []
    for model, rows in of_models(frame):
        if model == ALL:
            continue
        for level in _levels(rows):
            own = [rows.get(f"cell_level:{code}@L{level}") for code in names.values()]
            body.append([model, str(level), *map(percent, own)])
    head = ["model", "level", *(name.replace("_", " + ") for name in names)]
    title = "Table 4: success by level and condition"
    return Table("table4_levels", title, head, body if names else [], "Per cent.", names=2)


def levels_again(frame: pd.DataFrame) -> Table:
    """Return Table 4 re-analysed: what hint and scientist add at each level, whatever the order."""
    head = ["model", "level", "of", "adds, pp", "95 %", *TESTS]
    body = []
    for model, rows in of_models(frame):
        for level in _levels(rows):
            for name, factor in (("hint", HINTS), ("scientist", JOINT)):
                row = rows.get(f"ame_level:{factor}@L{level}{TWO_BY_TWO}")
                if row is not None:
                    who = MEAN if model == ALL else model
                    line = [who, f"L{level}", name, percent(row, 2), limits(row)]
                    body.append([*line, *tests(row)])
    note = f"Mean over the other support off and on. {of_level(frame)} {FAMILY}"
    title = "Table 4 re-analysed: what each support adds at each level"
    return Table("table4_levels_reanalysed", title, head, body, note, names=3)


def _levels(rows: Rows) -> list[int]:
    found = {name.partition("@L")[2] for name in rows if name.startswith("cell_level:")}
    return sorted(map(int, found))


def of_level(frame: pd.DataFrame) -> str:
    """Return what ``about`` says, with the n of one level's cells."""
    cells = frame[frame["estimand"].str.startswith("cell_level:") & (frame["model"] != ALL)]
    return about(cells.assign(estimand=cells["estimand"].str.replace("cell_level:", "cell:")))


def two_by_two(frame: pd.DataFrame) -> Table:
    """Return the 2 x 2 of hint and scientist, taken apart without an order."""
    head = ["model", "what", "pp", "95 %", *TESTS]
    body = []
    for model, rows in of_models(frame):
        whole = f"int:{HINTS}*{JOINT}{TWO_BY_TWO}" in rows
        for estimand, said in SQUARE if whole else ():
            row = rows[estimand]
            who = MEAN if model == ALL else model
            body.append([who, said, percent(row, 2), limits(row), *tests(row)])
    note = (
        f"{about(frame)} Shapley: the mean over both orders. Interaction: hint + scientist beyond "
        f"the sum of each alone. {FAMILY}"
    )
    title = "Hint x scientist: the order-free decomposition"
    return Table("two_by_two", title, head, body, note, names=2)


TABLES = (gaps, gaps_again, formats, formats_again, levels, levels_again, two_by_two)


def tables(frame: pd.DataFrame) -> list[Table]:
    """Return every table that the frame fills."""
    return [made for one in TABLES if len(frame) and (made := one(frame)).rows]


def failures(folder: Path = Path(__file__).parent) -> Table:
    """Return the published taxonomy of twelve failed devices of the 32-lamp broadcast task."""
    table = pd.read_csv(folder / "failures.csv", dtype=str)
    body = [[*line[:3], f"{line[3]}/{line[4]}"] for line in table.to_numpy(object).tolist()]
    head = ["category", "taken to speak of", "device", "lit lamps"]
    title = "Failed devices: lit lamps"
    note = "One device each: what it shows is a mechanism, not a frequency."
    return Table("failures", title, head, body, note, names=3)


def written(many: Sequence[Table], folder: Path) -> list[Path]:
    """Write tables as LaTeX, Markdown and CSV; the same tables give the same bytes."""
    paths = save(many, folder)
    for one in many:
        path = folder / f"{one.name}.csv"
        with path.open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle, lineterminator="\n").writerows([one.head, *one.rows])
        paths.append(path)
    return paths
