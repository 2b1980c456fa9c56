"""What a study that was run says of the spread of contrasts, by cell, task and run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.layout import Floats
from analysis.planning.power import Assumed, Components
from analysis.sample import Sample
from analysis.study import Study
from analysis.uncertainty import Uncertainty, fixed_tasks
from diagnose.errors import InputError


@dataclass(frozen=True, eq=False)
class Pilot:
    """A study's episodes as the source of spreads; what it lacks is assumed.

    The spread over tasks is the method of moments: the variance of the tasks' contrasts less what
    their runs explain, never below 0.
    """

    study: Study
    names: tuple[str, ...]  # of the planned design's factors, in the order of its cells' digits
    otherwise: Assumed

    @classmethod
    def load(cls, path: Path, names: Sequence[str], otherwise: Assumed) -> "Pilot":
        """Read a study's folder or a table.

        Raises:
            InputError: it cannot be read, or holds several models.
        """
        study = Study.load(path)
        if len(study.models) > 1:
            remedy = "plan one model at a time: give a table of one"
            raise InputError("pilot", list(study.models), remedy)
        return cls(study, tuple(names), otherwise)

    def components(self, weights: Mapping[str, float]) -> Components:
        """Return the components of a contrast of the planned design's cells."""
        found = self.rows(weights)
        if found is None:
            return self.otherwise.components(weights)
        sample, own = found
        tasks = sample.p.shape[1]
        runs = float(1 / np.mean(1 / sample.n[own != 0]))  # harmonic: what a mean's variance has
        (inner,) = fixed_tasks(sample, own[None, :])
        if inner.se > 0:
            within = inner.se**2 * tasks * runs
        else:  # one run of a task: outcomes as draws of their cell, which counts some of the tasks'
            rate = sample.p.mean(axis=1)
            within = float(own**2 @ (rate * (1 - rate)))
        if not within > 0:  # nothing but zeros or ones: a spread of nothing is no proof of none
            return self.otherwise.components(weights)
        (outer,) = Uncertainty("new").spreads(sample, own[None, :])
        spread = outer.se**2 * tasks
        between = np.sqrt(max(0.0, spread - within / runs)) if np.isfinite(spread) else np.nan
        if not np.isfinite(between):
            between = self.otherwise.components(weights).between
        return Components(float(between), float(within), "pilot", tasks - 1, runs)

    def rows(self, weights: Mapping[str, float]) -> tuple[Sample, Floats] | None:
        """Return the usable tasks and the weights over rows; None if a cell is lacking."""
        place = self.study.sample
        own = np.zeros(len(place.rows))
        for code, weight in weights.items():
            there = self._code(code)
            row = place.index.get((self.study.models[0], "success", there or ""))
            if row is None:
                return None
            own[row] = weight
        seen = (place.n[own != 0] > 0).all(axis=0)
        return (place.only(seen), own) if seen.sum() > 1 else None

    def contrasts(self, weights: Mapping[str, float]) -> Floats | None:
        """Return the contrast of each run of each task; NaN where a cell was not observed.

        Shape: (tasks, runs). None if cells are not in the pilot.
        """
        found = self.rows(weights)
        if found is None:
            return None
        sample, own = found
        per_run: Floats = np.tensordot(own[own != 0], sample.y[own != 0], axes=1)
        return per_run

    def outcomes(self, codes: Sequence[str]) -> Floats | None:
        """Return outcomes of cells on tasks that have all of them; None if a cell is lacking.

        Shape: (cells, tasks, runs), NaN where nothing was observed.
        """
        found = self.rows(dict.fromkeys(codes, 1.0))
        if found is None:
            return None
        model, sample = self.study.models[0], found[0]
        return sample.y[[sample.index[model, "success", self._code(code) or ""] for code in codes]]

    def _code(self, code: str) -> str | None:
        """Return a planned cell by the pilot's digits; None where the pilot held it otherwise."""
        digits = dict(zip(self.names, code, strict=True))
        for name, dose in self.study.held.items():
            if digits.get(name, "0") != str(dose):
                return None
        found = ""
        for factor in self.study.layout.factors:
            own = {digits.get(name, "0") for name in factor.split("+")}
            if len(own) > 1:  # switched together there and apart here
                return None
            found += own.pop()
        return found
