"""Gaps as ratios: to the baseline, and to one another."""

from collections.abc import Iterator
from typing import Literal

from analysis import contrasts
from analysis.estimands.effects import gaps
from analysis.estimands.registry import UNLIMITED, row
from analysis.estimands.spec import Contrast, Ratio, Spec
from analysis.layout import Layout


@row(
    "ratio:<a>",
    "seq:<a> / cell:0...0",
    "SciCrafter: r; Fieller 1954; log risk ratio for the first factor",
    valid_when="the baseline is not 0; unbounded when it does not differ from 0",
    unit="ratio",
    span=UNLIMITED,
)
def _ratio(layout: Layout) -> Iterator[Spec]:
    base = Contrast("baseline", contrasts.cell(len(layout.factors), ()))
    for number, gap in enumerate(gaps(layout)):
        scale: Literal["log", "fieller"] = "fieller" if number else "log"
        yield Ratio(gap.name.replace("seq:", "ratio:"), gap, base, scale)
