"""The table of what treatments of the weights closed, and of what they cost."""

from analysis.layout import SHAM
from analysis.place import NOT_ESTIMABLE
from analysis.report.rows import ModelTable, interval, pp
from analysis.report.table import Table

TOLD = (
    "Closed: an intervention's Shapley value without the treatment less that with it, percentage "
    "points, paired by task and seed; the sham is weights that changed nothing. The prompt's "
    "interventions are the players; the treatment is none of them."
)


def closed_tables(table: ModelTable) -> list[Table]:
    """Return what each treatment closed and what it cost; nothing where no weights were treated."""
    layout = table.study.layout
    return [
        made
        for treatment in layout.treatments
        for made in (_closed(table, treatment), _cost(table, treatment))
        if made.rows
    ]


def _closed(table: ModelTable, treatment: str) -> Table:
    """Return one row per capacity and level: the gap before, after, and what was closed."""
    layout, capacities = table.study.layout, table.study.capacities
    head = ["treatment", "capacity", "untreated", "treated", "closed", "95 %"]
    rows = []
    for level in _levels(table, treatment):
        for factor in layout.factors:
            if factor in layout.treatments:
                continue
            name = f"closed:{factor}@{treatment}={level}"
            if name not in table.rows or table.rows[name]["status"] == NOT_ESTIMABLE:
                continue
            row = table.rows[name]
            before, after = (pp(table.value(f"gap:{factor}@{treatment}={at}")) for at in (0, level))
            limits = interval(row["ci_low"], row["ci_high"])
            told = _told(table, treatment, level)
            rows.append([told, capacities[factor], before, after, pp(row["estimate"]), limits])
    title = "Gaps that the treatment closed"
    return Table(f"closed_{treatment}", title, head, rows, TOLD, names=2)


def _cost(table: ModelTable, treatment: str) -> Table:
    """Return one row per level: what it did to success, and what it cost."""
    own = table.study.treatments.levels.get(treatment, {})
    head = ["treatment", "untreated to treated", "old skills", "parameters", "seconds", "examples"]
    rows = []
    for level in _levels(table, treatment):
        made = own.get(level)
        cost = (
            [f"{made.parameters:,}", f"{made.seconds:,.0f}", f"{made.examples:,}"]
            if made
            else ["–"] * 3
        )
        effects = [
            _effect(table, f"{kind}:{treatment}@{level}") for kind in ("treated", "retained")
        ]
        rows.append([_told(table, treatment, level), *effects, *cost])
    told = "Success with nothing in the prompt, treated less untreated, percentage points. "
    told += (
        "Old skills: the tasks that the study names for retention; they are in no gap above."
        if table.study.layout.retention
        else "The study names no tasks for retention: what was forgotten is not measured."
    )
    return Table(f"treatments_{treatment}", "What the treatments did and cost", head, rows, told)


def _levels(table: ModelTable, treatment: str) -> list[int]:
    prefix = f"treated:{treatment}@"
    return [int(name.removeprefix(prefix)) for name in table.rows if name.startswith(prefix)]


def _effect(table: ModelTable, name: str) -> str:
    row = table.rows.get(name)
    if row is None or row["status"] == NOT_ESTIMABLE:
        return "–"
    return f"{pp(row['estimate'])} {interval(row['ci_low'], row['ci_high'])}"


def _told(table: ModelTable, treatment: str, level: int) -> str:
    """Return a level in words."""
    made = table.study.treatments.levels.get(treatment, {}).get(level)
    what = f"{made.objective}, {made.adapter}" if made else f"{treatment}@{level}"
    return f"sham ({what})" if level == SHAM else what
