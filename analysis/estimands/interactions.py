"""Interactions of interventions."""

from collections.abc import Iterator
from itertools import combinations

from analysis import contrasts
from analysis.estimands.registry import UNLIMITED, pairs, row, singles
from analysis.estimands.spec import Contrast, Spec
from analysis.layout import Layout, join


@row(
    "int:<a>*<b>",
    "mean difference in differences (Banzhaf interaction)",
    "Grabisch and Roubens 1999",
    span=(-2.0, 2.0),
)
def _int(layout: Layout) -> Iterator[Spec]:
    yield from pairs("int", layout, contrasts.banzhaf, average=True)


@row("sii:<a>*<b>", "Shapley interaction index", "Grabisch and Roubens 1999", span=(-2.0, 2.0))
def _sii(layout: Layout) -> Iterator[Spec]:
    yield from pairs("sii", layout, contrasts.shapley)


@row("stii2:<a>[*<b>]", "Shapley-Taylor index, order 2", "Sundararajan 2020", span=(-2.0, 2.0))
def _stii2(layout: Layout) -> Iterator[Spec]:
    yield from singles("stii2", layout, contrasts.shapley_taylor_2)
    yield from pairs("stii2", layout, contrasts.shapley_taylor_2)


@row("ksii2:<a>[*<b>]", "k-SII, order 2", "Bordt and von Luxburg 2023", span=UNLIMITED)
def _ksii2(layout: Layout) -> Iterator[Spec]:
    yield from singles("ksii2", layout, contrasts.k_shapley_2)
    yield from pairs("ksii2", layout, contrasts.k_shapley_2)


@row("fsii2:<a>[*<b>]", "Faith-Shapley index, order 2", "Tsai 2023", span=UNLIMITED)
def _fsii2(layout: Layout) -> Iterator[Spec]:
    yield from singles("fsii2", layout, contrasts.faith_shapley_2)
    yield from pairs("fsii2", layout, contrasts.faith_shapley_2)


@row(
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
