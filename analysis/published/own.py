"""A study's own records under the names of the published estimates.

A study is one of the paper's if all its cells are: then its estimates, about either target and with
its own intervals, come under the very names that the published counts give, and the same tables,
figures and verdicts take them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr

from analysis import intervals
from analysis.estimands import Contrast, Ratio, Spec
from analysis.estimates import evaluate
from analysis.layout import INTERVENTIONS, Bools, Floats
from analysis.load import BUNDLE
from analysis.place import Place, effective_n
from analysis.published.names import (
    APPLICATION_LEADS,
    CELLS,
    HINTS,
    IDENTIFICATION_LEADS,
    JOINT,
    RESIDUAL,
    TIMES,
    TWO_BY_TWO,
)
from analysis.results import Estimates
from analysis.study import COLUMNS, COMPANIONS, Study, adjusted

Weights = Mapping[str, float]  # published cell -> weight
UNTESTED = ("cell", "residual:", "fieller:", f"ratio:{RESIDUAL}")
CONTRASTS: dict[str, Weights] = {
    RESIDUAL: {"1110": -1},
    f"seq:{HINTS}": {"1000": 1, "0000": -1},
    f"seq:{JOINT}": {"1110": 1, "1000": -1},
    "seq:experiment_oracles": {"1100": 1, "1000": -1},
    "seq:knowledge_notes": {"1110": 1, "1100": -1},
    "seq:solution_sketches": {"1111": 1, "1110": -1},
    APPLICATION_LEADS: {"1110": -1, "1000": -1, "0000": 1},
    IDENTIFICATION_LEADS: {"1000": 2, "0000": -1, "1110": -1},
}
SQUARE: dict[str, Weights] = {
    f"shapley:{HINTS}": {"0000": -0.5, "1000": 0.5, "0110": -0.5, "1110": 0.5},
    f"shapley:{JOINT}": {"0000": -0.5, "1000": -0.5, "0110": 0.5, "1110": 0.5},
    f"loo:{HINTS}": {"1110": 1, "0110": -1},
    f"add1:{JOINT}": {"0110": 1, "0000": -1},
    f"int:{HINTS}*{JOINT}": {"0000": 1, "1000": -1, "0110": -1, "1110": 1},
}


def published_code(study: Study, code: str) -> str | None:
    """Return a cell's code in the paper's four digits; None if it has another factor on."""
    on = {name: str(dose) for name, dose in study.held.items()}
    for factor, digit in zip(study.layout.factors, code, strict=True):
        on |= dict.fromkeys(factor.split(BUNDLE), digit)
    if any(digit != "0" for name, digit in on.items() if name not in INTERVENTIONS):
        return None
    return "".join(on.get(name, "0") for name in INTERVENTIONS)


def own_cells(study: Study) -> dict[str, str]:
    """Return published cell -> the study's own code; empty if the study is none of the paper's."""
    found = {published_code(study, code): code for code in study.layout.cells}
    ours = {paper: code for paper, code in found.items() if paper in CELLS}
    whole = len(ours) == len(study.layout.cells) > 1
    return {str(paper): code for paper, code in ours.items()} if whole else {}


def own_estimates(estimates: Estimates) -> pd.DataFrame:
    """Return a study's estimates under the published names; no rows if it is none of the paper's.

    What its cells do not allow has no row. Families of Holm and Benjamini-Hochberg are those of
    this table: one kind of estimand, all models.
    """
    study = estimates.study
    cells = own_cells(study)
    specs = list(_specs(study, cells)) if cells else []
    rows = [
        row
        for model in (estimates.models if cells else ())
        for row in rows_of(study.place(model, estimates.uncertainty), model, specs)
    ]
    return framed(rows)


def framed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as a frame in the columns of every study, p values adjusted."""
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *COMPANIONS])
    return adjusted(frame) if rows else frame


def _specs(study: Study, cells: Mapping[str, str]) -> Iterator[Spec]:
    """Yield what the study's cells allow."""
    at = {code: index for index, code in enumerate(study.layout.codes)}
    levels = sorted(set(study.layout.levels))

    def contrast(name: str, by_cell: Weights, tasks: Bools | None = None) -> Contrast:
        weights: Floats = np.zeros(len(at))
        for code, weight in by_cell.items():
            weights[at[cells[code]]] += weight
        offset = 1.0 if name in {RESIDUAL, APPLICATION_LEADS} else 0.0
        return Contrast(name, weights, offset, tasks)

    for code in sorted(cells):
        yield contrast(f"cell:{code}", {code: 1})
        for level in levels:
            tasks = study.layout.tasks_at_level(level)
            yield contrast(f"cell_level:{code}@L{level}", {code: 1}, tasks)
    gaps = {
        name: contrast(name, by_cell)
        for name, by_cell in CONTRASTS.items()
        if by_cell.keys() <= cells.keys()
    }
    yield from gaps.values()
    for name, by_cell in SQUARE.items():
        if by_cell.keys() <= cells.keys():
            yield contrast(name + TWO_BY_TWO, by_cell)
            kind, _, factor = name.partition(":")
            for level in levels if kind == "shapley" else ():
                tasks = study.layout.tasks_at_level(level)
                yield contrast(f"ame_level:{factor}@L{level}{TWO_BY_TWO}", by_cell, tasks)
    if APPLICATION_LEADS in gaps:
        hints, joint, base = gaps[f"seq:{HINTS}"], gaps[f"seq:{JOINT}"], contrast("", {"0000": 1})
        yield Ratio(f"ratio:{HINTS}", hints, base, "log")
        yield Ratio(f"ratio:{JOINT}", joint, base, "fieller")
        yield Ratio(f"ratio:{RESIDUAL}", gaps[RESIDUAL], base, "fieller")
        yield Ratio(TIMES, hints, joint, "fieller")


def rows_of(place: Place, model: str, specs: list[Spec]) -> list[dict[str, Any]]:
    """Return a row of the frame per spec; rates and residuals have no test."""
    found = evaluate(place, specs, [_span(spec) for spec in specs])
    rows = []
    for spec, one in zip(specs, found, strict=True):
        row = dict.fromkeys(COMPANIONS, np.nan) | asdict(one)
        row |= {"model": model, "estimand": spec.name, "target": place.uncertainty.target}
        if spec.name == APPLICATION_LEADS and isinstance(spec, Contrast) and not one.status:
            row["p"] = _p_with_offset(place, spec)
        elif spec.name.startswith(UNTESTED):
            row["p"] = np.nan
        rows.append(row)
    return rows


def _span(spec: Spec) -> tuple[float, float]:
    """Return the least and greatest value a contrast of rates can take."""
    if not isinstance(spec, Contrast):
        return -np.inf, np.inf
    low, high = (
        float(part.sum()) for part in (np.minimum(spec.weights, 0), np.maximum(spec.weights, 0))
    )
    return low + spec.offset, high + spec.offset


def _p_with_offset(place: Place, spec: Contrast) -> float:
    """Return the p value of a contrast with its offset: of 1 - full - hint + baseline against 0."""
    weights = place.weights(spec)
    if weights is None:
        return np.nan
    usable, _ = place.usable(weights, place.tasks(spec))
    part = place.sample.only(usable)
    spread = place.uncertainty.spreads(part, weights[None, :])[0]
    rates = part.p.mean(axis=1)
    if spread.se > 0:
        return float(2 * stdtr(spread.df, -abs(float(weights @ rates) + spec.offset) / spread.se))
    rows = np.flatnonzero(weights)
    counts = effective_n(part)[rows]
    return intervals.mover_p(weights[rows], rates[rows], counts, null=-spec.offset)
