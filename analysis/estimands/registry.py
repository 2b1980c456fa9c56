"""The rows of the catalogue: each kind of estimand described, and the function that makes it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.estimands.spec import Contrast, Spec, Unit
from analysis.layout import Floats, Layout, join

UNLIMITED = (-np.inf, np.inf)
EVERY_CELL = "every cell it weighs has data"
LINEAR = (
    "new tasks: t over the per-task contrasts; fixed tasks: t over the per-run contrasts within "
    "tasks, common seeds used; where no variance is seen, Wilson limits on the counts, combined"
)
RATE = f"{LINEAR}; where t limits would leave 0 to 1, Wilson limits on effective counts"


@dataclass(frozen=True)
class Estimand:
    """A row of the catalogue."""

    kind: str  # the part of the pattern before the colon
    pattern: str
    formula: str
    unit: Unit
    low: float
    high: float
    source: str
    valid_when: str
    interval: str  # how it is made
    specs: Callable[[Layout], Iterator[Spec]]
    tested: bool  # has a null of 0, so a p value; rows without one are in no family


CATALOGUE: dict[str, Estimand] = {}
Specs = Callable[[Layout], Iterator[Spec]]


def row(
    pattern: str,
    formula: str,
    source: str,
    *,
    valid_when: str = EVERY_CELL,
    interval: str = LINEAR,
    unit: Unit = "proportion",
    span: tuple[float, float] = (-1.0, 1.0),
    tested: bool = True,
) -> Callable[[Specs], Specs]:
    """Enter the function below it into the catalogue."""
    kind = pattern.split(":", maxsplit=1)[0]

    def enter(specs: Specs) -> Specs:
        CATALOGUE[kind] = Estimand(
            kind, pattern, formula, unit, *span, source, valid_when, interval, specs, tested
        )
        return specs

    return enter


def row_of(name: str) -> Estimand | None:
    """Return the row of an estimand, ``pass@8:1111``, or of a kind; None if there is no such."""
    kind = name.partition(":")[0]
    return CATALOGUE.get(kind) or CATALOGUE.get(re.sub(r"(?<=[@^])[0-9]+$", "<k>", kind))


Weigh = Callable[[int, list[int]], Floats]


def singles(
    kind: str, layout: Layout, weigh: Weigh, *, average: bool = False
) -> Iterator[Contrast]:
    """Yield a contrast per factor; ``average``: it is the factor's average effect."""
    for index, factor in enumerate(layout.factors):
        weights = weigh(len(layout.factors), [index])
        yield Contrast(f"{kind}:{factor}", weights, effect=(index,) if average else ())


def pairs(kind: str, layout: Layout, weigh: Weigh, *, average: bool = False) -> Iterator[Contrast]:
    """Yield a contrast per pair of factors; ``average``: it is their average interaction."""
    for pair in combinations(range(len(layout.factors)), 2):
        name = join([layout.factors[index] for index in pair])
        weights = weigh(len(layout.factors), list(pair))
        yield Contrast(f"{kind}:{name}", weights, effect=pair if average else ())
