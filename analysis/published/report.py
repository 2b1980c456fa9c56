"""What the terminal says of the paper, or of a study that runs the paper's cells."""

import textwrap

import pandas as pd

from analysis.layout import ALL
from analysis.published import tables
from analysis.published.claims import Claim, of_study, published_claims
from analysis.published.names import GAPS
from analysis.published.verdicts import ALPHA, RULE, verdict_lines, verdicts
from analysis.report.table import WIDTH, Table


def published_text(frame: pd.DataFrame) -> str:
    """Return the published tables re-analysed: gaps, the 2 x 2, a verdict on each claim."""
    heading = "The published tables, re-analysed from their exact counts."
    target = (
        "Target: these 25 tasks, new runs taken as independent: the tables carry no tasks. About "
        "new tasks they cannot speak: where effects differ by task, those intervals are wider."
    )
    return _text(frame, published_claims(), heading, target)


def own_text(frame: pd.DataFrame) -> str:
    """Return the same of a study's estimates under the published names; empty without rows."""
    if frame.empty:
        return ""
    return _text(frame, of_study(frame), "The same cells, as the paper reads them.", "")


def _text(frame: pd.DataFrame, claims: list[Claim], heading: str, note: str) -> str:
    made = [_gaps(frame), tables.two_by_two(frame), tables.formats_again(frame)]
    parts = [one.text() for one in made if one.rows]
    lines = verdict_lines(verdicts(frame, claims), WIDTH)
    if lines:
        parts.append("\n".join(["What survives", "", *lines, "", textwrap.fill(RULE, WIDTH)]))
    note = textwrap.fill(note, WIDTH)
    return "\n\n".join(part for part in (heading, *parts, note) if part) if parts else ""


def _gaps(frame: pd.DataFrame) -> Table:
    """Return a line per model, a gap per column, short enough for a terminal."""
    body = []
    for model, rows in tables.of_models(frame):
        if not {"cell:0000", *GAPS.values()} <= rows.keys():
            continue
        line = [tables.MEAN if model == ALL else model]
        for name in ("cell:0000", *GAPS.values()):
            row = rows[name]
            star = "*" if row["p_holm"] < ALPHA else " "
            line.append(f"{tables.with_limits(row)}{star}")
        body.append(line)
    note = f"{tables.about(frame)} Per cent and percentage points. * differs from zero after Holm."
    return Table("gaps", "Baseline and gaps", ["model", "baseline", *GAPS], body, note)
