"""Effects of single interventions: averaged, fair, in sequence, alone."""

from collections.abc import Iterator
from dataclasses import replace

from analysis import contrasts
from analysis.estimands.registry import row, singles
from analysis.estimands.spec import Contrast, Spec
from analysis.layout import Layout


@row("ame:<a>", "mean over the other settings of v(S+a) - v(S)", "Banzhaf 1965")
def _ame(layout: Layout) -> Iterator[Spec]:
    yield from singles("ame", layout, contrasts.banzhaf, average=True)


@row("ame_level:<a>@L<level>", "ame over one level's tasks", "Banzhaf 1965")
def _ame_level(layout: Layout) -> Iterator[Spec]:
    for level in sorted(set(layout.levels)):
        for one in singles("ame_level", layout, contrasts.banzhaf, average=True):
            tasks = layout.tasks_at_level(level)
            yield replace(one, name=f"{one.name}@L{level}", tasks=tasks)


@row("ame_family:<a>@<family>", "ame over one family's tasks", "Banzhaf 1965")
def _ame_family(layout: Layout) -> Iterator[Spec]:
    for family in sorted(set(layout.families)):
        for one in singles("ame_family", layout, contrasts.banzhaf, average=True):
            tasks = layout.tasks_of_family(family)
            yield replace(one, name=f"{one.name}@{family}", tasks=tasks)


@row(
    "shapley:<a>",
    "sum over S without a of |S|! (k-1-|S|)! / k! [v(S+a) - v(S)]",
    "Shapley 1953",
    valid_when="full factorial; never a fraction of it",
)
def _shapley(layout: Layout) -> Iterator[Spec]:
    yield from singles("shapley", layout, contrasts.shapley)


@row("seq:<a>", "v(all up to a) - v(all before a), factors in column order", "SciCrafter")
def _seq(layout: Layout) -> Iterator[Spec]:
    yield from gaps(layout)


def gaps(layout: Layout) -> Iterator[Contrast]:
    """Yield the sequential gaps and the residual, factors in column order."""
    k = len(layout.factors)
    for index, factor in enumerate(layout.factors):
        yield Contrast(f"seq:{factor}", contrasts.step(k, range(index), [index]))
    yield Contrast("seq:residual", -contrasts.cell(k, range(k)), offset=1.0)


@row("add1:<a>", "v(a) - v(none)", "definition")
def _add1(layout: Layout) -> Iterator[Spec]:
    yield from singles("add1", layout, contrasts.moebius)


@row("loo:<a>", "v(all) - v(all but a)", "definition")
def _loo(layout: Layout) -> Iterator[Spec]:
    yield from singles("loo", layout, lambda k, s: contrasts.leave_one_out(k, s[0]))
