"""Forked episodes: how often a failed episode is rescued by what joins it on the way.

Every source is a baseline episode that failed; it was continued untouched and, from the same turn
under the same seed, with each intervention. The unit is the source: all weigh the same, whatever
their task. For new tasks the tasks are the clusters; for fixed tasks the sources are independent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from analysis import intervals
from analysis.fits.pairs import exact_p, newcombe_paired
from analysis.layout import CAPACITIES, SHAM, Floats
from analysis.load import load, located
from analysis.study import COLUMNS, COMPANIONS, adjusted
from analysis.uncertainty import checked_target
from diagnose.errors import InputError

SOURCE = "source.json"  # which episodes were continued, and how they ended from the start
UNTOUCHED = "untouched"
NAN = float("nan")
_ZERO = 1e-24


def holds(path: Path | str) -> bool:
    """Whether a folder holds a study of forked episodes."""
    return (Path(path) / SOURCE).is_file()


@dataclass(frozen=True, eq=False)
class Forks:
    """A study of forked episodes. Use ``Forks.load``."""

    name: str
    source: str  # the name of the study whose episodes were continued
    at: str  # how the turn was chosen
    left_out: Mapping[str, int]  # failed episodes of it that were not continued: why -> how many
    arms: Mapping[str, str]  # what joined -> its capacity; the untouched continuation is not here
    # One row per model and source: model, task, run, turn, then late:<arm> and start:<arm>, each 1,
    # 0 or NaN; truth:<arm> where it is known.
    table: pd.DataFrame
    planned: int | None = None  # episodes of the schedule
    _made: dict[str, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def load(cls, path: Path | str) -> "Forks":
        """Read a study folder that ``fork.from`` made.

        Raises:
            InputError: anything in it that cannot be trusted.
        """
        folder = located(path)
        read = load(folder)
        said, names = _source(folder / SOURCE), _factors(folder / "study.json")
        starts = {
            (str(one["task"]), int(one["run"])): (
                int(one["turn"]),
                {_label(names, cell): won for cell, won in one["cells"].items()},
            )
            for one in said["episodes"]
        }
        rows: dict[tuple[str, str, int], dict[str, Any]] = {}
        arms: dict[str, str] = {}
        known = (read.truth or {}).get("tasks", {})
        for record in read.table.to_dict("records"):
            place = (str(record["task"]), int(record["run"]))
            if place not in starts:
                raise InputError(SOURCE, place, "it has no such source; run the study again")
            turn, start = starts[place]
            doses = {name: int(record[name]) for name in read.factors}
            arm = _named(doses)
            on = [name for name, dose in doses.items() if dose]
            arms[arm] = " + ".join(read.capacities.get(name, name) for name in on)
            row = rows.setdefault(
                (str(record["model"]), *place),
                {"model": record["model"], "task": place[0], "run": place[1], "turn": turn},
            )
            row[f"late:{arm}"] = record["success"]
            won = start.get(arm)
            row[f"start:{arm}"] = NAN if won is None else float(won)
            code = "".join(map(str, doses.values()))
            row[f"truth:{arm}"] = known.get(place[0], {}).get(code, NAN)
        arms.pop(UNTOUCHED, None)
        ordered = sorted(arms, key=lambda arm: (arm.count("+"), _place(arm)))
        return cls(
            read.name,
            str(said["study"]),
            str(said["at"]),
            {str(why): int(count) for why, count in said["left_out"].items()},
            {arm: arms[arm] for arm in ordered},
            pd.DataFrame(list(rows.values())),
            read.planned,
        )

    @property
    def models(self) -> tuple[str, ...]:
        """The models, sorted; a study of forks has one."""
        return tuple(sorted(self.table["model"].unique()))

    @cached_property
    def turns(self) -> tuple[int, ...]:
        """The turns from which episodes went on: replies before them."""
        return tuple(sorted(int(turn) for turn in self.table["turn"].unique()))

    def estimates(self, target: str = "new") -> pd.DataFrame:
        """Return every estimate about a target, in the columns of ``Study.estimates``.

        ``rescue:<arm>@<at>``: the share of sources that succeed; the arm may be ``untouched``.
        ``rescue_gain``: that share minus the untouched one's, within sources; p is McNemar's exact
        one for fixed tasks. ``rescue_start``: the share of the same task and run that succeed where
        the intervention was there from the start. ``rescue_late``: rescue minus rescue_start.
        ``rescue_turn:<arm>@<turn>``: rescue among the sources that went on from one turn.

        Raises:
            InputError: an unknown target.
        """
        how = checked_target(target)
        if how not in self._made:
            rows = [row for model in self.models for row in self._rows(model, how)]
            frame = pd.DataFrame(rows, columns=[*COLUMNS, *COMPANIONS])
            self._made[how] = adjusted(frame)
        return self._made[how]

    def _rows(self, model: str, target: str) -> list[dict[str, Any]]:
        table = self.table[self.table["model"] == model]
        rows = []

        def add(name: str, estimate: "Share", truth: float = NAN) -> None:
            rows.append(
                {"model": model, "estimand": name, "target": target, "truth": truth}
                | dict.fromkeys(("order_low", "order_high"), NAN)
                | estimate.row(target)
            )

        untouched = _truth(table, UNTOUCHED)
        for arm in (UNTOUCHED, *self.arms):
            known = _truth(table, arm)
            late, start = _column(table, f"late:{arm}"), _column(table, f"start:{arm}")
            add(f"rescue:{arm}@{self.at}", Share.of(table, late), known)
            if arm != UNTOUCHED:
                control = _column(table, f"late:{UNTOUCHED}")
                gain = Share.of(table, late, control)
                add(f"rescue_gain:{arm}@{self.at}", gain, known - untouched)
                add(f"rescue_start:{arm}@{self.at}", Share.of(table, start), known)
                add(f"rescue_late:{arm}@{self.at}", Share.of(table, late, start), known - known)
            for turn in self.turns if len(self.turns) > 1 else ():
                part = table[table["turn"] == turn]
                share = Share.of(part, _column(part, f"late:{arm}"))
                add(f"rescue_turn:{arm}@{turn}", share)
        return rows


@dataclass(frozen=True, eq=False)
class Share:
    """A share of sources, or the difference of two within them."""

    tasks: "pd.Series[str]"
    treated: Floats  # 1, 0, NaN
    control: Floats | None = None

    @classmethod
    def of(cls, table: pd.DataFrame, treated: Floats, control: Floats | None = None) -> "Share":
        """Take the outcomes of a table's sources."""
        return cls(table["task"], treated, control)

    def row(self, target: str) -> dict[str, Any]:
        """Return the columns of an estimate: its value, limits, p, method and counts."""
        pair = [self.treated] if self.control is None else [self.treated, self.control]
        seen = np.all([np.isfinite(one) for one in pair], axis=0)
        whole = len(self.treated) * len(pair)
        row: dict[str, Any] = dict.fromkeys(("estimate", "ci_low", "ci_high", "p"), NAN)
        row |= {"manski_low": NAN, "manski_high": NAN, "method": "", "status": ""}
        row |= {"n_episodes": int(seen.sum()) * len(pair), "n_missing": 0}
        if not seen.any():
            return row | {"status": "not_estimable", "method": "no source has these episodes"}
        row["n_missing"] = int(whole - sum(np.isfinite(one).sum() for one in pair))
        if row["n_missing"]:
            row |= self._bounds()
        values = [one[seen] for one in pair]
        difference = values[0] - values[1] if len(pair) > 1 else values[0]
        row["estimate"] = float(difference.mean())
        cluster = pd.factorize(self.tasks[seen])[0]
        return row | _limits(values, difference, cluster, target)

    def _bounds(self) -> dict[str, float]:
        """Return the worst and the best case of what was not observed."""
        against = np.zeros(len(self.treated)) if self.control is None else self.control
        low = np.nan_to_num(self.treated, nan=0.0) - np.nan_to_num(against, nan=1.0)
        high = np.nan_to_num(self.treated, nan=1.0) - np.nan_to_num(against, nan=0.0)
        return {"manski_low": float(low.mean()), "manski_high": float(high.mean())}


def _limits(
    values: list[Floats], difference: Floats, cluster: "np.ndarray[Any, Any]", target: str
) -> dict[str, Any]:
    """Return limits, p and method of a mean over sources."""
    n, clusters = len(difference), int(cluster.max()) + 1
    paired = len(values) > 1
    mean = float(difference.mean())
    b, c = float((difference > 0).sum()), float((difference < 0).sum())
    exact = f"exact McNemar, {b:.0f} against {c:.0f} of {n} pairs"
    if target == "fixed":
        if paired:
            low, high = _newcombe(*values)
            return _row(low, high, exact_p(b, c), f"Newcombe for pairs; {exact}")
        low, high = (float(one[0]) for one in intervals.wilson(np.array([mean]), np.array([n])))
        return _row(low, high, NAN, "Wilson")
    if clusters < 2:
        return _row(NAN, NAN, NAN, "sources of one task: no interval for new tasks")
    scores = np.bincount(cluster, weights=difference - mean)
    variance = float(scores @ scores) * clusters / (clusters - 1) / n**2
    df, method = clusters - 1, f"clustered by task, t({clusters - 1})"
    quantile = float(stdtrit(df, 0.5 + intervals.LEVEL / 2))
    if paired:
        if variance < _ZERO:
            low, high = _newcombe(*values)
            told = f"Newcombe for pairs, no variance between tasks; {exact}"
            return _row(low, high, exact_p(b, c), told)
        half = quantile * variance**0.5
        p = 2 * float(stdtr(df, -abs(mean) / variance**0.5))
        return _row(max(mean - half, -1.0), min(mean + half, 1.0), p, method)
    # Clustering never makes sources worth more than independent ones.
    effective = min(n, mean * (1 - mean) / variance) if variance > _ZERO else n
    share, worth = np.array([mean]), np.array([float(effective)])
    low, high = (float(one[0]) for one in intervals.wilson(share, worth, quantile))
    return _row(low, high, NAN, f"Wilson on {effective:.1f} effective of {n} sources, {method}")


def _newcombe(treated: Floats, control: Floats) -> tuple[float, float]:
    """Return Newcombe's limits of the mean difference within pairs."""
    both, one, other = (float(count) for count in (treated @ control, treated.sum(), control.sum()))
    return newcombe_paired(both, one - both, other - both, len(treated) - one - other + both)


def _row(low: float, high: float, p: float, method: str) -> dict[str, Any]:
    return {"ci_low": low, "ci_high": high, "p": p, "method": method}


def _column(table: pd.DataFrame, name: str) -> Floats:
    """Return a column's outcomes; NaN throughout where there is none."""
    if name not in table.columns:
        return np.full(len(table), NAN)
    return table[name].to_numpy(np.float64)


def _truth(table: pd.DataFrame, arm: str) -> float:
    """Return the mean over sources of the rescue probability of their task."""
    return float(_column(table, f"truth:{arm}").mean())


def _named(doses: Mapping[str, int]) -> str:
    """Return what is on, as records name an arm."""
    on = [name if dose == 1 else f"{name}@{dose}" for name, dose in doses.items() if dose]
    return "+".join(on) or UNTOUCHED


def _label(names: list[str], cell: str) -> str:
    return _named({name: int(digit) for name, digit in zip(names, cell, strict=True)})


def _place(arm: str) -> tuple[int, int, str]:
    """Return where an arm stands: the four interventions in order, each sham after its own."""
    name, _, dose = arm.partition("@")
    known = list(CAPACITIES)
    return (known.index(name) if name in known else len(known), int(dose or 1), arm)


def is_sham(arm: str) -> bool:
    """Whether an arm is a sham's."""
    return arm.endswith(f"@{SHAM}")


def _source(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        for one in said["episodes"]:
            outcomes = one["cells"].values()
            fits = type(one["turn"]) is int and all(won in (None, True, False) for won in outcomes)
            if not fits:
                raise ValueError(str(one)[:80])
        return {"study": "", "at": "", "left_out": {}} | dict(said)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = "it is written by diagnose run fork.from=...; run the study again"
        raise InputError(path.name, str(error), remedy) from error


def _factors(path: Path) -> list[str]:
    """Return the study's factors in the order of a recorded cell's digits."""
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        return [str(one["name"]) for one in header["factors"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(path.name, str(error), "run the study again") from error
