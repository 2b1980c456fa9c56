"""What an estimand asks of the cells: a contrast, a ratio, log odds, or a computation of its own.

How an interval is made follows from the shape (``analysis.estimates``), never from the estimand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from analysis.layout import Bools, Floats

if TYPE_CHECKING:
    from analysis.place import Finding, Place

Unit = Literal["proportion", "ratio", "log odds"]


@dataclass(frozen=True, eq=False)
class Contrast:
    """``offset + sum over cells of weight x mean over tasks of p[cell, task]``."""

    name: str
    weights: Floats  # shape: the layout's codes, or only the 2^k standard ones, which come first
    offset: float = 0.0
    tasks: Bools | None = None  # which tasks; None = all
    outcome: str = "success"  # or used_<factor>
    where: str = ""  # over which settings of the other factors, if the design decides
    effect: tuple[int, ...] = ()  # factors whose average effect this is: what a fraction aliases
    aliased: bool = False  # a fraction's, the sum of several effects


@dataclass(frozen=True, eq=False)
class Ratio:
    """Numerator over denominator. ``log``: a risk ratio minus 1, treated over control minus 1."""

    name: str
    numerator: Contrast
    denominator: Contrast
    scale: Literal["fieller", "log", "linearised"]


@dataclass(frozen=True, eq=False)
class LogOdds:
    """Log odds of one mean minus log odds of another."""

    name: str
    treated: Contrast
    control: Contrast


@dataclass(frozen=True, eq=False)
class Computed:
    """Anything that is no function of a few cells' means: a fitted model, an exact test."""

    name: str
    find: Callable[["Place"], "Finding"]
    across: bool = False  # of several models together: a row of ALL only


Spec = Contrast | Ratio | LogOdds | Computed
