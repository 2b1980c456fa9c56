"""Offered and used: intention to treat, uptake, the effect on those who used it."""

from collections.abc import Iterator

from analysis import contrasts
from analysis.estimands.registry import UNLIMITED, row, singles
from analysis.estimands.spec import Contrast, Ratio, Spec
from analysis.layout import Layout


@row("itt:<a>", "effect of offering a: the same contrast as ame", "intention to treat")
def _itt(layout: Layout) -> Iterator[Spec]:
    for one in singles("itt", layout, contrasts.banzhaf, average=True):
        if one.name.removeprefix("itt:") in layout.used:
            yield one


@row(
    "uptake:<a>",
    "share of use where offered minus share where not",
    "definition",
    valid_when="used_<a> is recorded",
)
def _uptake(layout: Layout) -> Iterator[Spec]:
    for one in singles("uptake", layout, contrasts.banzhaf):
        factor = one.name.removeprefix("uptake:")
        if factor in layout.used:
            yield Contrast(one.name, one.weights, outcome=f"used_{factor}")


@row(
    "cace:<a>",
    "itt:<a> / uptake:<a>",
    "Angrist, Imbens and Rubin 1996; linearised standard error",
    valid_when="offering acts only through use, nobody is put off by the offer, uptake is not 0",
    span=UNLIMITED,
)
def _cace(layout: Layout) -> Iterator[Spec]:
    for one in singles("cace", layout, contrasts.banzhaf):
        factor = one.name.removeprefix("cace:")
        if factor in layout.used:
            taken = Contrast("uptake", one.weights, outcome=f"used_{factor}")
            yield Ratio(one.name, one, taken, "linearised")
