"""Several runs of a task: one of k succeeds, or all k do."""

from collections.abc import Iterator
from functools import partial

from analysis.estimands.registry import row
from analysis.estimands.spec import Computed, Spec
from analysis.layout import Layout

INTERVAL = (
    "fixed tasks: variance of the estimate under each task's binomial, times n/(n-1), with rates "
    "(c+1/2)/(n+1) for k > 1; new tasks: that of the tasks' estimates, or of the runs if larger; "
    "then t for k = 1, and Wilson's limits on effective counts for k > 1 or where t leaves 0 to 1; "
    "where no variance is seen, "
    "Wilson on the number of tasks"
)
VALID = (
    "every task has k observed runs of the cell; k are the powers of two and the most runs that a "
    "cell has; runs are independent"
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
