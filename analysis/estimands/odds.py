"""Log odds ratios: standardised, fitted, within runs, within tables; and the test of pairs."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from analysis import contrasts
from analysis.estimands.registry import UNLIMITED, row
from analysis.estimands.spec import Computed, Contrast, LogOdds, Spec
from analysis.layout import Layout

if TYPE_CHECKING:
    from analysis.place import Finding

MODEL = (
    "new tasks: sandwich of the tasks' scores times G/(G-1), t(G-1); fixed tasks: of the runs' "
    "scores within tasks; where clusters show no variance, model-based"
)


@row(
    "mlogor:<a>",
    "logit(mean with a) - logit(mean without a), means over the other settings",
    "standardisation",
    valid_when="neither mean is 0 or 1",
    interval="delta method on the contrast that linearises it",
    unit="log odds",
    span=UNLIMITED,
)
def _mlogor(layout: Layout) -> Iterator[Spec]:
    k = len(layout.factors)
    for index, factor in enumerate(layout.factors):
        yield LogOdds(
            f"mlogor:{factor}",
            Contrast("with", contrasts.half_mean(k, index, on=True)),
            Contrast("without", contrasts.half_mean(k, index, on=False)),
        )


@row(
    "gee:<a>",
    "coefficient of a in logit P(success) = model + sum of factors; independence working "
    "correlation, each episode the same weight; Firth's penalty where a coefficient would be "
    "infinite",
    "Liang and Zeger 1986; Firth 1993",
    valid_when="effects add on the log odds scale; episodes are missing at random given the cell",
    interval=f"{MODEL}; with Firth's penalty the larger of sandwich and model-based",
    unit="log odds",
    span=UNLIMITED,
)
def _gee(layout: Layout) -> Iterator[Spec]:
    from analysis.fits.gee import gee

    yield from _fitted("gee", layout, gee)


@row(
    "clogit:<a>",
    "coefficient of a in the logit conditional on the successes of each run of a task (and model)",
    "Breslow and Day 1980; Gail, Lubin and Rubinstein 1981",
    valid_when="cells share runs (common seeds); effects add on the log odds scale and are alike "
    "in every run; data are not separated. No worst and best case is given",
    interval=MODEL,
    unit="log odds",
    span=UNLIMITED,
)
def _clogit(layout: Layout) -> Iterator[Spec]:
    from analysis.fits.conditional import clogit

    yield from _fitted("clogit", layout, clogit)


@row(
    "mcnemar:<a>",
    "risk difference: mean over tasks of (b - c) / pairs, b and c the pairs of one run and one "
    "setting of the others where only the episode with a, or only that without it, succeeds; p is "
    "McNemar's exact one on b and c",
    "McNemar 1947; Newcombe 1998",
    valid_when="cells share runs (common seeds). p asks whether a changes any episode's chance, "
    "pairs being independent but for what they share; the limits are about the mean difference",
    interval="new tasks: t over tasks; fixed tasks: t over runs; where no variance is seen, "
    "Newcombe's limits for pairs",
)
def _mcnemar(layout: Layout) -> Iterator[Spec]:
    from analysis.fits.pairs import mcnemar

    yield from _fitted("mcnemar", layout, mcnemar)


@row(
    "cmh:<a>",
    "log of (sum a d / n) / (sum b c / n) over 2 x 2 tables of one task and one setting of the "
    "others (and model): a, b successes and failures with the factor, c, d without it",
    "Cochran 1954; Mantel and Haenszel 1959; Robins, Breslow and Greenland 1986",
    valid_when="the odds ratio is the same in every table, else it is their weighted mean; pairs "
    "by common seeds are not used, which makes it cautious for fixed tasks",
    interval="fixed tasks: Robins-Breslow-Greenland, normal, and p of the Mantel-Haenszel "
    "statistic without correction; new tasks: t over the tasks' linearised shares",
    unit="log odds",
    span=UNLIMITED,
)
def _cmh(layout: Layout) -> Iterator[Spec]:
    from analysis.fits.tables import cmh

    yield from _fitted("cmh", layout, cmh)


def _fitted(kind: str, layout: Layout, find: Callable[..., "Finding"]) -> Iterator[Spec]:
    for index, factor in enumerate(layout.factors):
        yield Computed(f"{kind}:{factor}", partial(find, factor=index))
