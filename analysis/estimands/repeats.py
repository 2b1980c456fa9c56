"""Several runs of a task: one of k succeeds, or all k do."""

from collections.abc import Iterator
from functools import partial

from analysis.estimands.registry import row
from analysis.estimands.spec import Computed, Spec
from analysis.layout import Layout

INTERVAL = (
    "new tasks: t over the tasks' estimates; fixed tasks: variance of the estimate under each "
    "task's binomial, times n/(n-1); where none is seen, Wilson on the number of tasks"
)
VALID = (
    "every task has k observed runs of the cell; k are the powers of two and the most runs that a "
    "cell has; runs are independent. Above n/2 the interval for fixed tasks is approximate"
)


@row(
    "pass@<k>:<code>",
    "mean_t 1 - C(n - c, k) / C(n, k), c of a task's n runs successes",
    "Chen et al. 2021",
    valid_when=VALID,
    interval=INTERVAL,
    span=(0.0, 1.0),
    tested=False,
)
def _pass_any(layout: Layout) -> Iterator[Spec]:
    yield from _passes("pass@", layout, every=False)


@row(
    "pass^<k>:<code>",
    "mean_t C(c, k) / C(n, k), c of a task's n runs successes",
    "Yao et al. 2024",
    valid_when=VALID,
    interval=INTERVAL,
    span=(0.0, 1.0),
    tested=False,
)
def _pass_every(layout: Layout) -> Iterator[Spec]:
    yield from _passes("pass^", layout, every=True)


def _passes(kind: str, layout: Layout, *, every: bool) -> Iterator[Spec]:
    from analysis.fits.repeats import pass_k

    sizes = {2**power for power in range(layout.runs.bit_length())} | {layout.runs}
    for k in sorted(sizes):
        for cell, code in enumerate(layout.codes[: 2 ** len(layout.factors)]):
            if code in layout.cells:
                yield Computed(f"{kind}{k}:{code}", partial(pass_k, cell=cell, k=k, every=every))
