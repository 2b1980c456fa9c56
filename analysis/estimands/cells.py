"""Success rates of single cells."""

from collections.abc import Iterator

import numpy as np

from analysis.estimands.registry import RATE, row
from analysis.estimands.spec import Contrast, Spec
from analysis.layout import Layout


@row("cell:<code>", "mean_t p[c,t]", "definition", interval=RATE, span=(0.0, 1.0), tested=False)
def _cell(layout: Layout) -> Iterator[Spec]:
    for code, weights in zip(layout.codes, np.eye(len(layout.codes)), strict=True):
        yield Contrast(f"cell:{code}", weights)


@row(
    "residual:<code>",
    "1 - cell",
    "SciCrafter: application gap",
    interval=RATE,
    span=(0.0, 1.0),
    tested=False,
)
def _residual(layout: Layout) -> Iterator[Spec]:
    for code, weights in zip(layout.codes, np.eye(len(layout.codes)), strict=True):
        yield Contrast(f"residual:{code}", -weights, offset=1.0)


@row(
    "cell_level:<code>@L<level>",
    "cell of a level",
    "definition",
    interval=RATE,
    span=(0.0, 1.0),
    tested=False,
)
def _cell_level(layout: Layout) -> Iterator[Spec]:
    for level in sorted(set(layout.levels)):
        tasks = layout.tasks_at_level(level)
        for code, weights in zip(layout.codes, np.eye(len(layout.codes)), strict=True):
            yield Contrast(f"cell_level:{code}@L{level}", weights, tasks=tasks)
