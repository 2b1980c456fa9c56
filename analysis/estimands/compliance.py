"""Offered and used: intention to treat, uptake, effect on users; labelled biased contrasts."""

from collections.abc import Iterator
from functools import partial

from analysis import contrasts
from analysis.estimands.registry import EVERY_CELL, UNLIMITED, row, singles
from analysis.estimands.spec import Computed, Contrast, Ratio, Spec
from analysis.layout import Layout

RECORDED = f"used_<a> is recorded; {EVERY_CELL}"
BIASED = (
    "never as an effect: who used it was not drawn. A labelled contrast beside itt and cace. No "
    "worst and best case is given"
)
WITHIN = (
    "new tasks: t over tasks; fixed tasks: t over runs; where no variance is seen, Newcombe's "
    "limits on the counts"
)


@row(
    "itt:<a>",
    "effect of offering a: the same contrast as ame",
    "intention to treat",
    valid_when=RECORDED,
)
def _itt(layout: Layout) -> Iterator[Spec]:
    for one in singles("itt", layout, contrasts.banzhaf, average=True):
        if one.name.removeprefix("itt:") in layout.used:
            yield one


@row(
    "uptake:<a>",
    "share of use where offered minus share where not",
    "definition",
    valid_when=RECORDED,
)
def _uptake(layout: Layout) -> Iterator[Spec]:
    for one in singles("uptake", layout, contrasts.banzhaf):
        factor = one.name.removeprefix("uptake:")
        if factor in layout.used:
            yield Contrast(one.name, one.weights, outcome=f"used_{factor}")


@row(
    "cace:<a>",
    "itt:<a> / uptake:<a>",
    "Angrist, Imbens and Rubin 1996",
    valid_when="offering acts only through use, nobody is put off by the offer, uptake is not 0",
    interval="t on the contrast that linearises the ratio",
    span=UNLIMITED,
)
def _cace(layout: Layout) -> Iterator[Spec]:
    for one in singles("cace", layout, contrasts.banzhaf):
        factor = one.name.removeprefix("cace:")
        if factor in layout.used:
            taken = Contrast("uptake", one.weights, outcome=f"used_{factor}")
            yield Ratio(one.name, one, taken, "linearised")


@row(
    "as_treated:<a>",
    "mean over tasks of success where a was used minus success where it was not, offered or not",
    "Hernan and Robins 2020, chapter 22: biased",
    valid_when=BIASED,
    interval=WITHIN,
)
def _as_treated(layout: Layout) -> Iterator[Spec]:
    yield from _takers("as_treated", layout, per_protocol=False)


@row(
    "per_protocol:<a>",
    "mean over tasks of success where a was offered and used minus success where it was neither",
    "Hernan and Robins 2020, chapter 22: biased",
    valid_when=BIASED,
    interval=WITHIN,
)
def _per_protocol(layout: Layout) -> Iterator[Spec]:
    yield from _takers("per_protocol", layout, per_protocol=True)


def _takers(kind: str, layout: Layout, *, per_protocol: bool) -> Iterator[Spec]:
    from analysis.fits.takers import takers

    for index, factor in enumerate(layout.factors):
        if factor in layout.used:
            find = partial(takers, factor=index, used=f"used_{factor}", per_protocol=per_protocol)
            yield Computed(f"{kind}:{factor}", find)
