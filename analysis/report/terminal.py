"""The gap table in the terminal: the answer in words, then one line per capacity."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis import arms, contrasts
from analysis.estimands import Contrast
from analysis.estimates import Finding, evaluate
from analysis.layout import ALL, Floats
from analysis.planning.fraction_report import fraction_lines
from analysis.results import Estimates
from analysis.study import Study, records
from analysis.uncertainty import Uncertainty

WEIGHTS = {"shapley": contrasts.shapley, "add1": contrasts.moebius}
HOLM_LEVEL = 0.05
WIDTH = 100
TITLES = {"shapley": "Shapley", "ame": "average effect", "seq": "in sequence", "add1": "alone"}


@dataclass(frozen=True, eq=False)
class ModelTable:
    """One model's rows of the estimates, by name."""

    study: Study
    model: str
    rows: Mapping[str, Mapping[str, Any]]  # estimand -> its columns

    @classmethod
    def of(cls, study: Study, frame: pd.DataFrame, model: str) -> "ModelTable":
        """Take one model's rows."""
        own = frame[frame["model"] == model]
        return cls(study, model, {str(row["estimand"]): row for row in records(own)})

    def value(self, name: str, column: str = "estimate") -> float:
        """Return one number; NaN where there is none."""
        return float(self.rows[name][column]) if name in self.rows else np.nan

    def measured(self, kind: str) -> bool:
        """Whether every factor has an estimate of this kind."""
        names = [f"{kind}:{factor}" for factor in self.study.layout.factors]
        return all(np.isfinite(self.value(name)) for name in names)

    def leading(self) -> str | None:
        """Return the kind that ranks the capacities: the fairest that the design allows."""
        return next((kind for kind in ("shapley", "seq", "add1") if self.measured(kind)), None)


def report(estimates: Estimates) -> str:
    """Return the whole report: a part per model, then the average over models."""
    study, frame, how = estimates.study, estimates.frame, estimates.uncertainty
    models = estimates.models
    if len(models) == 1:
        table = ModelTable.of(study, frame, models[0])
        lines = [*_wrapped(_answer(table, how)), *_wrapped(_heading(study, how)), ""]
        lines += fraction_lines(study, models[0], how)
        return "\n".join([*lines, *_blocks(table), *_foot(table)])
    lines = [*_wrapped(_heading(study, how)), ""]
    for model in models:
        table = ModelTable.of(study, frame, model)
        title = "mean of the models" if model == ALL else model
        lines.append(f"── {title} " + "─" * max(3, 76 - len(title)))
        lines += [*_wrapped(_answer(table, how)), "", *_blocks(table), *_foot(table), ""]
    return "\n".join(lines).rstrip()


def _wrapped(text: str) -> list[str]:
    """Return a sentence as lines no longer than the tables are wide."""
    return textwrap.wrap(text, WIDTH)


def _heading(study: Study, how: Uncertainty) -> str:
    tasks = len(study.layout.tasks)
    target = (
        f"new tasks (a sample of {tasks})"
        if how.target == "new"
        else f"these {tasks} tasks, new runs"
    )
    total, missing = len(study.episodes), study.missing
    seen = total - sum(missing.values())
    lost = "none missing"
    if missing:
        causes = ", ".join(f"{cause} {count:,}" for cause, count in missing.items())
        lost = f"{total - seen:,} missing ({causes}), never counted as failures"
    models = study.models
    who = models[0] if len(models) == 1 else f"{len(models)} models"
    text = (
        f"{study.name}: {who}. Target: {target}. "
        f"{seen:,} of {total:,} episodes observed, {lost}. Intervals: 95 %."
    )
    if study.planned is not None and total < study.planned:
        text += (
            f" UNFINISHED: {study.planned - total:,} of {study.planned:,} episodes have not run; "
            "the same command continues."
        )
    if study.stop is not None:
        text += f" {study.stop.said}"
    if study.held:
        doses = (f"{name} at {dose or 'off'}" for name, dose in study.held.items())
        text += f" Held: {', '.join(doses)}."
    return text


def pp(value: float) -> str:
    """Return a difference in percentage points with its sign: ``+34.0``."""
    return "–" if np.isnan(value) else f"{_tidy(value):+.1f}"


def interval(low: float, high: float) -> str:
    """Return limits in percentage points: ``[28.1, 39.9]``."""
    if np.isnan(low) or np.isnan(high):
        return "[no interval]"
    return f"[{_tidy(low):.1f}, {_tidy(high):.1f}]"


def _tidy(value: float) -> float:
    """Return percentage points to one digit, never minus zero."""
    return round(100 * value, 1) + 0.0


def _said(table: ModelTable, kind: str, factor: str) -> str:
    row = table.rows[f"{kind}:{factor}"]
    limits = interval(row["ci_low"], row["ci_high"])
    capacity = table.study.capacities[factor]
    return f"{capacity}, {factor} {pp(row['estimate'])} pp {limits}"


def _answer(table: ModelTable, how: Uncertainty) -> str:
    """Return the answer in one or two sentences."""
    kind = table.leading()
    factors = table.study.layout.factors
    if kind is None:
        return "No capacity can be ranked: the cells that this takes have no data."
    order = sorted(factors, key=lambda factor: -table.value(f"{kind}:{factor}"))
    top = order[0]
    measure = TITLES[kind]
    if np.isnan(table.value(f"{kind}:{top}", "ci_low")):
        method = table.rows[f"{kind}:{top}"]["method"]
        return f"The largest gap is {_said(table, kind, top)} ({measure}); {method}."
    if not table.value(f"{kind}:{top}", "ci_low") > 0:
        return (
            "No gap is distinguishable from zero at 95 %; the largest is "
            f"{_said(table, kind, top)} ({measure})."
        )
    row = table.rows[f"{kind}:{top}"]
    gain = f"{pp(row['estimate'])} pp {interval(row['ci_low'], row['ci_high'])}"
    capacity = table.study.capacities[top].capitalize()
    text = f"{capacity} holds {_whom(table)} back most: {top} adds {gain} ({measure})"
    if len(order) == 1:
        return text + "."
    second = order[1]
    text += f"; second {_said(table, kind, second)}."
    if table.value(f"{kind}:{second}", "ci_high") >= table.value(f"{kind}:{top}", "ci_low"):
        gap = _difference(table, how, kind, (top, second))
        apart = f"{pp(gap.estimate)} pp {interval(gap.ci_low, gap.ci_high)}"
        verdict = "which excludes zero" if gap.ci_low > 0 else "so the first place is not certain"
        text += f" Their intervals overlap: the difference is {apart}, {verdict}."
    return text


def _whom(table: ModelTable) -> str:
    return "the models" if table.model == ALL else table.model


def _difference(table: ModelTable, how: Uncertainty, kind: str, pair: tuple[str, str]) -> Finding:
    place = table.study.place(table.model, how)
    first, second = (_weights(table.study.layout.factors, kind, name) for name in pair)
    return evaluate(place, [Contrast("difference", first - second)], [(-2.0, 2.0)])[0]


def _weights(factors: Sequence[str], kind: str, name: str) -> Floats:
    k, index = len(factors), factors.index(name)
    if kind == "seq":
        return contrasts.step(k, range(index), [index])
    return WEIGHTS[kind](k, [index])


def _blocks(table: ModelTable) -> list[str]:
    """Return the tables of one model, an empty line after each."""
    blocks = [_gap_lines(table), _sham_lines(table), _dose_lines(table)]
    return [line for block in blocks if block for line in (*block, "")]


def _sham_lines(table: ModelTable) -> list[str]:
    """Return each intervention against its sham; nothing without a sham arm."""
    layout = table.study.layout
    known = any(np.isfinite(table.value(name, "truth")) for name in _names(table, "placebo"))
    head = ["intervention", "settings", "against its sham", *(["truth"] if known else [])]
    head += ["against nothing", "sham alone"]
    body = []
    for index, factor in enumerate(layout.factors):
        for within, names in arms.compared(layout, index).items():
            first, *truth = _joined(table, names.get("placebo"), known=known)
            rest = [_joined(table, names.get(kind))[0] for kind in ("ame_dose", "sham")]
            body.append([factor, arms.label(layout, within), first, *truth, *rest])
    if not body:
        return []
    told = "A sham has an intervention's form and length, and true content that does not bear on "
    told += "the task. Effects are comparable within a line; ? is the digit that differs."
    return [*aligned(head, body), *_wrapped(told)]


def _dose_lines(table: ModelTable) -> list[str]:
    """Return each intervention's effect by dose and its slope; nothing without further doses."""
    layout = table.study.layout
    chosen = [index for index in range(len(layout.factors)) if arms.has_doses(layout, index)]
    names = [f"dose:{layout.factors[index]}" for index in chosen]
    known = any(np.isfinite(table.value(name, "truth")) for name in names)
    head = ["intervention", "dose", "against nothing", *(["truth"] if known else [])]
    body, places = [], []
    for index, name in zip(chosen, names, strict=True):
        factor = layout.factors[index]
        for dose in layout.doses(index):
            row = f"ame_dose:{factor}@{dose}"
            if row in table.rows:
                body.append([factor, str(dose), *_joined(table, row, known=known)])
        body.append([factor, "per step", *_joined(table, name, known=known)])
        found = arms.settings(layout, index, layout.doses(index))
        places.append(f"{factor} {arms.told(layout, found)}")
    if not body:
        return []
    told = f"Per step: least-squares slope over the doses. Compared {'; '.join(places)}."
    return [*aligned(head, body), *_wrapped(told)]


def _joined(table: ModelTable, name: str | None, *, known: bool = False) -> list[str]:
    """Return estimate and limits as one text, then the truth if it is ``known``."""
    if name is None or name not in table.rows:
        return ["–"] + (["–"] if known else [])
    estimate, limits, *truth = _estimate(table, name, known=known)
    return ["not estimable" if estimate == "–" else f"{estimate} {limits}", *truth]


def _gap_lines(table: ModelTable) -> list[str]:
    """Return the leading measure with its range over the orders, then the sequential gaps."""
    kind = table.leading() or "add1"
    lines = _kind_lines(table, kind, ordered=kind != "seq")
    if kind != "seq" and table.measured("seq"):
        lines += ["", *_kind_lines(table, "seq", ordered=False)]
    return lines


def _kind_lines(table: ModelTable, kind: str, *, ordered: bool) -> list[str]:
    factors = table.study.layout.factors
    known = any(np.isfinite(table.value(name, "truth")) for name in _names(table, kind))
    ordered = ordered and any(np.isfinite(table.value(f"seq:{f}", "order_low")) for f in factors)
    head = ["capacity", "intervention", TITLES[kind], "95 %"] + (["truth"] if known else [])
    head += [f"over {math.factorial(len(factors))} orders"] if ordered else []
    body = []
    for factor in factors:
        line = [table.study.capacities[factor], factor]
        line += _estimate(table, f"{kind}:{factor}", known=known)
        if ordered:
            name = f"seq:{factor}"
            line.append(_range(table.value(name, "order_low"), table.value(name, "order_high")))
        body.append(line)
    return aligned(head, body)


def _names(table: ModelTable, kind: str) -> list[str]:
    return [f"{kind}:{factor}" for factor in table.study.layout.factors]


def _estimate(table: ModelTable, name: str, *, known: bool) -> list[str]:
    row = table.rows[name]
    if row["status"]:
        cells = ["–", "not estimable"]
    else:
        cells = [pp(row["estimate"]), interval(row["ci_low"], row["ci_high"])]
    return cells + ([pp(row["truth"])] if known else [])


def _range(low: float, high: float) -> str:
    return "–" if np.isnan(low) or np.isnan(high) else f"{pp(low)} to {pp(high)}"


def aligned(head: list[str], body: list[list[str]], names: int = 2) -> list[str]:
    """Return lines with columns of names at the left and figures at the right."""
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        texts = [
            cell.ljust(width) if i < names else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(texts).rstrip()

    return [line(head), "─" * (sum(widths) + 2 * (len(widths) - 1)), *map(line, body)]


def _foot(table: ModelTable) -> list[str]:
    layout = table.study.layout
    none, full = layout.codes[0], layout.full
    rates = []
    for name, title in ((f"cell:{none}", "nothing on"), (f"cell:{full}", "everything on")):
        row = table.rows[name]
        if not row["status"]:
            limits = interval(row["ci_low"], row["ci_high"])
            rates.append(f"{title} ({name[5:]}) {100 * row['estimate']:.1f} % {limits}")
    residual = table.value("seq:residual")
    if np.isfinite(residual):
        rates.append(f"residual {100 * residual:.1f} %")
    lines = _wrapped(" · ".join(rates))
    order = ", ".join(layout.factors)
    lines += _wrapped(f"Percentage points. In sequence, and in a cell's digits: {order}.")
    if table.leading() == "shapley":
        lines += _wrapped(
            "Shapley: the mean gain over all orders of switching the interventions on; over the "
            "orders: the least and the greatest gain. In sequence: the gain in the order given, so "
            "a later one gets more where the earlier ones open the way. Residual: what still fails "
            "with everything on."
        )
    if table.study.known is not None:
        lines.append("Truth: the subject's computed success probabilities on these very tasks.")
    lines += _missing_line(table)
    methods = {table.rows[name]["method"] for name in _names(table, table.leading() or "add1")}
    lines += _wrapped("Method: " + "; or ".join(sorted(methods)) + ".")
    return lines


def _missing_line(table: ModelTable) -> list[str]:
    """Return worst and best case of the leading gaps; nothing where every episode was observed."""
    kind = table.leading() or "add1"
    ranges = [
        f"{factor} {_range(row['manski_low'], row['manski_high'])}"
        for factor in table.study.layout.factors
        if np.isfinite((row := table.rows[f"{kind}:{factor}"])["manski_low"])
    ]
    if not ranges:
        return []
    text = f"Missing episodes at their worst and best ({TITLES[kind]}): {'; '.join(ranges)}."
    return _wrapped(text)


PUBLISHED_GAPS = (
    ("baseline", "cell:0000"),
    ("identification", "seq:gap_hints"),
    ("discovery", "seq:experiment_oracles+knowledge_notes"),
    ("application", "residual:1110"),
)


def published_report(frame: pd.DataFrame) -> str:
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
            line.append(f"{_tidy(row['estimate']):.1f} {limits}{star}")
        body.append(line)
    head = ["model", *(title for title, _ in PUBLISHED_GAPS)]
    ratio = rows[(ALL, f"fieller:{PUBLISHED_GAPS[1][1][4:]}/{PUBLISHED_GAPS[2][1][4:]}")]
    return "\n".join(
        [
            *aligned(head, body, names=1),
            "",
            "Percentage points, 95 % intervals (Wilson, Newcombe). * differs from zero after Holm.",
            (
                f"Identification over discovery, all models: {ratio['estimate']:.2f} "
                f"[{ratio['ci_low']:.2f}, {ratio['ci_high']:.2f}]."
            ),
            "Target: fixed tasks, independent runs: the published tables carry no tasks.",
        ]
    )
