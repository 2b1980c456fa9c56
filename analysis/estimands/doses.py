"""Arms of one intervention: doses, and shams (placebos)."""

from collections.abc import Iterator, Mapping

from analysis import arms
from analysis.estimands.registry import row
from analysis.estimands.spec import Contrast, Spec
from analysis.layout import SHAM, Layout


@row(
    "dose:<a>",
    "least-squares slope of p per dose step over the real doses of a, mean over the settings of "
    "the others that hold all these doses",
    "ordinary least squares",
    valid_when="a has a real dose beyond 0 and 1",
)
def _dose(layout: Layout) -> Iterator[Spec]:
    for index, factor in enumerate(layout.factors):
        if arms.has_doses(layout, index):
            yield _arms(f"dose:{factor}", layout, index, arms.slope(layout.doses(index)))


@row(
    "ame_dose:<a>@<dose>",
    "p[a=dose] - p[a=0], mean over the settings of the others that hold every real dose of a",
    "definition",
    valid_when="a has other levels than 0 and 1",
)
def _ame_dose(layout: Layout) -> Iterator[Spec]:
    for index, factor in enumerate(layout.factors):
        if not (arms.has_doses(layout, index) or layout.has_sham(index)):
            continue
        doses = layout.doses(index)
        for dose in doses:
            if dose and 0 in doses:
                by_dose = dict.fromkeys(doses, 0.0) | {dose: 1.0, 0: -1.0}
                yield _arms(f"ame_dose:{factor}@{dose}", layout, index, by_dose)


@row(
    "placebo:<a>",
    "p[a=1] - p[a=9], mean over the settings of the others that hold both: the effect of the "
    "content beyond that of its form and length",
    "definition",
    valid_when="the study holds a's sham",
)
def _placebo(layout: Layout) -> Iterator[Spec]:
    for index, factor in enumerate(layout.factors):
        if layout.has_sham(index):
            yield _arms(f"placebo:{factor}", layout, index, {1: 1.0, SHAM: -1.0})


@row(
    "placebo_cell:<a>@<setting>",
    "p[a=1] - p[a=9] in one of placebo's settings, beside effects that hold there only",
    "definition",
    valid_when="the study holds a's sham in several settings",
)
def _placebo_cell(layout: Layout) -> Iterator[Spec]:
    for index, factor in enumerate(layout.factors):
        if not layout.has_sham(index):
            continue
        found = arms.settings(layout, index, (1, SHAM))
        for setting in found if len(found) > 1 else ():
            weights = arms.weights(layout, index, {1: 1.0, SHAM: -1.0}, [setting])
            name = f"placebo_cell:{factor}@{setting}"
            yield Contrast(name, weights, where=arms.told(layout, [setting]))


@row(
    "sham:<a>",
    "p[a=9] - p[a=0], mean over the settings of the others that hold both",
    "definition",
    valid_when="the study holds a's sham",
)
def _sham(layout: Layout) -> Iterator[Spec]:
    for index, factor in enumerate(layout.factors):
        if layout.has_sham(index):
            yield _arms(f"sham:{factor}", layout, index, {SHAM: 1.0, 0: -1.0})


def _arms(name: str, layout: Layout, factor: int, by_dose: Mapping[int, float]) -> Contrast:
    settings = arms.settings(layout, factor, tuple(by_dose))
    weights = arms.weights(layout, factor, by_dose, settings)
    return Contrast(name, weights, where=arms.told(layout, settings))
