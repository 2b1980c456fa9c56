"""One model's estimates by name, and how numbers are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.study import Study, records

TITLES = {"shapley": "Shapley", "ame": "average effect", "seq": "in sequence", "add1": "alone"}


@dataclass(frozen=True, eq=False)
class ModelTable:
    """One model's rows of the estimates, by name."""

    study: Study
    model: str
    rows: Mapping[str, Mapping[str, Any]]  # estimand -> its columns

    @classmethod
    def of(cls, study: Study, frame: pd.DataFrame, model: str) -> "ModelTable":
        """Take one model's rows."""
        own = frame[frame["model"] == model]
        return cls(study, model, {str(row["estimand"]): row for row in records(own)})

    def value(self, name: str, column: str = "estimate") -> float:
        """Return one number; NaN where there is none."""
        return float(self.rows[name][column]) if name in self.rows else np.nan

    def names(self, kind: str) -> list[str]:
        """Return the names of a kind's estimates, one per factor."""
        return [f"{kind}:{factor}" for factor in self.study.layout.factors]

    def measured(self, kind: str) -> bool:
        """Whether every factor has an estimate of this kind."""
        return all(np.isfinite(self.value(name)) for name in self.names(kind))

    def known(self, names: list[str]) -> bool:
        """Whether the truth of any of these is known."""
        return any(np.isfinite(self.value(name, "truth")) for name in names)

    @property
    def leading(self) -> str | None:
        """The kind that ranks the capacities: the fairest that the design allows."""
        kinds = ("shapley", "seq", "add1", "ame")  # the last in a fraction of the cells alone
        return next((kind for kind in kinds if self.measured(kind)), None)


def pp(value: float) -> str:
    """Return a difference in percentage points with its sign: ``+34.0``."""
    return "–" if np.isnan(value) else f"{tidy(value):+.1f}"


def interval(low: float, high: float) -> str:
    """Return limits in percentage points: ``[28.1, 39.9]``."""
    if np.isnan(low) or np.isnan(high):
        return "[no interval]"
    return f"[{tidy(low):.1f}, {tidy(high):.1f}]"


def span(low: float, high: float) -> str:
    """Return a range in percentage points: ``+28.5 to +60.5``."""
    return "–" if np.isnan(low) or np.isnan(high) else f"{pp(low)} to {pp(high)}"


def tidy(value: float) -> float:
    """Return percentage points to one digit, never minus zero."""
    return round(100 * value, 1) + 0.0
