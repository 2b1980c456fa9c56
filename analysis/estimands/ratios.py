"""Gaps as ratios: to the baseline, and to one another."""

from collections.abc import Iterator
from itertools import permutations
from typing import Literal

from analysis import contrasts
from analysis.estimands.effects import gaps
from analysis.estimands.registry import UNLIMITED, row
from analysis.estimands.spec import Contrast, Ratio, Spec
from analysis.layout import Layout


@row(
    "ratio:<a>",
    "seq:<a> / cell:0...0",
    "SciCrafter: r; Miettinen and Nurminen 1985; Fieller 1954",
    valid_when="the baseline is not 0; unbounded when it does not differ from 0",
    interval="the first factor: t on the log risk ratio, or score limits for independent runs of "
    "one model on fixed tasks; the others and the residual: Fieller",
    unit="ratio",
    span=UNLIMITED,
)
def _ratio(layout: Layout) -> Iterator[Spec]:
    base = Contrast("baseline", contrasts.cell(len(layout.factors), ()))
    for number, gap in enumerate(gaps(layout)):
        scale: Literal["log", "fieller"] = "fieller" if number else "log"
        yield Ratio(gap.name.replace("seq:", "ratio:"), gap, base, scale)


@row(
    "fieller:<a>/<b>",
    "seq:<a> / seq:<b>: how many times the one gap is the other",
    "Fieller 1954",
    valid_when="seq:<b> is not 0; unbounded when it does not differ from 0. p is that of "
    "seq:<a> = 0",
    interval="Fieller, with t and the variances of the two gaps and their covariance",
    unit="ratio",
    span=UNLIMITED,
)
def _fieller(layout: Layout) -> Iterator[Spec]:
    steps = [gap for gap in gaps(layout) if not gap.offset]
    for top, base in permutations(steps, 2):
        names = [gap.name.removeprefix("seq:") for gap in (top, base)]
        yield Ratio(f"fieller:{names[0]}/{names[1]}", top, base, "fieller")
