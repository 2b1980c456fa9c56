"""What the analysis of a fraction reports: its contrasts, each with all that it is aliased with."""

from typing import TYPE_CHECKING

from scipy.special import stdtrit

from analysis.planning.designs import Cells
from analysis.planning.fractional import LETTERS
from analysis.planning.stopping import tested
from analysis.report.table import Table
from analysis.uncertainty import Uncertainty

if TYPE_CHECKING:
    from analysis.study import Study


def fraction_table(study: "Study", model: str, how: Uncertainty) -> Table | None:
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
    rows = []
    for one in design.aliases:
        weights = {design.reduced[code]: weight for code, weight in one.weights.items()}
        found = tested(study.sample, (model, "success"), weights, how.target)
        told = ["–", "not estimable"]
        if found.se > 0:
            reach = float(stdtrit(found.df, 0.975)) * found.se
            low, high = (100 * (found.estimate + side * reach) for side in (-1, 1))
            told = [f"{100 * found.estimate:+.1f}", f"[{low:.1f}, {high:.1f}]"]
        rows.append([one.letters(factors), one.name, *told])
    names = ", ".join(f"{LETTERS[i]} {name}" for i, name in enumerate(factors))
    note = (
        f"A fraction of the cells: each estimate is of the whole sum at the left ({names}), not of "
        "the effect it is named by. It allows no Shapley value. Percentage points."
    )
    return Table("fraction", "Contrasts and what they are", ["sum", "named", "estimate", "95 %"],
                 rows, note, names=2)  # fmt: skip
