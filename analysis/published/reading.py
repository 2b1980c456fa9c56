"""The paper, or a study of its cells, read as the paper is: a frame, claims, tables, a text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from analysis.published import claims, forms, own, reanalysis, report, tables, verdicts
from analysis.report.table import Table
from analysis.results import Estimates


@dataclass(frozen=True, eq=False)
class Reading:
    """Estimates under the published names, and the claims that they are held against."""

    frame: pd.DataFrame
    stated: Sequence[claims.Claim]
    prefix: str  # of the names of tables and figures
    text: str  # for the terminal; empty if there is nothing to say
    extra: Sequence[Table] = ()

    def tables(self) -> list[Table]:
        """Return every table that the estimates fill, the verdicts last."""
        made = [*tables.tables(self.frame), *self.extra]
        if found := verdicts.verdicts(self.frame, self.stated):
            made.append(verdicts.verdict_table(found, tables.about(self.frame)))
        return [replace(one, name=f"{self.prefix}{one.name}") for one in made]


def of_paper() -> Reading:
    """Read the published counts."""
    frame = reanalysis.estimates()
    text = report.published_text(frame)
    stated = claims.published_claims()
    return Reading(frame, stated, "published_", text, (tables.failures(),))


def of_study(estimates: Estimates, folder: Path | None = None) -> Reading:
    """Read a study's estimates; one that is none of the paper's has no rows.

    Args:
        estimates: of the study.
        folder: of a study of one form of notes, whose plan says which.
    """
    if folder is not None and folder.is_dir() and forms.compares_forms(estimates.study):
        return of_forms([folder], estimates.target)
    return _own(own.own_estimates(estimates))


def of_forms(folders: Sequence[Path], target: str) -> Reading:
    """Read several studies, compared by the form of their notes."""
    return _own(forms.form_estimates(folders, target))


def _own(frame: pd.DataFrame) -> Reading:
    return Reading(frame, claims.of_study(frame), "paper_", report.own_text(frame))
