"""The catalogue: one row per kind of estimand, and the function that makes it.

A row (``registry.row``) says what the number is: name pattern, formula, unit, range, source, when
it is valid and how its interval is made. The function below it yields, for a study's layout, what
is asked of the cells (``spec``). A new estimand is one such function, in one of the families below
or in a new file named in ``FAMILIES``; the output, the page of estimands and ``diagnose analyze
--explain`` take it from there.
"""

from importlib import import_module

from analysis.estimands.registry import CATALOGUE, Estimand, row_of
from analysis.estimands.spec import Computed, Contrast, LogOdds, Ratio, Spec

FAMILIES = (  # in the order of the output
    "cells", "repeats", "effects", "ratios", "interactions", "odds", "doses", "compliance",
    "closed", "across",
)  # fmt: skip

for _family in FAMILIES:
    import_module(f"analysis.estimands.{_family}")

__all__ = ["CATALOGUE", "Computed", "Contrast", "Estimand", "LogOdds", "Ratio", "Spec", "row_of"]
