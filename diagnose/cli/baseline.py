"""``baseline=RUN``: lay interventions over baseline episodes that exist already.

An episode's id is a hash of all that determines its outcome and of nothing else, so an episode in
which no intervention is on has the same id in every study that shares its task, run, seed, subject,
budgets and versions. Such episodes are taken over with their records; only the rest is run, and
every contrast is paired with the baseline episode of the same task and run.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from diagnose.cli.compose import Study
from diagnose.errors import InputError
from diagnose.ledger import read_records
from diagnose.store import Store


def take_over(study: Study, store: Store, source: Path) -> int:
    """Copy the baseline episodes of the study at ``source`` that this study plans; return how many.

    Raises:
        InputError: there is no study, or none of its episodes is a baseline of this one.
    """
    if not (source / "episodes.jsonl").is_file():
        raise InputError("baseline", str(source), "name the folder of a study")
    wanted = {study.identify(plan): plan for plan in study.plans if not study.laid(plan)}
    known = taken = 0
    for record in read_records(source):
        plan = wanted.get(record.episode_id)
        if plan is None or record.success is None:
            continue
        known += 1
        if record.episode_id in store.ledger.outcomes:
            continue
        # The episode is the same; what it is called in this study, and beside what, may differ.
        blank = study.unobserved(plan, "baseline", "")
        store.append_record(
            replace(
                record,
                study=blank.study,
                cell=blank.cell,
                factors=blank.factors,
                interventions=blank.interventions,
                config=blank.config,
            )
        )
        taken += 1
    if not known:
        raise InputError("baseline", str(source), _difference(study, source))
    return taken


def _difference(study: Study, source: Path) -> str:
    """Say why no episode fits: the first thing that the two studies do not share."""
    try:
        header: dict[str, Any] = json.loads((source / "study.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "its study.json cannot be read"
    theirs, ours = header.get("shared", {}), study.header["shared"]
    for key in sorted(theirs.keys() | ours.keys()):
        if theirs.get(key) != ours.get(key):
            return f"its {key} is {theirs.get(key)!r}, this study's is {ours.get(key)!r}"
    return "it shares no task and run with this study, or has no episode without interventions"
