"""The analysis of a study with declared looks: what was stopped, and intervals that allow for it.

At the last look k that was taken the declared contrast gets its repeated confidence interval,
estimate +- (the boundary's critical value at k, as a t) x standard error: all looks' intervals
together cover the truth with 95 %, whatever made the study stop. Its p value is the least alpha at
which the boundary would have been reached there. Estimates themselves are not corrected: one that
stopped a study early is too large on average.

Source: Jennison and Turnbull 2000, chapter 9.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.planning.boundaries import Boundary
from analysis.planning.designs import Cells, Estimand, difference
from analysis.planning.stopping import tested
from analysis.uncertainty import Uncertainty
from diagnose.errors import InputError

if TYPE_CHECKING:
    from analysis.study import Study

LOOKS = "looks.jsonl"


@dataclass(frozen=True)
class Taken:
    """A look that was taken."""

    runs: int
    stopped: tuple[str, ...]  # cells, by the digits of study.json
    facts: Mapping[str, Mapping[str, Any]]  # estimand -> z, critical and the like
    not_run: int


@dataclass(frozen=True)
class Stop:
    """A declared rule and the looks taken under it."""

    names: tuple[str, ...]  # of the factors, in the order of the digits of study.json
    boundary: Boundary
    scope: str
    estimands: Mapping[str, str]  # what stops -> what decides; "" is the study
    runs: tuple[int, ...]  # complete at each declared look
    taken: tuple[Taken, ...]

    @property
    def not_run(self) -> int:
        """Planned episodes that no one asked for any more."""
        return sum(look.not_run for look in self.taken)

    @property
    def said(self) -> str:
        """The rule and what came of it, in sentences."""
        rule, runs = self.boundary.rule, ", ".join(map(str, self.runs))
        what = self.estimands.get("", "each cell against the one with everything off")
        text = f"Looks declared after {runs} runs ({rule}, {what}): "
        early = [(n, look) for n, look in enumerate(self.taken, 1) if look.stopped and look.not_run]
        ends = []
        for number, look in early:
            reached = [fact for fact in look.facts.values() if _reached(fact)]
            why = ""
            if len(reached) == 1:
                why = f", z {reached[0]['z']:.2f} against {reached[0]['critical']:.2f}"
            which = "the study" if self.scope == "study" else f"cells {', '.join(look.stopped)}"
            ends.append(f"{which} stopped at look {number} ({look.runs} runs{why})")
        if ends:
            text += f"{'; '.join(ends)}. {self.not_run:,} planned episodes were not run because "
            text += "of that and are not missing."
        else:
            text += f"{len(self.taken)} of {len(self.runs)} taken, nothing stopped early."
        held = f"of {what}" if self.scope == "study" else "of an intervention alone"
        return f"{text} The interval {held} allows for the looks; others do not."

    def look(self, cell: str) -> int:
        """Return the last look, from 0, at which a cell (or ``""``, the study) was tested."""
        for number, look in enumerate(self.taken):
            if cell in look.stopped:
                return number
        return max(0, len(self.taken) - 1)


def _reached(fact: Mapping[str, Any]) -> bool:
    return bool(abs(fact["z"]) >= fact["critical"])


def read(folder: Path) -> Stop | None:
    """Return a study's rule and looks; None where none was declared.

    Raises:
        InputError: what is declared, or a whole line of looks, cannot be read.
    """
    try:
        header = json.loads((folder / "study.json").read_text(encoding="utf-8"))
        declared = header.get("stop")
        names = tuple(str(entry["name"]) for entry in header["factors"]) if declared else ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not declared:
        return None
    try:
        runs = tuple(int(n) for n in declared["looks"])
        critical = tuple(float(value) for value in declared["critical"])
        fractions = tuple(n / runs[-1] for n in runs)
        comparisons = {str(one): str(name) for one, name in declared["estimands"].items()}
        alpha = float(declared["alpha"]) / len(comparisons)
        if len(critical) != len(runs):
            raise ValueError("looks and critical values differ in number")
        made = Boundary(str(declared["rule"]), alpha, fractions, critical)
        taken = tuple(_lines(folder / LOOKS))
        if len(taken) > len(runs):
            raise ValueError(f"{len(taken)} looks were taken of {len(runs)} declared")
        return Stop(names, made, str(declared["scope"]), comparisons, runs, taken)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        remedy = "restore study.json and looks.jsonl as the run wrote them"
        raise InputError(f"{folder}: stop", str(error), remedy) from error


def _lines(path: Path) -> Iterator[Taken]:
    if not path.is_file():
        return
    for raw in path.read_bytes().splitlines(keepends=True):
        if raw.endswith(b"\n"):  # else it is still being written
            line = json.loads(raw)
            facts = {
                str(name): {key: float(fact[key] or 0.0) for key in ("z", "critical")}
                for name, fact in line["facts"].items()
            }
            stopped = tuple(map(str, line["stopped"]))
            yield Taken(int(line["runs"]), stopped, facts, int(line["not_run"]))


def allowed_for(frame: pd.DataFrame, study: "Study", how: Uncertainty) -> pd.DataFrame:
    """Return estimates with the declared ones' intervals and p values allowing for the looks.

    Args:
        frame: of ``Study.estimates``, before p values are adjusted for their number.
        study: with its ``stop``.
        how: the target that the estimates are about.
    """
    stop = study.stop
    if stop is None:
        return frame
    for cell, name, estimand in _declared(stop, study):
        rows = frame["estimand"].eq(name) & frame["status"].eq("")
        for model in study.models:
            chosen = rows & frame["model"].eq(model)
            found = tested(study.sample, (model, "success"), estimand.weights, how.target)
            if not chosen.any() or not found.se > 0:
                continue
            look = stop.look(cell)
            reach = stop.boundary.at(look, found.df) * found.se
            told = (
                f", repeated interval at look {look + 1} of {len(stop.runs)} ({stop.boundary.rule})"
            )
            frame.loc[chosen, "ci_low"] = max(-1.0, found.estimate - reach)
            frame.loc[chosen, "ci_high"] = min(1.0, found.estimate + reach)
            frame.loc[chosen, "p"] = stop.boundary.p_value(look, found.z)
            frame.loc[chosen, "method"] += told
    return frame


def _declared(stop: Stop, study: "Study") -> Iterator[tuple[str, str, Estimand]]:
    """Yield what stops, the catalogue's name of what decides, and its weights in the table."""
    factors = study.layout.factors
    design = Cells(factors, tuple(sorted(study.layout.cells)))
    known = {one.name: one for one in design.estimands}
    for cell, name in stop.estimands.items():
        if not cell and name in known:
            some = next(iter(stop.taken[-1].stopped), "") if stop.taken else ""
            yield some, name, known[name]
        if cell and len(cell) == len(stop.names):
            digits = dict(zip(stop.names, cell, strict=True))
            code = "".join(digits.get(factor.partition("+")[0], "0") for factor in factors)
            on = [i for i, digit in enumerate(code) if digit != "0"]
            if len(on) == 1 and code[on[0]] == "1":
                yield cell, f"add1:{factors[on[0]]}", difference(code, "0" * len(factors))
