"""The rescue table: what joins failed episodes on their way, and how many of them it rescues."""

import math
import textwrap
from typing import Any

import pandas as pd

from analysis.forks import UNTOUCHED, Forks, is_sham
from analysis.report.table import WIDTH, Table
from analysis.report.terminal import interval, pp
from analysis.study import records

HEAD = ("joins late", "capacity", "rescued", "95 %", "less untouched", "p")


def rescued(forks: Forks, frame: pd.DataFrame) -> str:
    """Return the whole report of a study of forks, a table per model.

    Args:
        forks: the study.
        frame: its estimates about one target.
    """
    parts = [textwrap.fill(_answer(forks, frame), WIDTH), textwrap.fill(_heading(forks), WIDTH), ""]
    parts += [part for one in tables_of(forks, frame) for part in (one.text(), "")]
    return "\n".join(parts).rstrip()


def tables_of(forks: Forks, frame: pd.DataFrame) -> list[Table]:
    """Return the report's tables, model by model."""
    made = []
    for model in forks.models:
        made += [table(forks, frame, model), offered(forks, frame, model)]
        made += [by_turn(forks, frame, model)] if len(forks.turns) > 1 else []
    return made


def table(forks: Forks, frame: pd.DataFrame, model: str) -> Table:
    """Return a row per arm: the rescue probability, and what of it the arm brings."""
    rows = _rows(frame, model)
    known = any(math.isfinite(row["truth"]) for row in rows.values())
    head = [*HEAD[:4], *(["truth"] if known else []), *HEAD[4:]]
    body = []
    for arm in (UNTOUCHED, *forks.arms):
        own = rows[f"rescue:{arm}@{forks.at}"]
        line = [arm, _capacity(forks, arm), _percent(own["estimate"])]
        line.append(_limits(own))
        line += [_percent(own["truth"])] if known else []
        gain = rows.get(f"rescue_gain:{arm}@{forks.at}")
        body.append([*line, _difference(gain), _p(gain)])
    target = str(next(iter(rows.values()))["target"])
    return Table("rescue", "", head, body, _note(forks, target, known=known), names=2)


def offered(forks: Forks, frame: pd.DataFrame, model: str) -> Table:
    """Return a row per arm: what joins late beside the same there from the start."""
    rows = _rows(frame, model)
    head = ["joins late", "rescued late", "from the start", "late less start"]
    body = []
    for arm in forks.arms:
        late, start, apart = (
            rows[f"{kind}:{arm}@{forks.at}"] for kind in ("rescue", "rescue_start", "rescue_late")
        )
        body.append([arm, _share(late), _share(start), _difference(apart)])
    note = (
        "From the start: the source study's episode of the same task and run with the intervention "
        "there from the first message on, where it has one."
    )
    return Table("rescue_offered", "", head, body, note)


def by_turn(forks: Forks, frame: pd.DataFrame, model: str) -> Table:
    """Return the rescue probability by the turn from which episodes went on."""
    rows = _rows(frame, model)
    own = forks.table[forks.table["model"] == model]
    counts = own["turn"].value_counts()
    head = ["joins late", *(f"at turn {turn}" for turn in forks.turns)]
    body = [
        [arm, *(_share(rows.get(f"rescue_turn:{arm}@{turn}")) for turn in forks.turns)]
        for arm in (UNTOUCHED, *forks.arms)
    ]
    said = ", ".join(f"{int(counts.get(turn, 0)):,} at {turn}" for turn in forks.turns)
    note = f"Rescued, % [95 %]. Turn: replies before the fork. Sources: {said}."
    return Table("rescue_by_turn", "", head, body, note)


def _rows(frame: pd.DataFrame, model: str) -> dict[str, dict[str, Any]]:
    return {str(row["estimand"]): row for row in records(frame[frame["model"] == model])}


def _answer(forks: Forks, frame: pd.DataFrame) -> str:
    """Return which intervention rescues most, in a sentence per model."""
    said = []
    for model in forks.models:
        rows = _rows(frame, model)
        gains = {
            arm: row
            for arm in forks.arms
            if not is_sham(arm)
            and math.isfinite((row := rows[f"rescue_gain:{arm}@{forks.at}"])["estimate"])
        }
        if not gains:
            said.append(f"Nothing can be said of {model}: no source has both continuations.")
            continue
        best = max(gains, key=lambda arm: float(gains[arm]["estimate"]))
        row = gains[best]
        limits = interval(row["ci_low"], row["ci_high"])
        sure = float(row["ci_low"]) > 0
        said.append(
            f"Of what joins {model} late, {best} rescues most: {pp(row['estimate'])} pp {limits} "
            f"more than the untouched continuation{'' if sure else ', which may be chance'}."
        )
    return " ".join(said)


def _heading(forks: Forks) -> str:
    tasks = forks.table["task"].nunique()
    text = (
        f"{forks.name}: {len(forks.table):,} failed baseline episodes of {forks.source} on {tasks} "
        f"tasks, each continued from {forks.at}."
    )
    if forks.left_out:
        lost = ", ".join(f"{why} {count}" for why, count in sorted(forks.left_out.items()))
        text += f" Left out: {lost}."
    have = int(forks.table.filter(regex="^late:").notna().to_numpy().sum())
    if forks.planned is not None and have < forks.planned:
        text += f" {forks.planned - have:,} of {forks.planned:,} continuations have no outcome."
    return text


def _note(forks: Forks, target: str, *, known: bool) -> str:
    tasks = forks.table["task"].nunique()
    about = f"new tasks (a sample of {tasks})" if target == "new" else f"these {tasks} tasks"
    text = (
        f"Rescued: % of the sources; less untouched: within sources, in percentage points. Target: "
        f"{about}. p: " + ("t over tasks." if target == "new" else "McNemar, exact.")
    )
    if known:
        text += " Truth: the subject's computed probabilities, given that the baseline failed."
    return text


def _capacity(forks: Forks, arm: str) -> str:
    if arm == UNTOUCHED:
        return ""
    return f"{forks.arms[arm]} (sham)" if is_sham(arm) else forks.arms[arm]


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value + 0.0:.1f}"


def _limits(row: dict[str, Any]) -> str:
    return "not estimable" if row["status"] else interval(row["ci_low"], row["ci_high"])


def _share(row: dict[str, Any] | None) -> str:
    if row is None or row["status"]:
        return "–"
    return f"{_percent(row['estimate'])} {_limits(row)}"


def _difference(row: dict[str, Any] | None) -> str:
    if row is None or row["status"]:
        return "–"
    return f"{pp(row['estimate'])} {_limits(row)}"


def _p(row: dict[str, Any] | None) -> str:
    if row is None or math.isnan(row["p"]):
        return "–"
    return "<0.001" if row["p"] < 0.001 else f"{row['p']:.3f}"
