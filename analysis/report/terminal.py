"""The gap table in the terminal: the answer in words, then one line per capacity."""

import textwrap

from analysis.layout import ALL
from analysis.report.answer import answer, foot, heading
from analysis.report.gaps import arm_tables, gap_tables
from analysis.report.rows import ModelTable, interval, pp
from analysis.report.table import WIDTH
from analysis.results import Estimates
from analysis.uncertainty import Uncertainty

__all__ = ["WIDTH", "interval", "pp", "report"]


def report(estimates: Estimates) -> str:
    """Return the whole report: a part per model, then the average over models."""
    study, frame, how = estimates.study, estimates.frame, estimates.uncertainty
    models = estimates.models
    if len(models) == 1:
        table = ModelTable.of(study, frame, models[0])
        lines = [*_answered(table, how), *_wrapped(heading(study, how)), ""]
        return "\n".join([*lines, *_part(table)])
    lines = [*_wrapped(heading(study, how)), ""]
    for model in models:
        table = ModelTable.of(study, frame, model)
        title = "mean of the models" if model == ALL else model
        lines.append(f"── {title} " + "─" * max(3, 76 - len(title)))
        lines += [*_answered(table, how), "", *_part(table), ""]
    return "\n".join(lines).rstrip()


def _wrapped(text: str) -> list[str]:
    """Return a sentence as lines no longer than the tables are wide."""
    return textwrap.wrap(text, WIDTH)


def _answered(table: ModelTable, how: Uncertainty) -> list[str]:
    return _wrapped(answer(table, how))


def _part(table: ModelTable) -> list[str]:
    """Return the tables of one model, an empty line after each, and what belongs below them."""
    lines = []
    for made in (*gap_tables(table), *arm_tables(table)):
        lines += [made.written("text"), *_wrapped(made.note), ""]
    return [*lines, *(line for said in foot(table) for line in _wrapped(said))]
