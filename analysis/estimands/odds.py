"""Log odds ratios."""

from collections.abc import Iterator

from analysis import contrasts
from analysis.estimands.registry import UNLIMITED, row
from analysis.estimands.spec import Contrast, LogOdds, Spec
from analysis.layout import Layout


@row(
    "mlogor:<a>",
    "logit(mean with a) - logit(mean without a), means over the other settings",
    "standardisation; delta method",
    valid_when="neither mean is 0 or 1",
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
