"""Estimates as a results object, in the way of statsmodels: summary, frame, plot, explanation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.layout import ALL
from analysis.uncertainty import Target, Uncertainty
from diagnose.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.report.table import Table
    from analysis.study import Study


@dataclass(frozen=True, eq=False)
class Estimates:
    """Every estimate of a study about one target. Use ``Study.estimates``."""

    study: "Study"
    frame: pd.DataFrame  # one row per model and estimand; see Study.estimates
    uncertainty: Uncertainty

    @property
    def target(self) -> Target:
        """What the intervals are about: ``new`` tasks, or these ``fixed`` ones."""
        return self.uncertainty.target

    @property
    def models(self) -> tuple[str, ...]:
        """The models with estimates; ``ALL``, their mean, last where there are several."""
        own = self.study.models
        return (*own, ALL) if len(own) > 1 else own

    @cached_property
    def rows(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """The frame's rows as dictionaries, by model, then by estimand; for many look-ups."""
        columns = [str(column) for column in self.frame.columns]
        values = zip(*(self.frame[name].to_numpy(object) for name in columns), strict=True)
        found: dict[str, dict[str, Mapping[str, Any]]] = {model: {} for model in self.models}
        for row in (dict(zip(columns, own, strict=True)) for own in values):
            found[str(row["model"])][str(row["estimand"])] = row
        return found

    def to_frame(self, kind: str | None = None, model: str | None = None) -> pd.DataFrame:
        """Return the estimates as a frame of their own, changes to which change nothing here.

        Args:
            kind: rows of one kind only, by the part of their names before the colon: ``shapley``.
            model: rows of one model only, or ``ALL``.

        Raises:
            InputError: no such kind or model.
        """
        frame = self.frame
        for column, wanted, known in (
            ("kind", kind, frame["estimand"].str.partition(":")[0]),
            ("model", model, frame["model"]),
        ):
            if wanted is None:
                continue
            if not (chosen := known.loc[frame.index] == wanted).any():
                names = ", ".join(dict.fromkeys(known.loc[frame.index]))
                raise InputError(column, wanted, f"choose one of {names}")
            frame = frame[chosen]
        return frame.reset_index(drop=True) if frame is not self.frame else frame.copy()

    def summary(self) -> str:
        """Return the answer in words, the gap table, and what is missing, as text."""
        from analysis.report.terminal import report

        return report(self)

    def explain(self, name: str) -> str:
        """Return what an estimand is, when it is valid, and its numbers here, as text.

        Args:
            name: of an estimand, ``shapley:gap_hints``, or of a kind, ``shapley``.

        Raises:
            InputError: no such estimand here; the message names those nearest.
        """
        from analysis.estimands.explained import explained

        return explained(name, self.frame)

    def tables(self) -> "list[Table]":
        """Return the gaps, the cells, the bounds and the tests as tables for a paper.

        Each has ``.text()``, ``.markdown()`` and ``.latex()``.
        """
        from analysis.report.compose import tables_of

        return tables_of(self)

    def plot(self, what: str = "capacity_gaps", *, theme: str = "light") -> "Figure":
        """Draw one of the study's figures; a notebook shows it.

        Args:
            what: its name, as ``diagnose figures`` names the files: ``forest``, ``waterfall``.
            theme: ``light`` or ``dark``.

        Raises:
            InputError: no such theme, no such figure, or the study does not allow it; the message
                lists those it does.
        """
        from analysis.figures.catalogue import available
        from analysis.figures.theme import drawn_in

        makers = available(self)
        if what not in makers:
            raise InputError("plot", what, f"choose one of {', '.join(makers)}")
        with drawn_in(theme):
            return makers[what]().figure

    def bootstrap(
        self,
        kind: str | None = None,
        *,
        how: str | None = None,
        resamples: int = 2000,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Return percentile bootstrap limits beside the formula's: a cross-check, not a result.

        Args:
            kind: rows of one kind only; None = every estimand linear in the cells' shares.
            how: ``tasks``, ``two_stage`` (tasks, then their runs) or ``runs`` (within these tasks);
                None = ``tasks`` for new tasks and ``runs`` for fixed ones.
            resamples: how often.
            seed: the same seed gives the same limits.

        Returns:
            ``model, estimand, estimate, ci_low, ci_high, bootstrap_low, bootstrap_high, target,
            method``; estimands without a linear form, or without an estimate, are left out.

        Raises:
            InputError: no such kind or way, a way that answers another target, or a number out of
                its range.
        """
        from analysis.bootstrap import beside

        default = "runs" if self.target == "fixed" else "tasks"
        return beside(self, kind, how or default, resamples, seed)

    def __repr__(self) -> str:
        """Say what this is in a line."""
        return (
            f"<Estimates: {self.study.name}, {len(self.frame):,} of {', '.join(self.models)}, "
            f"target {self.target}>"
        )

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the answer and the gap tables."""
        from analysis.report.cell import cell

        return cell(self)
