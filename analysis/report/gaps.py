"""The gap tables of one model: the capacities, the interventions against their shams, by dose."""

import math

import numpy as np

from analysis import arms
from analysis.layout import ALL
from analysis.place import NOT_ESTIMABLE
from analysis.report.closed import closed_tables
from analysis.report.fraction import fraction_table
from analysis.report.rows import TITLES, ModelTable, interval, pp, span
from analysis.report.table import Table
from analysis.uncertainty import Uncertainty, checked_target


def gap_tables(table: ModelTable) -> list[Table]:
    """Return the leading measure with its range over the orders, then the sequential gaps.

    In a fraction of the factorial: what each of its contrasts is aliased with.
    """
    kind = table.leading or "add1"
    made = [kind_table(table, kind, ordered=kind != "seq")]
    if kind != "seq" and table.measured("seq"):
        made.append(kind_table(table, "seq", ordered=False))
    if kind == "ame" and table.model != ALL:
        how = Uncertainty(checked_target(str(next(iter(table.rows.values()))["target"])))
        fraction = fraction_table(table.study, table.model, how)
        made += [fraction] if fraction else []
    return made


def arm_tables(table: ModelTable) -> list[Table]:
    """Return effects against shams, by dose, of treatments; none where there are no such arms."""
    made = (sham_table(table), dose_table(table), *closed_tables(table))
    return [one for one in made if one.rows]


def kind_table(table: ModelTable, kind: str, *, ordered: bool) -> Table:
    """Return one kind of gap, a row per capacity.

    Args:
        table: a model's estimates.
        kind: ``shapley``, ``seq``, ``add1`` or another kind with a row per factor.
        ordered: with the range over all orders of the factors, where the design tells it.
    """
    factors = table.study.layout.factors
    known = table.known(table.names(kind))
    ordered = ordered and any(np.isfinite(table.value(f"seq:{f}", "order_low")) for f in factors)
    head = ["capacity", "intervention", TITLES[kind], "95 %"] + (["truth"] if known else [])
    head += [f"over {math.factorial(len(factors))} orders"] if ordered else []
    body = []
    for factor in factors:
        line = [table.study.capacities[factor], factor]
        line += _estimate(table, f"{kind}:{factor}", known=known)
        if ordered:
            name = f"seq:{factor}"
            line.append(span(table.value(name, "order_low"), table.value(name, "order_high")))
        body.append(line)
    return Table(f"gaps_{kind}", f"Gaps by capacity: {TITLES[kind]}", head, body, names=2)


def sham_table(table: ModelTable) -> Table:
    """Return each intervention against its sham; no rows without a sham arm."""
    layout = table.study.layout
    known = table.known(table.names("placebo"))
    head = ["intervention", "settings", "against its sham", *(["truth"] if known else [])]
    head += ["against nothing", "sham alone"]
    body = []
    for index, factor in enumerate(layout.factors):
        for within, names in arms.compared(layout, index).items():
            first, *truth = _joined(table, names.get("placebo"), known=known)
            rest = [_joined(table, names.get(kind))[0] for kind in ("ame_dose", "sham")]
            body.append([factor, arms.label(layout, within), first, *truth, *rest])
    told = "A sham has an intervention's form and length, and true content that does not bear on "
    told += "the task. Effects are comparable within a line; ? is the digit that differs."
    return Table("shams", "Interventions against their shams", head, body, told, names=2)


def dose_table(table: ModelTable) -> Table:
    """Return each intervention's effect by dose and its slope; no rows without further doses."""
    layout = table.study.layout
    chosen = [index for index in range(len(layout.factors)) if arms.has_doses(layout, index)]
    names = [f"dose:{layout.factors[index]}" for index in chosen]
    known = table.known(names)
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
    told = f"Per step: least-squares slope over the doses. Compared {'; '.join(places)}."
    return Table("doses", "Effects by dose", head, body, told, names=2)


def _joined(table: ModelTable, name: str | None, *, known: bool = False) -> list[str]:
    """Return estimate and limits as one text, then the truth if it is ``known``."""
    if name is None or name not in table.rows:
        return ["–"] + (["–"] if known else [])
    estimate, limits, *truth = _estimate(table, name, known=known)
    return ["not estimable" if estimate == "–" else f"{estimate} {limits}", *truth]


def _estimate(table: ModelTable, name: str, *, known: bool) -> list[str]:
    row = table.rows[name]
    if row["status"] == NOT_ESTIMABLE:
        cells = ["–", "not estimable"]
    else:
        cells = [pp(row["estimate"]), interval(row["ci_low"], row["ci_high"])]
    return cells + ([pp(row["truth"])] if known else [])
