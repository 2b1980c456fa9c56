"""The answer in words: which capacity holds a model back most, about what, from how much."""

from collections import Counter

import numpy as np

from analysis import contrasts
from analysis.estimands import Contrast
from analysis.estimates import Finding, evaluate
from analysis.fractions import aliased
from analysis.layout import ALL, Floats, Layout
from analysis.report.rows import TITLES, ModelTable, interval, pp, span
from analysis.study import Study
from analysis.uncertainty import Uncertainty

WEIGHTS = {"shapley": contrasts.shapley, "add1": contrasts.moebius}


def answer(table: ModelTable, how: Uncertainty) -> str:
    """Return the answer in one or two sentences."""
    kind = table.leading
    factors = table.study.layout.factors
    if kind is None:
        return "No capacity can be ranked: the cells that this takes have no data."
    order = sorted(factors, key=lambda factor: -table.value(f"{kind}:{factor}"))
    top = order[0]
    measure = TITLES[kind]
    if kind == "ame":
        measure += ", each with its aliases"
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
    text = f"{capacity} holds {whom(table)} back most: {top} adds {gain} ({measure})"
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


def whom(table: ModelTable) -> str:
    """Return the model as a sentence names it."""
    return "the models" if table.model == ALL else table.model


def heading(study: Study, how: Uncertainty) -> str:
    """Return whose episodes these are, the target, and how many were observed."""
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
        # What follows a cause's colon is one episode's detail.
        counts = Counter[str]()
        for cause, count in missing.items():
            counts[cause.partition(":")[0]] += count
        causes = ", ".join(f"{cause} {count:,}" for cause, count in counts.most_common())
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
    if study.allocation is not None:
        text += f" {study.allocation.said}"
    if study.held:
        doses = (f"{name} at {dose or 'off'}" for name, dose in study.held.items())
        text += f" Held: {', '.join(doses)}."
    return text


def foot(table: ModelTable) -> list[str]:
    """Return what must be said below the gaps, a sentence or more each."""
    return [rates(table), *legend(table), *particulars(table)]


def legend(table: ModelTable) -> list[str]:
    """Return what the columns are: the same for every model."""
    order = ", ".join(table.study.layout.factors)
    said = [f"Percentage points. In sequence, and in a cell's digits: {order}."]
    if table.leading == "shapley":
        said.append(
            "Shapley: the mean gain over all orders of switching the interventions on; over the "
            "orders: the least and the greatest gain. In sequence: the gain in the order given, so "
            "a later one gets more where the earlier ones open the way. Residual: what still fails "
            "with everything on."
        )
    if table.study.known is not None:
        said.append("Truth: the subject's computed success probabilities on these very tasks.")
    return said


def particulars(table: ModelTable) -> list[str]:
    """Return what holds of this model's estimates: missing episodes, method."""
    kind = table.leading or "add1"
    # What a fraction estimates instead is a table of its own.
    methods = {
        table.rows[name]["method"].partition("; fraction: ")[0] for name in table.names(kind)
    }
    missing = worst_and_best(table)
    return [*([missing] if missing else []), "Method: " + "; or ".join(sorted(methods)) + "."]


def worst_and_best(table: ModelTable) -> str:
    """Return worst and best case of the leading gaps; nothing where every episode was observed."""
    kind = table.leading or "add1"
    ranges = [
        f"{factor} {span(row['manski_low'], row['manski_high'])}"
        for factor in table.study.layout.factors
        if np.isfinite((row := table.rows[f"{kind}:{factor}"])["manski_low"])
    ]
    if not ranges:
        return ""
    return f"Missing episodes at their worst and best ({TITLES[kind]}): {'; '.join(ranges)}."


def rates(table: ModelTable) -> str:
    """Return the success rates at both ends, and the residual."""
    layout = table.study.layout
    said = []
    for name, title in ((layout.codes[0], "nothing on"), (layout.full, "everything on")):
        row = table.rows[f"cell:{name}"]
        if not row["status"]:
            limits = interval(row["ci_low"], row["ci_high"])
            said.append(f"{title} ({name}) {100 * row['estimate']:.1f} % {limits}")
    residual = table.value("seq:residual")
    if np.isfinite(residual):
        said.append(f"residual {100 * residual:.1f} %")
    return " · ".join(said)


def _said(table: ModelTable, kind: str, factor: str) -> str:
    row = table.rows[f"{kind}:{factor}"]
    limits = interval(row["ci_low"], row["ci_high"])
    capacity = table.study.capacities[factor]
    return f"{capacity}, {factor} {pp(row['estimate'])} pp {limits}"


def _difference(table: ModelTable, how: Uncertainty, kind: str, pair: tuple[str, str]) -> Finding:
    place = table.study.place(table.model, how)
    first, second = (_weights(table.study.layout, kind, name) for name in pair)
    return evaluate(place, [Contrast("difference", first - second)], [(-2.0, 2.0)])[0]


def _weights(layout: Layout, kind: str, name: str) -> Floats:
    k, index = len(layout.factors), layout.factors.index(name)
    if kind == "seq":
        return contrasts.step(k, range(index), [index])
    if kind == "ame":  # what a fraction estimates in its stead
        made = aliased((index,), layout.cells, layout.factors)
        return contrasts.banzhaf(k, [index]) if made is None else made[0]
    return WEIGHTS[kind](k, [index])
