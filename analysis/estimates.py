"""From what is asked of the cells and a sample to findings, by the shape of what is asked."""

from collections.abc import Sequence
from dataclasses import replace

from analysis.estimands.spec import Computed, Contrast, LogOdds, Ratio, Spec
from analysis.linear import linear_findings
from analysis.nonlinear import log_odds, ratio
from analysis.place import NOT_ESTIMABLE, Finding, Place

__all__ = ["Finding", "Place", "evaluate"]

_REFUSED = Finding(
    method="refused: it pools runs, which were allocated by the outcomes of earlier ones",
    status=NOT_ESTIMABLE,
)


def evaluate(
    place: Place, specs: Sequence[Spec], spans: Sequence[tuple[float, float]]
) -> list[Finding]:
    """Return a finding per spec, in their order; limits are cut to each estimand's range."""
    linear = [(n, spec) for n, spec in enumerate(specs) if isinstance(spec, Contrast)]
    found = dict(
        zip(
            (number for number, _ in linear),
            linear_findings(place, [spec for _, spec in linear]),
            strict=True,
        )
    )
    for number, spec in enumerate(specs):
        if isinstance(spec, Ratio):
            found[number] = ratio(place, spec)
        elif isinstance(spec, LogOdds):
            found[number] = log_odds(place, spec)
        elif not isinstance(spec, Contrast):
            found[number] = spec.find(place) if _allowed(place, spec) else _REFUSED
    return [_within(found[number], span) for number, span in enumerate(spans)]


def _allowed(place: Place, spec: Computed) -> bool:
    """Whether a computation may be done; one across models rests on their contrasts."""
    return place.sample.batches is None or spec.across


def _within(finding: Finding, span: tuple[float, float]) -> Finding:
    least, most = span
    if finding.ci_low >= least and finding.ci_high <= most:
        return finding
    # NaN stays: it is neither below nor above.
    low, high = (
        least if limit < least else min(limit, most) for limit in (finding.ci_low, finding.ci_high)
    )
    return replace(finding, ci_low=low, ci_high=high)
