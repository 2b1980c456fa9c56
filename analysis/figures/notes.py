"""What every figure says of itself: its target, its n, its interval and what is missing."""

from collections.abc import Sequence

import pandas as pd

from analysis.results import Estimates
from analysis.study import Study

MOST_NAMED = 6  # things named one by one


def target(estimates: Estimates) -> str:
    """Return what the intervals are about: ``target new tasks (a sample of 25)``."""
    tasks = len(estimates.study.layout.tasks)
    if estimates.target == "new":
        drawn = " drawn within levels" if estimates.uncertainty.within_levels else ""
        return f"target new tasks (a sample of {tasks}{drawn})"
    return f"target these {tasks} tasks, new runs"


def observed(study: Study, model: str | None = None) -> str:
    """Return how many episodes were observed, how many were not, and why.

    Args:
        study: whose.
        model: one model's episodes only.
    """
    own = study.episodes
    if model in study.models:
        own = own[own["model"] == model]
    lost = own.loc[own["success"].isna(), "missing_cause"].replace("", "cause not recorded")
    text = f"n = {len(own) - len(lost):,} episodes"
    models = own["model"].nunique()
    if models > 1:
        text += f" of {models} models"
    if lost.empty:
        text += ", none missing"
    else:
        causes = ", ".join(f"{cause} {count:,}" for cause, count in lost.value_counts().items())
        text += f"; {len(lost):,} missing ({causes}), never counted as failures"
    if study.planned is not None and len(study.episodes) < study.planned:
        text += f"; UNFINISHED, {study.planned - len(study.episodes):,} have not run"
    return text


def method(frame: pd.DataFrame) -> str:
    """Return how the drawn intervals were made; empty where no row says it."""
    if "method" not in frame:
        return ""
    used = frame.loc[frame["ci_low"].notna(), "method"]
    ways = list(dict.fromkeys(str(way).partition(";")[0] for way in used))
    if len(ways) > 2:
        return f"{ways[0]} and {len(ways) - 1} others, by row of the estimates"
    return " or ".join(ways)


def absent(names: Sequence[str], why: str = "Not estimable, not drawn") -> str:
    """Return a sentence that names what is not in the figure; empty where nothing is absent."""
    if not names:
        return ""
    shown = ", ".join(names[:MOST_NAMED])
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f" {why}: {shown}{more}."


def note(
    estimates: Estimates,
    drawn: pd.DataFrame,
    told: str = "",
    interval: str = "95 % intervals",
    missing: Sequence[str] = (),
) -> str:
    """Return a figure's note.

    Args:
        estimates: what is drawn of.
        drawn: the rows drawn; their ``method`` is told, where they have it, and their ``model``.
        told: sentences on how to read the figure.
        interval: what the whiskers are.
        missing: what could not be estimated.
    """
    how = method(drawn)
    how = f" ({how})" if how else ""
    models = set(drawn["model"]) if "model" in drawn else set()
    who = next(iter(models)) if len(models) == 1 else None
    start = f"{told} " if told else ""
    text = f"{start}{interval}{how}; {target(estimates)}; {observed(estimates.study, who)}."
    bare = drawn["ci_low"].isna()
    if "estimate" in drawn:
        bare &= drawn["estimate"].notna()
    if bare.any():
        text += " A mark without a whisker has no interval."
    return text + absent(missing)
