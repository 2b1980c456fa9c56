"""What the analysis of a fraction reports: its contrasts, each with all that it is aliased with."""

import numpy as np

from analysis.estimands import Contrast
from analysis.estimands.registry import UNLIMITED
from analysis.estimates import evaluate
from analysis.planning.designs import Cells
from analysis.planning.fractional import LETTERS
from analysis.report.rows import interval, pp
from analysis.report.table import Table
from analysis.study import Study
from analysis.uncertainty import Uncertainty


def fraction_table(study: Study, model: str, how: Uncertainty) -> Table | None:
    """Return the contrasts of a fraction with their intervals; None for other designs.

    Args:
        study: as loaded.
        model: one of its models.
        how: the target.
    """
    factors = study.layout.factors
    design = Cells(factors, tuple(sorted(study.layout.cells)))
    if design.factors != factors or not design.aliases:
        return None
    position = {code: place for place, code in enumerate(study.layout.codes)}
    specs = []
    for one in design.aliases:
        weights = np.zeros(len(position))
        for code, weight in one.weights.items():
            weights[position[design.reduced[code]]] = weight
        specs.append(Contrast(one.name, weights))
    found = evaluate(study.place(model, how), specs, [UNLIMITED] * len(specs))
    rows = []
    for one, estimate in zip(design.aliases, found, strict=True):
        told = ["–", "not estimable"]
        if not estimate.status:
            told = [pp(estimate.estimate), interval(estimate.ci_low, estimate.ci_high)]
        rows.append([one.letters(factors), one.name, *told])
    names = ", ".join(f"{LETTERS[i]} {name}" for i, name in enumerate(factors))
    note = (
        f"A fraction of the cells: each estimate is of the whole sum at the left ({names}), not of "
        "the effect it is named by. It allows no Shapley value. Percentage points."
    )
    return Table("fraction", "Contrasts and what they are", ["sum", "named", "estimate", "95 %"],
                 rows, note, names=2)  # fmt: skip
