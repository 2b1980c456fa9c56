"""Estimates in a notebook's cell: the answer and the gap tables."""

from html import escape

from analysis.report.answer import answer, heading
from analysis.report.findings import models_of, spoken
from analysis.report.gaps import arm_tables, gap_tables
from analysis.report.table import plain
from analysis.results import Estimates


def cell(estimates: Estimates) -> str:
    """Return HTML that stands by itself; whatever a table says in it is text."""
    how = estimates.uncertainty
    parts = []
    for one in models_of(estimates):
        said = answer(one, how)
        named = f"{spoken(one.model)}: " if len(estimates.models) > 1 else ""
        parts.append(f"<p>{escape(plain(named + said))}</p>")
        parts += [table.written("html") for table in (*gap_tables(one), *arm_tables(one))]
    parts.append(f"<p><small>{escape(plain(heading(estimates.study, how)))}</small></p>")
    return "\n".join(parts)
