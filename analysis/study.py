"""A study as loaded: its episodes, and its estimates as one frame."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import contrasts
from analysis.episodes import layout_of
from analysis.estimands import CATALOGUE, Computed, Contrast, LogOdds, Ratio, Spec
from analysis.estimates import Finding, Place, evaluate
from analysis.layout import ALL, INTERVENTIONS, TREATMENT, Layout
from analysis.load import load
from analysis.multiplicity import benjamini_hochberg, holm
from analysis.planning.allocated import Allocation
from analysis.planning.stopped import Stop, allowed_for
from analysis.results import Estimates
from analysis.sample import Sample, sample_of, truth_sample
from analysis.treatments import Treatments
from analysis.uncertainty import Uncertainty, checked_target

COLUMNS = (
    "model", "estimand", "estimate", "ci_low", "ci_high", "p", "p_holm", "p_bh",
    "target", "method", "n_episodes", "n_missing", "status",
)  # fmt: skip
COMPANIONS = ("manski_low", "manski_high", "order_low", "order_high", "truth")


@dataclass(frozen=True, eq=False)
class Study:
    """Episodes with their layout. Use ``Study.load``."""

    name: str
    episodes: pd.DataFrame  # one row per episode; success 1, 0 or NaN (not observed)
    layout: Layout
    capacities: Mapping[str, str]
    known: Mapping[str, Any] | None = None  # truth of a synthetic subject
    held: Mapping[str, int] = field(default_factory=dict)  # factors of one dose, and the dose
    planned: int | None = None  # episodes of the schedule, where one is known
    stop: Stop | None = None  # looks that were declared, and taken
    treatments: Treatments = field(default_factory=Treatments)  # how weights were treated
    allocation: Allocation | None = None  # how runs were allocated, where not all alike
    _made: dict[Uncertainty, Estimates] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def load(cls, path: Path | str | pd.DataFrame, factors: Sequence[str] = ()) -> "Study":
        """Read a study folder, a CSV or a Parquet table, or take a frame of episodes.

        Args:
            path: where it is, or a frame with a table's columns, which is left as it is.
            factors: factor columns of a table besides those of the four interventions that it has;
                without any it must have all four.

        Raises:
            InputError: anything in it that cannot be trusted.
        """
        read = load(path, factors)
        treating = [name for name in read.factors if read.capacities[name] == TREATMENT]
        layout = replace(
            layout_of(read.table, read.factors),
            treatments=tuple(treating),
            retention=read.treatments.retention,
        )
        return cls(
            read.name,
            read.table,
            layout,
            read.capacities,
            read.truth,
            read.held,
            read.planned,
            read.stop,
            read.treatments,
            read.allocation,
        )

    @property
    def models(self) -> tuple[str, ...]:
        """The models, sorted."""
        return tuple(sorted(self.episodes["model"].unique()))

    @property
    def missing(self) -> dict[str, int]:
        """Episodes that were not observed, by cause."""
        lost = self.episodes.loc[self.episodes["success"].isna(), "missing_cause"]
        counts = lost.replace("", "cause not recorded").value_counts()
        return {str(cause): int(count) for cause, count in counts.items()}

    @cached_property
    def sample(self) -> Sample:
        """All models' outcomes as arrays."""
        return sample_of(self.episodes, self.layout, self.models)

    def place(self, model: str, uncertainty: Uncertainty) -> Place:
        """Return where one model's contrasts, or ``ALL``, are evaluated."""
        models = self.models if model == ALL else (model,)
        return Place(self.sample, models, self.layout.codes, uncertainty, self.layout.factors)

    def estimates(self, target: str = "new", *, within_levels: bool = False) -> Estimates:
        """Return every estimate about a target; asked again, the same object.

        Args:
            target: ``new`` (tasks are a sample) or ``fixed`` (these tasks, new seeds).
            within_levels: new tasks were drawn within levels.

        Returns:
            A results object. Its frame has one row per model and estimand, in proportions: the
            columns of ``COLUMNS``, then ``COMPANIONS``: worst and best case where episodes are
            missing, the range of a sequential gap over all orders, the truth where it is known.
            With other factors than the four interventions, ``factors`` names the digits' order.

        Raises:
            InputError: an unknown target.
        """
        how = Uncertainty(checked_target(target), within_levels)
        if how not in self._made:
            self._made[how] = Estimates(self, self._frame(how), how)
        return self._made[how]

    def _frame(self, how: Uncertainty) -> pd.DataFrame:
        models = [*self.models, ALL] if len(self.models) > 1 else list(self.models)
        rows = [row for model in models for row in self._rows(model, how)]
        frame = pd.DataFrame(rows, columns=[*COLUMNS, *COMPANIONS])
        if self.layout.factors != INTERVENTIONS:
            frame["factors"] = " ".join(self.layout.factors)  # the order of a cell's digits
        return adjusted(allowed_for(frame, self, how))

    def _rows(self, model: str, how: Uncertainty) -> list[dict[str, Any]]:
        place = self.place(model, how)
        pairs = [
            (entry, spec)
            for entry in CATALOGUE.values()
            for spec in entry.specs(self.layout)
            if model == ALL or not (isinstance(spec, Computed) and spec.across)
        ]
        spans = [(entry.low, entry.high) for entry, _ in pairs]
        rows = []
        findings = evaluate(place, [spec for _, spec in pairs], spans)
        for (entry, spec), found in zip(pairs, findings, strict=True):
            row = {**vars(found), "model": model, "estimand": spec.name, "target": how.target}
            if not entry.tested:
                row["p"] = np.nan
            row["truth"] = self._truth(spec)
            rows.append(row)
        ranges = self._order_ranges(place)
        for row in rows:
            row["order_low"], row["order_high"] = ranges.get(row["estimand"], (np.nan, np.nan))
        return rows

    def _order_ranges(self, place: Place) -> dict[str, tuple[float, float]]:
        """Return each sequential gap's least and greatest value over all orders of the factors."""
        k = len(self.layout.factors)
        ranges = {}
        for index, factor in enumerate(self.layout.factors):
            settings = contrasts.marginals(k, index)
            specs = [Contrast(f"seq:{factor}", weights) for weights in settings]
            values = point_estimates(place, specs)
            if np.isfinite(values).all():
                ranges[f"seq:{factor}"] = (float(values.min()), float(values.max()))
        return ranges

    def _truth(self, spec: Spec) -> float:
        if self.known is None or len(self.models) > 1:  # the truth is one subject's
            return np.nan
        return _true_value(self._true_place, spec)

    @cached_property
    def _true_place(self) -> Place:
        sample = truth_sample(self.known or {}, self.layout, "truth")
        return Place(sample, ("truth",), self.layout.codes, Uncertainty())


def point_estimates(place: Place, specs: Sequence[Contrast]) -> "np.ndarray[Any, Any]":
    """Return estimates alone, NaN where a cell has no data. Shape: specs."""
    values = []
    for spec in specs:
        weights = place.weights(spec)
        value = np.nan
        if weights is not None:
            usable, fault = place.usable(weights, place.tasks(spec))
            if not fault:
                value = float(weights @ place.sample.only(usable).p.mean(axis=1)) + spec.offset
        values.append(value)
    return np.array(values)


def _true_value(place: Place, spec: Spec) -> float:
    """Return what an estimand is under known success rates; NaN where they do not say."""
    if isinstance(spec, Contrast):
        if spec.outcome != "success":
            return np.nan
        rows = place.weights(spec)
        if rows is None or not (place.sample.n[rows != 0][:, place.tasks(spec)] > 0).all():
            return np.nan
        return float(point_estimates(place, [spec])[0])
    if isinstance(spec, Ratio):
        top, base = _true_value(place, spec.numerator), _true_value(place, spec.denominator)
        return top / base if base else np.nan
    if isinstance(spec, LogOdds):
        a, b = _true_value(place, spec.treated), _true_value(place, spec.control)
        inside = 0 < a < 1 and 0 < b < 1
        return float(np.log(a / (1 - a)) - np.log(b / (1 - b))) if inside else np.nan
    return np.nan  # a fit has no truth in the cells's rates


def adjusted(frame: pd.DataFrame) -> pd.DataFrame:
    """Fill the Holm and Benjamini-Hochberg columns: a family is one kind and target, all models."""
    kind = frame["estimand"].str.split(":").str[0]
    for column, method in (("p_holm", holm), ("p_bh", benjamini_hochberg)):
        values = (
            frame["p"]
            .astype(float)
            .groupby([kind, frame["target"]])
            .transform(lambda p, method=method: method(p.to_numpy()))
        )
        frame[column] = values
    return frame


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as dictionaries."""
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]


def empty_row(model: str, name: str, target: str, found: Finding) -> dict[str, Any]:
    """Return a row of the frame from a finding, companions blank."""
    row = dict.fromkeys(COMPANIONS, np.nan) | asdict(found)
    return row | {"model": model, "estimand": name, "target": target}
