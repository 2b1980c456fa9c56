"""What a treatment of the weights closes: each capacity's gap without it, less that with it.

A treatment is a factor that says nothing and changes who answers. At each of its levels the other
factors are a study of their own, with a gap per capacity; the seeds are shared between levels, so
each difference is paired.
"""

from collections.abc import Callable, Iterator

import numpy as np

from analysis import contrasts
from analysis.estimands.registry import EVERY_CELL, row
from analysis.estimands.spec import Contrast, Spec
from analysis.layout import Floats, Layout

VALID = f"a is no treatment and w is one; {EVERY_CELL}; tasks named for retention are left out"
WHOLE = f"{VALID}; all settings of the other factors at both levels of w"
SPAN = (-2.0, 2.0)
Weigh = Callable[[int, int], Floats]  # of the factors that are no treatment: how many, and which


@row(
    "gap:<a>@<w>=<level>",
    "Shapley value of a among the factors that are no treatment, at one level of w; 0 = untreated",
    "Shapley 1953",
    valid_when=WHOLE,
)
def _gap(layout: Layout) -> Iterator[Spec]:
    for treatment, levels in _treatments(layout):
        for level in (0, *levels):
            for place, name in enumerate(_others(layout)):
                weights = contrasts.shapley(len(_others(layout)), [place])
                yield from _at(layout, f"gap:{name}", treatment, {level: weights})


@row(
    "closed:<a>@<w>=<level>",
    "gap:<a>@<w>=0 - gap:<a>@<w>=<level>: what the treatment leaves a less to add",
    "Shapley 1953, difference in differences",
    valid_when=WHOLE,
    span=SPAN,
)
def _closed(layout: Layout) -> Iterator[Spec]:
    yield from _closings("closed", layout, lambda k, place: contrasts.shapley(k, [place]))


@row(
    "closed_ame:<a>@<w>=<level>",
    "the same of the mean marginal effect (ame); of two levels it is - int:<a>*<w>",
    "Banzhaf 1965, difference in differences",
    valid_when=WHOLE,
    span=SPAN,
)
def _closed_ame(layout: Layout) -> Iterator[Spec]:
    yield from _closings("closed_ame", layout, lambda k, place: contrasts.banzhaf(k, [place]))


@row(
    "closed_seq:<a>@<w>=<level>",
    "the same of the sequential gap (seq), the residual included",
    "SciCrafter, difference in differences",
    valid_when=VALID,
    span=SPAN,
)
def _closed_seq(layout: Layout) -> Iterator[Spec]:
    yield from _closings(
        "closed_seq", layout, lambda k, place: contrasts.step(k, range(place), [place])
    )
    k = len(_others(layout))
    for treatment, levels in _treatments(layout):
        for level in levels:
            last = contrasts.cell(k, range(k))  # the residuals' difference: 1 cancels
            by_level = {level: last, 0: -last}
            yield from _at(layout, "closed_seq:residual", treatment, by_level)


@row(
    "treated:<w>@<level>",
    "p[w=level] - p[w=0] with every other factor off",
    "definition",
    valid_when=f"w is a treatment; {EVERY_CELL}; tasks named for retention are left out",
)
def _treated(layout: Layout) -> Iterator[Spec]:
    yield from _alone("treated", layout)


@row(
    "retained:<w>@<level>",
    "treated over the tasks that the study names for retention: below 0 is forgetting",
    "definition",
    valid_when=f"w is a treatment and the study names tasks for retention; {EVERY_CELL}",
)
def _retained(layout: Layout) -> Iterator[Spec]:
    if layout.retention:
        yield from _alone("retained", layout)


def _others(layout: Layout) -> list[str]:
    return [name for name in layout.factors if name not in layout.treatments]


def _treatments(layout: Layout) -> Iterator[tuple[str, list[int]]]:
    """Yield each treatment that can be compared with none, and its levels, the sham the last."""
    for name in layout.treatments:
        found = {int(code[layout.factors.index(name)]) for code in layout.cells}
        if 0 in found and len(found) > 1:
            yield name, sorted(found - {0})


def _closings(kind: str, layout: Layout, weigh: Weigh) -> Iterator[Spec]:
    others = _others(layout)
    for treatment, levels in _treatments(layout):
        for level in levels:
            for place, name in enumerate(others):
                weights = weigh(len(others), place)
                by_level = {0: weights, level: -weights}
                yield from _at(layout, f"{kind}:{name}", treatment, by_level)


def _at(
    layout: Layout, name: str, treatment: str, by_level: dict[int, Floats]
) -> Iterator[Contrast]:
    """Yield weights of the others' cells, laid at levels of a treatment; none of an absent cell."""
    others = _others(layout)
    place = {code: at for at, code in enumerate(layout.codes)}
    weights = np.zeros(len(layout.codes))
    for level, own in by_level.items():
        for cell in np.flatnonzero(own):
            digits = dict(zip(others, format(cell, f"0{len(others)}b"), strict=True))
            digits |= dict.fromkeys(layout.treatments, "0") | {treatment: str(level)}
            at = place.get("".join(digits[factor] for factor in layout.factors))
            if at is None:
                return
            weights[at] += own[cell]
    level = next(level for level in reversed(by_level) if level or len(by_level) == 1)
    yield Contrast(f"{name}@{treatment}={level}", weights, tasks=layout.taught)


def _alone(kind: str, layout: Layout) -> Iterator[Spec]:
    tasks = layout.taught if kind == "treated" else layout.kept
    none = "0" * len(layout.factors)
    for treatment, levels in _treatments(layout):
        at = layout.factors.index(treatment)
        for level in levels:
            code = none[:at] + str(level) + none[at + 1 :]
            if {code, none} <= set(layout.codes):
                weights = np.zeros(len(layout.codes))
                weights[layout.codes.index(code)] = 1.0
                weights[layout.codes.index(none)] -= 1.0
                yield Contrast(f"{kind}:{treatment}@{level}", weights, tasks=tasks)
