"""One estimand explained: its row of the catalogue, and a study's own numbers."""

import difflib
import re
import textwrap
from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.estimands.registry import CATALOGUE, Estimand, row_of
from analysis.layout import INTERVENTIONS
from analysis.report.table import WIDTH, Table
from diagnose.errors import InputError

KEY = 12  # characters of a line's name
MOST_METHODS = 6  # told one by one
HEAD = (
    "model", "estimand", "estimate", "95 % interval", "p", "Holm", "BH", "n", "missing", "status",
)  # fmt: skip
TARGETS = {"new": "new tasks", "fixed": "these tasks, new runs"}


def explained(name: str, frame: pd.DataFrame | None = None) -> str:
    """Return what an estimand is, and what it is in a study.

    Args:
        name: of an estimand, ``shapley:gap_hints``, or of a kind, ``shapley``.
        frame: the study's estimates; None = the row of the catalogue alone.

    Raises:
        InputError: no such estimand, or none in the study; the message names those nearest.
    """
    entry = row_of(name)
    if entry is None:
        raise InputError("explain", name, _nearest(name, frame))
    lines = [f"{name}: {entry.pattern}" if ":" in name else entry.pattern, ""]
    for key, text in described(entry):
        lines += textwrap.wrap(
            f"{key:{KEY}}{text}", WIDTH, subsequent_indent=" " * KEY, break_long_words=False
        )
    if frame is None:
        _refuse_slips(name, frame)
        return "\n".join(lines)
    kinds = frame["estimand"].map(row_of)
    own = frame[frame["estimand"] == name] if ":" in name else frame[kinds == entry]
    if own.empty:
        raise InputError("explain", name, _nearest(name, frame))
    return "\n".join([*lines, "", _numbers(own)])


def described(entry: Estimand) -> Iterator[tuple[str, str]]:
    """Yield what a row of the catalogue says, each with its name."""
    yield "is", entry.formula
    yield "unit", f"{entry.unit}, {span(entry)}"
    yield "valid when", entry.valid_when
    yield "interval", f"95 %; {entry.interval}"
    yield "p", tested(entry)
    yield "source", entry.source


def span(entry: Estimand) -> str:
    """Return the range in words."""
    low, high = (f"{limit:g}" for limit in (entry.low, entry.high))
    return "no limits" if np.isinf(entry.low) else f"from {low} to {high}"


def tested(entry: Estimand) -> str:
    """Return what the p value is about, and its family."""
    if not entry.tested:
        return "none: 0 is no hypothesis"
    return f"that it is 0; adjusted over all rows {entry.pattern} of one target, every model"


def _numbers(own: pd.DataFrame) -> str:
    """Return a study's rows as text: the numbers, then how they were made."""
    rows = []
    for row in own.to_dict("records"):
        limits = "–" if np.isnan(row["estimate"]) else "no interval"
        if not np.isnan(row["ci_low"]):
            limits = f"[{row['ci_low']:.4f}, {row['ci_high']:.4f}]"
        p = [_chance(row[key]) for key in ("p", "p_holm", "p_bh")]
        estimate = "–" if np.isnan(row["estimate"]) else f"{row['estimate']:.4f}"
        counts = [f"{row['n_episodes']:,}", f"{row['n_missing']:,}"]
        status = row["status"] or "–"
        rows.append([row["model"], row["estimand"], estimate, limits, *p, *counts, status])
    target = " and ".join(TARGETS[name] for name in own["target"].unique())
    table = Table("explained", f"In this study, for {target}:", HEAD, rows, names=2).text()
    methods = dict.fromkeys(own["method"])
    lines = [line for one in methods for line in textwrap.wrap(f"method: {one}", WIDTH)]
    if len(methods) > MOST_METHODS:
        lines = [f"methods: {len(methods)} different ones; name one estimand to read its own"]
    return "\n".join([table, "", *lines])


def _chance(p: float) -> str:
    if np.isnan(p):
        return "–"
    return f"{p:.4f}" if p >= 0.0001 else "<0.0001"


def _refuse_slips(name: str, frame: pd.DataFrame | None) -> None:
    """Refuse an intervention misspelt, where no study says what its factors are."""
    for word in re.split(r"[*/@]", name.partition(":")[2]):
        if word not in INTERVENTIONS and difflib.get_close_matches(word, INTERVENTIONS, 1, 0.8):
            raise InputError("explain", name, _nearest(name, frame))


def _nearest(name: str, frame: pd.DataFrame | None) -> str:
    kind, _, rest = name.partition(":")
    near = difflib.get_close_matches(kind, CATALOGUE, 3, 0.5)
    known: list[str] = []
    if frame is not None:
        known = list(dict.fromkeys(frame["estimand"]))
    elif rest:
        known = [f"{kind}:{factor}" for kind in near for factor in INTERVENTIONS]
    near = [*difflib.get_close_matches(name, known, 4, 0.7), *near]
    if near:
        return f"did you mean {', '.join(dict.fromkeys(near))}?"
    return f"choose a kind: {', '.join(CATALOGUE)}"
