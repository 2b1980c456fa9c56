"""The sections about what was found: answer, gaps, figures, missing data, definitions, tests."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.estimands import CATALOGUE
from analysis.figures import of_study
from analysis.figures.levels import condition
from analysis.figures.style import Drawn, slug
from analysis.layout import ALL
from analysis.place import NOT_ESTIMABLE
from analysis.report.answer import answer, heading, legend, particulars, rates
from analysis.report.blocks import Block, Heading, Numbers, Picture, Section, TableBlock, Words
from analysis.report.gaps import arm_tables, gap_tables
from analysis.report.rows import TITLES, ModelTable, interval, pp, span
from analysis.report.table import Table
from analysis.results import Estimates
from analysis.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALLEST_P = 0.001  # a smaller p value is printed as such
PLOTTED = {  # figures whose frames do not name the kind of estimand: the kind
    "interactions": "sii",
    "interactions_banzhaf": "int",
    "ratios": "ratio",
    "level_effects": "ame_level",
}
SPOKEN = {"ALL": "mean of the models"}


def models_of(estimates: Estimates) -> list[ModelTable]:
    """Return each model's estimates by name, the mean of several models first."""
    names = sorted(estimates.models, key=lambda name: name != ALL)
    return [ModelTable.of(estimates.study, estimates.frame, name) for name in names]


def spoken(model: str) -> str:
    """Return a model's name, or what the mean of the models is called."""
    return SPOKEN.get(model, model)


def answers(estimates: Estimates) -> Section:
    """Return the answer in words, one per model."""
    first, *rest = models_of(estimates)
    study, how = estimates.study, estimates.uncertainty
    blocks: list[Block] = [Words(answer(first, how), "lead")]
    blocks += [Words(f"{spoken(one.model)}: {answer(one, how)}") for one in rest]
    blocks.append(Words(heading(study, how), "faint"))
    if study.known is not None:
        told = (
            "The subject is synthetic: its capacities are set, so the true effects are known and "
            "stand beside the estimates. Nothing here speaks of a language model."
        )
        blocks.append(Words(told, "note"))
    return Section("answer", "The answer", blocks)


def gaps(estimates: Estimates) -> Section:
    """Return the gaps by capacity, and success by cell."""
    several = len(estimates.models) > 1
    blocks: list[Block] = []
    tables = models_of(estimates)
    if several:
        blocks.append(TableBlock(_side_by_side(tables)))
    blocks.append(Words(" ".join(legend(tables[0])), "faint"))
    for one in tables:
        made = [*gap_tables(one), *arm_tables(one)]
        if several:
            blocks.append(Heading(spoken(one.model)))
            made = [replace(t, name=f"{t.name}_{slug(one.model)}") for t in made]
        blocks += [TableBlock(table) for table in made]
        blocks.append(Words(f"Success rates: {rates(one)}."))
        blocks.append(Words(" ".join(particulars(one)), "faint"))
    blocks.append(TableBlock(_cells(estimates, tables)))
    return Section("gaps", "Capacity gaps", blocks)


def _side_by_side(tables: Sequence[ModelTable]) -> Table:
    """Return the models' gaps, a row per model; the kind is one that all of them allow."""
    first = tables[0]
    kind = next((k for k in TITLES if all(one.measured(k) for one in tables)), "add1")
    factors, capacities = first.study.layout.factors, first.study.capacities
    head = ["model", *(capacities[factor] for factor in factors)]
    rows = [
        [spoken(one.model), *(_limits(one.rows[f"{kind}:{factor}"]) for factor in factors)]
        for one in tables
    ]
    note = f"Percentage points with 95 % intervals, in the order {', '.join(factors)}."
    return Table("gaps_by_model", f"Gaps by model: {TITLES[kind]}", head, rows, note)


def _limits(row: Mapping[str, Any]) -> str:
    if row["status"] == NOT_ESTIMABLE:
        return "not estimable"
    return f"{pp(row['estimate'])} {interval(row['ci_low'], row['ci_high'])}"


def _cells(estimates: Estimates, tables: Sequence[ModelTable]) -> Table:
    """Return success by cell, with what was observed of it."""
    study = estimates.study
    counts = observed_by_cell(study)
    shares = [spoken(one.model) for one in tables] if len(tables) > 1 else ["success, %"]
    head = ["cell", "on", *shares, "observed", "missing"]
    rows = []
    for code in study.layout.codes:
        seen, missing = counts.get(code, (0, 0))
        if seen + missing:
            rates = [_rate(one.rows[f"cell:{code}"]) for one in tables]
            on = condition(study.layout, code).partition(" ")[2]
            rows.append([code, on, *rates, f"{seen:,}", f"{missing:,}"])
    note = (
        f"Mean over tasks with its 95 % interval, target {spelt(estimates)}. A cell's digits: "
        f"{', '.join(study.layout.factors)}."
    )
    return Table("cells", "Success by cell", head, rows, note, names=2)


def _rate(row: Mapping[str, Any]) -> str:
    if row["status"] == NOT_ESTIMABLE:
        return "not estimable"
    return f"{100 * row['estimate']:.1f} {interval(row['ci_low'], row['ci_high'])}"


def spelt(estimates: Estimates) -> str:
    """Return the target in words."""
    tasks = len(estimates.study.layout.tasks)
    if estimates.target == "new":
        return f"new tasks (a sample of {tasks})"
    return f"these {tasks} tasks, new runs"


def observed_by_cell(study: Study) -> dict[str, tuple[int, int]]:
    """Return observed and missing episodes by cell, in the order of the codes."""
    counts = Counter(zip(codes_of(study), study.episodes["success"].notna(), strict=True))
    cells = sorted({cell for cell, _ in counts})
    return {cell: (counts[cell, True], counts[cell, False]) for cell in cells}


def codes_of(study: Study) -> list[str]:
    """Return each episode's cell."""
    columns = [study.episodes[factor].astype("str") for factor in study.layout.factors]
    return ["".join(digits) for digits in zip(*columns, strict=True)]


def figures(estimates: Estimates, only: Collection[str] | None = None) -> tuple[Section, set[str]]:
    """Return the figures, each with the numbers it plots, and the kinds of estimand in them."""
    blocks: list[Block] = []
    kinds: set[str] = set()
    for name, drawn in of_study(estimates, only).items():
        blocks.append(_picture(name, drawn))
        table = frame_table(f"figure_{name}", f"What {name} plots", drawn.frame)
        blocks.append(Numbers(f"The numbers of this figure ({len(table.rows)} rows)", table))
        kinds |= set(drawn.frame["kind"].astype("str")) if "kind" in drawn.frame else set()
        kinds |= {kind for figure, kind in PLOTTED.items() if name.partition("_of_")[0] == figure}
    if not blocks:
        blocks.append(Words("The design allows none of the figures."))
    return Section("figures", "Figures", blocks), kinds


def _picture(name: str, drawn: Drawn) -> Picture:
    """Return a figure with title and note as text, which can be read aloud, copied and wrapped."""
    figure = drawn.figure
    dark = drawn.themed("dark").figure
    title, note = figure.get_suptitle(), figure.get_supxlabel()
    said = name.replace("_", " ").capitalize()
    flat = [" ".join(text.split()) for text in (title or said, note)]
    return Picture(name, flat[0], flat[1], _svg(figure), dark=_svg(dark))


def _svg(figure: "Figure") -> bytes:
    import matplotlib as mpl

    if figure.get_suptitle():
        figure.suptitle("")
    if figure.get_supxlabel():
        figure.supxlabel("")
    stream = BytesIO()
    with mpl.rc_context({"svg.hashsalt": "scicrafter-diagnose"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def frame_table(name: str, title: str, frame: pd.DataFrame) -> Table:
    """Return a frame as a table, numbers to four digits."""
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
    words = [not pd.api.types.is_numeric_dtype(frame[column]) for column in frame.columns]
    names = words.index(False) if False in words else len(words)
    return Table(name, title, [str(one) for one in frame.columns], rows, names=max(1, names))


def _cell(value: object) -> str:
    if isinstance(value, float | np.floating):
        return "–" if math.isnan(value) else f"{value:.4g}"
    return str(value)


def missing(estimates: Estimates) -> Section:
    """Return what was not observed, and the leading gaps at worst and at best."""
    study = estimates.study
    lost = study.missing
    if not lost:
        said = "Every episode that was run was observed: no bounds are needed."
        return Section("missing", "Missing data", [Words(said)])
    told = (
        "An episode that infrastructure kept from being observed is missing; it is never a "
        "failure. Tasks weigh equally, so a task with fewer observed runs weighs no less. If "
        "what is missing depends on what would have been seen, no estimate can repair that: the "
        "bounds below hold whatever the missing episodes would have shown."
    )
    blocks: list[Block] = [Words(told), TableBlock(_by_cause(study))]
    blocks += [TableBlock(_bounds(models_of(estimates)))]
    return Section("missing", "Missing data", blocks)


def _by_cause(study: Study) -> Table:
    """Return missing episodes by cell and cause."""
    lost = study.episodes["success"].isna()
    # A cause is a short word; what follows its colon is one episode's detail.
    causes = [
        cause.partition(":")[0] or "cause not recorded" for cause in study.episodes["missing_cause"]
    ]
    counts = Counter(
        (cell, cause)
        for cell, cause, gone in zip(codes_of(study), causes, lost, strict=True)
        if gone
    )
    cells = sorted({cell for cell, _ in counts})
    total = Counter[str]()
    for (_, cause), count in counts.items():
        total[cause] += count
    order = sorted(total, key=lambda cause: (-total[cause], cause))
    head = ["cell", *order, "missing"]
    rows = []
    for cell in cells:
        own = [counts[cell, cause] for cause in order]
        rows.append([cell, *(f"{count:,}" for count in (*own, sum(own)))])
    rows.append(["all", *(f"{count:,}" for count in (*map(total.get, order), total.total()))])
    return Table("missing", "Episodes not observed, by cell and cause", head, rows)


def _bounds(tables: Sequence[ModelTable]) -> Table:
    rows = []
    several = ["model"] if len(tables) > 1 else []
    for one in tables:
        kind = one.leading or "add1"
        for factor in one.study.layout.factors:
            row = one.rows[f"{kind}:{factor}"]
            bounds = span(row["manski_low"], row["manski_high"])
            bounds = bounds if row["n_missing"] else "none missing"
            line = [factor, _limits(row), bounds, f"{row['n_missing']:,}"]
            rows.append([spoken(one.model), *line] if several else line)
    head = [*several, "intervention", "estimate, 95 %", "worst to best case", "missing"]
    measures = {TITLES[one.leading or "add1"] for one in tables}
    note = f"Percentage points, {' or '.join(sorted(measures))}. Bounds carry no sampling error."
    return Table("bounds", "Worst and best case", head, rows, note, names=1 + len(several))


def kinds_shown(estimates: Estimates, drawn: Iterable[str]) -> list[str]:
    """Return the kinds of estimand in the tables and figures, in the catalogue's order."""
    shown = {"cell", *drawn}
    for one in models_of(estimates):
        shown |= {one.leading or "add1"} | ({"seq"} if one.measured("seq") else set())
        if arm_tables(one):
            shown |= {"placebo", "placebo_cell", "sham", "ame_dose", "dose"}
    have = set(estimates.frame["estimand"].str.partition(":")[0])
    return [kind for kind in CATALOGUE if kind in shown & have]


def definitions(kinds: Sequence[str]) -> Section:
    """Return what the numbers shown are, from the catalogue."""
    rows = [
        [one.pattern, one.formula, one.unit, one.valid_when, one.source]
        for one in (CATALOGUE[kind] for kind in kinds)
    ]
    head = ["estimand", "what it is", "unit", "valid when", "source"]
    note = (
        "p[c,t]: share of successes among the observed runs of cell c on task t; v(S): mean over "
        "tasks of p in the cell with the interventions S on."
    )
    table = Table("definitions", "Estimands shown", head, rows, note, names=len(head))
    return Section("definitions", "What the numbers are", [TableBlock(table)])


def tests(estimates: Estimates) -> Section:
    """Return the leading gaps with their p values, raw and adjusted."""
    tables = models_of(estimates)
    kinds = {one.leading or "add1" for one in tables}
    kind = next((k for k in TITLES if k in kinds), "add1")
    rows = []
    several = ["model"] if len(tables) > 1 else []
    family = [(one, one.rows[name]) for one in tables for name in one.names(kind)]
    for one, row in family:
        adjusted = [p_value(row[column]) for column in ("p", "p_holm", "p_bh")]
        line = [str(row["estimand"]), _limits(row), *adjusted]
        rows.append([spoken(one.model), *line] if several else line)
    head = [*several, "estimand", "estimate, 95 %", "p", "p, Holm", "p, Benjamini-Hochberg"]
    count = sum(bool(np.isfinite(row["p"])) for _, row in family)
    note = (
        "A family is every estimate of one kind about one target, over all models: here "
        f"{count} test{'' if count == 1 else 's'}. Holm's p bounds the chance of any false claim "
        "in the family, Benjamini and Hochberg's the expected share of false ones among the claims."
    )
    told = (
        "An interval of 95 % speaks of one number. Who reads several and picks the ones that "
        "exclude zero should read the adjusted p values."
    )
    title = f"Tests and their adjustment: {TITLES[kind]}"
    table = Table("multiplicity", title, head, rows, note, names=1 + len(several))
    return Section("multiplicity", "Multiplicity", [Words(told), TableBlock(table)])


def p_value(p: float) -> str:
    """Return a p value for a table."""
    if np.isnan(p):
        return "–"
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.3f}"
