"""The catalogue: one row per estimand, and the function that makes its contrasts.

Adding an estimand is one row and one function. A row says what the number is (name pattern,
formula, unit, range, source, when it is valid); the function says which cells it takes, as a
``Contrast`` (linear), a ``Ratio`` of two contrasts or a ``LogOdds`` between two means. How its
interval is made follows from that shape (``analysis.uncertainty``), never from the estimand.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from analysis import arms, contrasts
from analysis.layout import SHAM, Bools, Floats, Layout, join

Unit = Literal["proportion", "ratio", "log odds"]


@dataclass(frozen=True, eq=False)
class Contrast:
    """``offset + sum over cells of weight x mean over tasks of p[cell, task]``."""

    name: str
    weights: Floats  # shape: the layout's codes, or only the 2^k standard ones, which come first
    offset: float = 0.0
    tasks: Bools | None = None  # which tasks; None = all
    outcome: str = "success"  # or used_<factor>
    where: str = ""  # over which settings of the other factors, if the design decides


@dataclass(frozen=True, eq=False)
class Ratio:
    """Numerator over denominator. ``log``: a risk ratio minus 1, treated over control minus 1."""

    name: str
    numerator: Contrast
    denominator: Contrast
    scale: Literal["fieller", "log", "linearised"]


@dataclass(frozen=True, eq=False)
class LogOdds:
    """Log odds of one mean minus log odds of another."""

    name: str
    treated: Contrast
    control: Contrast


Spec = Contrast | Ratio | LogOdds


@dataclass(frozen=True)
class Estimand:
    """A row of the catalogue."""

    kind: str  # the part of the name before the colon
    pattern: str
    formula: str
    unit: Unit
    low: float
    high: float
    source: str
    valid_when: str
    specs: Callable[[Layout], Iterator[Spec]]
    tested: bool  # has a null of 0, so a p value; rows without one are in no family


UNLIMITED = (-np.inf, np.inf)
CATALOGUE: dict[str, Estimand] = {}


def _row(
    pattern: str,
    formula: str,
    source: str,
    *,
    valid_when: str = "every cell it weighs has data",
    unit: Unit = "proportion",
    span: tuple[float, float] = (-1.0, 1.0),
    tested: bool = True,
) -> Callable[[Callable[[Layout], Iterator[Spec]]], Callable[[Layout], Iterator[Spec]]]:
    kind = pattern.split(":", maxsplit=1)[0]

    def enter(specs: Callable[[Layout], Iterator[Spec]]) -> Callable[[Layout], Iterator[Spec]]:
        CATALOGUE[kind] = Estimand(
            kind, pattern, formula, unit, *span, source, valid_when, specs, tested
        )
        return specs

    return enter


@_row("cell:<code>", "mean_t p[c,t]", "definition", span=(0.0, 1.0), tested=False)
def _cell(layout: Layout) -> Iterator[Spec]:
    for code, weights in zip(layout.codes, np.eye(len(layout.codes)), strict=True):
        yield Contrast(f"cell:{code}", weights)


@_row("residual:<code>", "1 - cell", "SciCrafter: application gap", span=(0.0, 1.0), tested=False)
def _residual(layout: Layout) -> Iterator[Spec]:
    for code, weights in zip(layout.codes, np.eye(len(layout.codes)), strict=True):
        yield Contrast(f"residual:{code}", -weights, offset=1.0)


@_row("cell_level:<code>@L<level>", "cell of a level", "definition", span=(0.0, 1.0), tested=False)
def _cell_level(layout: Layout) -> Iterator[Spec]:
    for level in sorted(set(layout.levels)):
        tasks = layout.tasks_at_level(level)
        for code, weights in zip(layout.codes, np.eye(len(layout.codes)), strict=True):
            yield Contrast(f"cell_level:{code}@L{level}", weights, tasks=tasks)


def _singles(
    kind: str, layout: Layout, weigh: Callable[[int, list[int]], Floats]
) -> Iterator[Contrast]:
    k = len(layout.factors)
    for index, factor in enumerate(layout.factors):
        yield Contrast(f"{kind}:{factor}", weigh(k, [index]))


def _pairs(
    kind: str, layout: Layout, weigh: Callable[[int, list[int]], Floats]
) -> Iterator[Contrast]:
    k = len(layout.factors)
    for a, b in combinations(range(k), 2):
        name = join([layout.factors[a], layout.factors[b]])
        yield Contrast(f"{kind}:{name}", weigh(k, [a, b]))


@_row("ame:<a>", "mean over the other settings of v(S+a) - v(S)", "Banzhaf 1965")
def _ame(layout: Layout) -> Iterator[Spec]:
    yield from _singles("ame", layout, contrasts.banzhaf)


@_row("ame_level:<a>@L<level>", "ame over one level's tasks", "Banzhaf 1965")
def _ame_level(layout: Layout) -> Iterator[Spec]:
    for level in sorted(set(layout.levels)):
        for row in _singles("ame_level", layout, contrasts.banzhaf):
            tasks = layout.tasks_at_level(level)
            yield Contrast(f"{row.name}@L{level}", row.weights, tasks=tasks)


@_row("ame_family:<a>@<family>", "ame over one family's tasks", "Banzhaf 1965")
def _ame_family(layout: Layout) -> Iterator[Spec]:
    for family in sorted(set(layout.families)):
        for row in _singles("ame_family", layout, contrasts.banzhaf):
            tasks = layout.tasks_of_family(family)
            yield Contrast(f"{row.name}@{family}", row.weights, tasks=tasks)


@_row(
    "shapley:<a>",
    "sum over S without a of |S|! (k-1-|S|)! / k! [v(S+a) - v(S)]",
    "Shapley 1953",
    valid_when="full factorial; never a fraction of it",
)
def _shapley(layout: Layout) -> Iterator[Spec]:
    yield from _singles("shapley", layout, contrasts.shapley)


@_row("seq:<a>", "v(all up to a) - v(all before a), factors in column order", "SciCrafter")
def _seq(layout: Layout) -> Iterator[Spec]:
    k = len(layout.factors)
    for index, factor in enumerate(layout.factors):
        yield Contrast(f"seq:{factor}", contrasts.step(k, range(index), [index]))
    yield Contrast("seq:residual", -contrasts.cell(k, range(k)), offset=1.0)


@_row("add1:<a>", "v(a) - v(none)", "definition")
def _add1(layout: Layout) -> Iterator[Spec]:
    yield from _singles("add1", layout, contrasts.moebius)


@_row("loo:<a>", "v(all) - v(all but a)", "definition")
def _loo(layout: Layout) -> Iterator[Spec]:
    yield from _singles("loo", layout, lambda k, s: contrasts.leave_one_out(k, s[0]))


@_row(
    "ratio:<a>",
    "seq:<a> / cell:0...0",
    "SciCrafter: r; Fieller 1954; log risk ratio for the first factor",
    valid_when="the baseline is not 0; unbounded when it does not differ from 0",
    unit="ratio",
    span=UNLIMITED,
)
def _ratio(layout: Layout) -> Iterator[Spec]:
    base = Contrast("baseline", contrasts.cell(len(layout.factors), ()))
    for number, gap in enumerate(_seq(layout)):
        if isinstance(gap, Contrast):
            scale: Literal["log", "fieller"] = "fieller" if number else "log"
            yield Ratio(gap.name.replace("seq:", "ratio:"), gap, base, scale)


@_row(
    "int:<a>*<b>",
    "mean difference in differences (Banzhaf interaction)",
    "Grabisch and Roubens 1999",
    span=(-2.0, 2.0),
)
def _int(layout: Layout) -> Iterator[Spec]:
    yield from _pairs("int", layout, contrasts.banzhaf)


@_row("sii:<a>*<b>", "Shapley interaction index", "Grabisch and Roubens 1999", span=(-2.0, 2.0))
def _sii(layout: Layout) -> Iterator[Spec]:
    yield from _pairs("sii", layout, contrasts.shapley)


@_row("stii2:<a>[*<b>]", "Shapley-Taylor index, order 2", "Sundararajan 2020", span=(-2.0, 2.0))
def _stii2(layout: Layout) -> Iterator[Spec]:
    yield from _singles("stii2", layout, contrasts.shapley_taylor_2)
    yield from _pairs("stii2", layout, contrasts.shapley_taylor_2)


@_row("ksii2:<a>[*<b>]", "k-SII, order 2", "Bordt and von Luxburg 2023", span=UNLIMITED)
def _ksii2(layout: Layout) -> Iterator[Spec]:
    yield from _singles("ksii2", layout, contrasts.k_shapley_2)
    yield from _pairs("ksii2", layout, contrasts.k_shapley_2)


@_row("fsii2:<a>[*<b>]", "Faith-Shapley index, order 2", "Tsai 2023", span=UNLIMITED)
def _fsii2(layout: Layout) -> Iterator[Spec]:
    yield from _singles("fsii2", layout, contrasts.faith_shapley_2)
    yield from _pairs("fsii2", layout, contrasts.faith_shapley_2)


@_row(
    "moebius:<a>[*<b>...]",
    "sum over L in S of (-1)^(|S|-|L|) v(L)",
    "Rota 1964",
    span=UNLIMITED,
)
def _moebius(layout: Layout) -> Iterator[Spec]:
    k = len(layout.factors)
    for size in range(1, k + 1):
        for subset in combinations(range(k), size):
            name = join([layout.factors[index] for index in subset])
            yield Contrast(f"moebius:{name}", contrasts.moebius(k, subset))


@_row(
    "mlogor:<a>",
    "logit(mean with a) - logit(mean without a), means over the other settings",
    "standardisation; delta method",
    valid_when="neither mean is 0 or 1",
    unit="log odds",
    span=UNLIMITED,
)
def _mlogor(layout: Layout) -> Iterator[Spec]:
    k = len(layout.factors)
    for index, factor in enumerate(layout.factors):
        yield LogOdds(
            f"mlogor:{factor}",
            Contrast("with", contrasts.half_mean(k, index, on=True)),
            Contrast("without", contrasts.half_mean(k, index, on=False)),
        )


@_row(
    "dose:<a>",
    "least-squares slope of p per dose step over the real doses of a, mean over the settings of "
    "the others that hold all these doses",
    "ordinary least squares",
    valid_when="a has a real dose beyond 0 and 1",
)
def _dose(layout: Layout) -> Iterator[Spec]:
    for index, factor in enumerate(layout.factors):
        if arms.has_doses(layout, index):
            yield _arms(f"dose:{factor}", layout, index, arms.slope(layout.doses(index)))


@_row(
    "ame_dose:<a>@<dose>",
    "p[a=dose] - p[a=0], mean over the settings of the others that hold every real dose of a",
    "definition",
    valid_when="a has other levels than 0 and 1",
)
def _ame_dose(layout: Layout) -> Iterator[Spec]:
    for index, factor in enumerate(layout.factors):
        if not (arms.has_doses(layout, index) or layout.has_sham(index)):
            continue
        doses = layout.doses(index)
        for dose in doses:
            if dose and 0 in doses:
                by_dose = dict.fromkeys(doses, 0.0) | {dose: 1.0, 0: -1.0}
                yield _arms(f"ame_dose:{factor}@{dose}", layout, index, by_dose)


@_row(
    "placebo:<a>",
    "p[a=1] - p[a=9], mean over the settings of the others that hold both: the effect of the "
    "content beyond that of its form and length",
    "definition",
    valid_when="the study holds a's sham",
)
def _placebo(layout: Layout) -> Iterator[Spec]:
    for index, factor in enumerate(layout.factors):
        if layout.has_sham(index):
            yield _arms(f"placebo:{factor}", layout, index, {1: 1.0, SHAM: -1.0})


@_row(
    "placebo_cell:<a>@<setting>",
    "p[a=1] - p[a=9] in one of placebo's settings, beside effects that hold there only",
    "definition",
    valid_when="the study holds a's sham in several settings",
)
def _placebo_cell(layout: Layout) -> Iterator[Spec]:
    for index, factor in enumerate(layout.factors):
        if not layout.has_sham(index):
            continue
        found = arms.settings(layout, index, (1, SHAM))
        for setting in found if len(found) > 1 else ():
            weights = arms.weights(layout, index, {1: 1.0, SHAM: -1.0}, [setting])
            name = f"placebo_cell:{factor}@{setting}"
            yield Contrast(name, weights, where=arms.told(layout, [setting]))


@_row(
    "sham:<a>",
    "p[a=9] - p[a=0], mean over the settings of the others that hold both",
    "definition",
    valid_when="the study holds a's sham",
)
def _sham(layout: Layout) -> Iterator[Spec]:
    for index, factor in enumerate(layout.factors):
        if layout.has_sham(index):
            yield _arms(f"sham:{factor}", layout, index, {SHAM: 1.0, 0: -1.0})


def _arms(name: str, layout: Layout, factor: int, by_dose: Mapping[int, float]) -> Contrast:
    settings = arms.settings(layout, factor, tuple(by_dose))
    weights = arms.weights(layout, factor, by_dose, settings)
    return Contrast(name, weights, where=arms.told(layout, settings))


@_row("itt:<a>", "effect of offering a: the same contrast as ame", "intention to treat")
def _itt(layout: Layout) -> Iterator[Spec]:
    for row in _singles("itt", layout, contrasts.banzhaf):
        if row.name.removeprefix("itt:") in layout.used:
            yield row


@_row(
    "uptake:<a>",
    "share of use where offered minus share where not",
    "definition",
    valid_when="used_<a> is recorded",
)
def _uptake(layout: Layout) -> Iterator[Spec]:
    for row in _singles("uptake", layout, contrasts.banzhaf):
        factor = row.name.removeprefix("uptake:")
        if factor in layout.used:
            yield Contrast(row.name, row.weights, outcome=f"used_{factor}")


@_row(
    "cace:<a>",
    "itt:<a> / uptake:<a>",
    "Angrist, Imbens and Rubin 1996; linearised standard error",
    valid_when="offering acts only through use, nobody is put off by the offer, uptake is not 0",
    span=UNLIMITED,
)
def _cace(layout: Layout) -> Iterator[Spec]:
    for row in _singles("cace", layout, contrasts.banzhaf):
        factor = row.name.removeprefix("cace:")
        if factor in layout.used:
            taken = Contrast("uptake", row.weights, outcome=f"used_{factor}")
            yield Ratio(row.name, row, taken, "linearised")
