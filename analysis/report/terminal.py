"""The gap table in the terminal: the answer in words, then one line per capacity."""

import textwrap

import pandas as pd

from analysis.layout import ALL
from analysis.report.answer import answer, foot, heading
from analysis.report.gaps import arm_tables, gap_tables
from analysis.report.rows import ModelTable, interval, pp, tidy
from analysis.report.table import WIDTH, Table
from analysis.results import Estimates
from analysis.study import records
from analysis.uncertainty import Uncertainty

__all__ = ["WIDTH", "interval", "pp", "published_report", "published_table", "report"]
HOLM_LEVEL = 0.05


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


PUBLISHED_GAPS = (
    ("baseline", "cell:0000"),
    ("identification", "seq:gap_hints"),
    ("discovery", "seq:experiment_oracles+knowledge_notes"),
    ("application", "residual:1110"),
)


def published_table(frame: pd.DataFrame) -> Table:
    """Return the published tables re-analysed: a line per model, a gap per column, in pp.

    Args:
        frame: of ``published.estimates``.
    """
    rows = {(row["model"], row["estimand"]): row for row in records(frame)}
    body = []
    for model in frame["model"].drop_duplicates():
        line = ["mean of the models" if model == ALL else str(model)]
        for _, name in PUBLISHED_GAPS:
            row = rows[(model, name)]
            limits = interval(row["ci_low"], row["ci_high"])
            star = "*" if row["p_holm"] is not None and row["p_holm"] < HOLM_LEVEL else " "
            line.append(f"{tidy(row['estimate']):.1f} {limits}{star}")
        body.append(line)
    head = ["model", *(title for title, _ in PUBLISHED_GAPS)]
    note = "Percentage points, 95 % intervals (Wilson, Newcombe). * differs from zero after Holm."
    return Table("published_gaps", "The published gaps", head, body, note)


def published_report(frame: pd.DataFrame) -> str:
    """Return the published tables re-analysed, as text.

    Args:
        frame: of ``published.estimates``.
    """
    rows = {(row["model"], row["estimand"]): row for row in records(frame)}
    ratio = rows[(ALL, f"fieller:{PUBLISHED_GAPS[1][1][4:]}/{PUBLISHED_GAPS[2][1][4:]}")]
    table = published_table(frame)
    return "\n".join(
        [
            table.written("text"),
            "",
            table.note,
            (
                f"Identification over discovery, all models: {ratio['estimate']:.2f} "
                f"[{ratio['ci_low']:.2f}, {ratio['ci_high']:.2f}]."
            ),
            "Target: fixed tasks, independent runs: the published tables carry no tasks.",
        ]
    )
