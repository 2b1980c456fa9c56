"""Contrasts of cells: estimate, interval, p value, worst and best case."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import stdtr, stdtrit

from analysis import intervals
from analysis.estimands.spec import Contrast
from analysis.fractions import aliased, defining_words
from analysis.layout import Bools, Floats
from analysis.place import NAN, NOT_ESTIMABLE, Finding, Place, effective_n, least, note
from analysis.sample import Sample
from analysis.uncertainty import Spread


def linear_findings(place: Place, specs: Sequence[Contrast]) -> list[Finding]:
    """Return a finding per contrast, in their order.

    Contrasts on the same tasks are taken together: the covariances are then made once.
    """
    found: dict[int, Finding] = {}
    groups: dict[tuple[str, bytes], list[tuple[int, Contrast, Floats]]] = {}
    specs = [_asked(place, spec) for spec in specs]
    for number, spec in enumerate(specs):
        weights = place.weights(spec)
        if weights is None:
            found[number] = Finding(method=_absent(place), status=NOT_ESTIMABLE)
            continue
        usable, fault = place.usable(weights, place.tasks(spec))
        if fault:
            found[number] = _lost(place, spec, weights, fault)
            continue
        groups.setdefault((spec.outcome, usable.tobytes()), []).append((number, spec, weights))
    for (_, key), group in groups.items():
        part = place.sample.only(np.frombuffer(key, dtype=bool))
        matrix = np.array([weights for _, _, weights in group])
        spreads = place.uncertainty.spreads(part, matrix)
        for (number, spec, weights), spread in zip(group, spreads, strict=True):
            found[number] = _linear(place, part, spec, weights, spread)
    return [_placed(found[number], spec) for number, spec in enumerate(specs)]


def _placed(finding: Finding, spec: Contrast) -> Finding:
    if spec.where:
        finding = replace(finding, method=f"{finding.method}; {spec.where}")
    if spec.aliased and not finding.status:
        finding = replace(finding, status="model_based")  # an effect only where its aliases are 0
    return finding


def _absent(place: Place) -> str:
    held = place.once(_standard_cells)
    if held is not None and defining_words(held):
        return "refused: it needs cells that a fraction of the factorial leaves out"
    return "a cell is not in the study"


def _asked(place: Place, spec: Contrast) -> Contrast:
    """Return the contrast, or what a regular fraction of the cells estimates in its stead."""
    held = place.once(_standard_cells)
    if not spec.effect or held is None or len(held) == 2 ** len(place.codes[0]):
        return spec
    made = aliased(spec.effect, held, place.names)
    if made is None:
        return spec
    weights, told = made
    return replace(spec, weights=weights, where=f"fraction: estimates {told}", aliased=True)


def _standard_cells(place: Place) -> frozenset[str] | None:
    """Return the cells of doses 0 and 1; None where the models do not hold the same."""
    standard = set(place.codes[: 2 ** len(place.codes[0])])
    cells = {
        model: frozenset(
            code
            for name, outcome, code in place.sample.rows
            if name == model and outcome == "success" and code in standard
        )
        for model in place.models
    }
    same = set(cells.values())
    return same.pop() if len(same) == 1 else None


def _lost(place: Place, spec: Contrast, weights: Floats, fault: str) -> Finding:
    tasks = place.tasks(spec)
    n, missing = place.counts(weights, tasks)
    low, high = _bounds(place, weights, tasks, missing)
    return Finding(
        method=fault,
        n_episodes=n,
        n_missing=missing,
        status=NOT_ESTIMABLE,
        manski_low=low + spec.offset,
        manski_high=high + spec.offset,
    )


def _bounds(place: Place, weights: Floats, tasks: Bools, missing: int) -> tuple[float, float]:
    """Return worst- and best-case values of a contrast; NaN when nothing is missing."""
    if not missing:
        return NAN, NAN
    rows = weights != 0
    low, high = (side[rows] for side in place.box(tasks))
    return least(weights[rows], low, high), -least(-weights[rows], low, high)


def _linear(place: Place, part: Sample, spec: Contrast, weights: Floats, spread: Spread) -> Finding:
    tasks = place.tasks(spec)
    raw = float(weights @ part.p.mean(axis=1))
    n, missing = place.counts(weights, tasks)
    bounds = _bounds(place, weights, tasks, missing)
    low = high = p = NAN
    if spread.se > 0:
        half = float(stdtrit(spread.df, 0.5 + intervals.LEVEL / 2)) * spread.se
        low, high = raw - half, raw + half
        p = float(2 * stdtr(spread.df, -abs(raw) / spread.se))
        if _is_rate(weights) and not half <= abs(raw) <= 1 - half:
            limits = intervals.effective_wilson(abs(raw), spread.se, half / spread.se)
            low, high = limits if raw > 0 else (-limits[1], -limits[0])
            spread = replace(spread, method=f"Wilson on effective counts; {spread.method}")
    elif spread.se == 0:
        rows = np.flatnonzero(weights)
        counts = effective_n(part)[rows]
        low, high = intervals.mover(weights[rows], part.p[rows].mean(axis=1), counts)
        p = intervals.mover_p(weights[rows], part.p[rows].mean(axis=1), counts)
        cause = "" if spread.method.startswith("one run") else "; no variance between runs"
        name = {1: "Wilson", 2: "Newcombe"}.get(len(rows), "Wilson limits combined (MOVER)")
        spread = replace(spread, method=f"{name} on counts; {spread.method}{cause}")
    return Finding(
        raw + spec.offset,
        low + spec.offset,
        high + spec.offset,
        NAN if spec.offset else p,  # a residual of 0 is no hypothesis
        note(spread, part, tasks),
        n,
        missing,
        manski_low=bounds[0] + spec.offset,
        manski_high=bounds[1] + spec.offset,
    )


def _is_rate(weights: Floats) -> bool:
    """Whether the contrast is a share of successes, or (all weights negative) of failures."""
    return bool(abs(abs(weights.sum()) - 1) < 1e-9 and abs(np.abs(weights).sum() - 1) < 1e-9)
