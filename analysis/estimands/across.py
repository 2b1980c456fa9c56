"""How much an effect differs across models: rows of ALL only."""

from collections.abc import Iterator
from functools import partial

from analysis.estimands.registry import row
from analysis.estimands.spec import Computed, Spec
from analysis.layout import Layout

VALID = (
    "several models, their estimates independent. On shared tasks they are not: for new tasks "
    "what the tasks share makes models look alike, so it errs low; for fixed tasks it is valid "
    "where models do not share what varies between runs. No worst and best case is given"
)


@row(
    "tau:<a>",
    "standard deviation of the models' ame beyond their standard errors: Q at tau^2 = models - 1",
    "Paule and Mandel 1982; Viechtbauer 2007",
    valid_when=VALID,
    interval="Q-profile; p is that of Cochran's Q, which the method column holds",
    span=(0.0, 1.0),
)
def _tau(layout: Layout) -> Iterator[Spec]:
    from analysis.fits.models import tau

    for index, factor in enumerate(layout.factors):
        yield Computed(f"tau:{factor}", partial(tau, factor=index), across=True)


@row(
    "i2:<a>",
    "max(0, 1 - (models - 1) / Q): share of the models' differences in ame that is not noise",
    "Higgins and Thompson 2002",
    valid_when=VALID,
    interval="test-based limits of H; p is that of Cochran's Q, which the method column holds",
    span=(0.0, 1.0),
)
def _i2(layout: Layout) -> Iterator[Spec]:
    from analysis.fits.models import i_squared

    for index, factor in enumerate(layout.factors):
        yield Computed(f"i2:{factor}", partial(i_squared, factor=index), across=True)
