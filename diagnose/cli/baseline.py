"""Episodes that exist already: ``baseline=RUN``, and the studies beside this one.

An episode's id is a hash of all that determines its outcome and of nothing else, so the same
episode has the same id in every study that has it: in a wider one, with more runs, tasks or cells,
and in one that lays other interventions over the same baseline. Such episodes are taken over with
their records; only the rest is run.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from diagnose.cli.composed import Study
from diagnose.design import EpisodePlan
from diagnose.episode import ENV
from diagnose.errors import InputError, StoreError
from diagnose.index import (
    NAME,
    Place,
    header_of,
    observed,
    record_at,
    studies_beside,
    write_index,
)
from diagnose.ledger import parts_of
from diagnose.records import EpisodeRecord
from diagnose.store import Store


def take_over(study: Study, store: Store, source: Path, only: Collection[EpisodePlan]) -> int:
    """Copy the baseline episodes of the study at ``source`` that this study plans; return how many.

    Raises:
        InputError: there is no study, or none of its episodes is a baseline of this one.
    """
    if not parts_of(source):
        raise InputError("baseline", str(source), "name the folder of a study")
    bare = {study.identify(plan): plan for plan in study.plans if not study.laid(plan)}
    found = observed(source, bare)
    if not found:
        raise InputError("baseline", str(source), _difference(study, source))
    wanted = {key: plan for key, plan in bare.items() if plan in only and _open(store, key)}
    return _copied(study, store, wanted, found)


def reuse(study: Study, store: Store, only: Collection[EpisodePlan]) -> dict[Path, int]:
    """Copy what the studies beside this one hold of its episodes; return how many from which.

    A study that cannot be read is passed over: nothing is lost but the time to run it again.
    """
    plans = ((study.identify(plan), plan) for plan in study.plans if plan in only)
    wanted = {key: plan for key, plan in plans if _open(store, key)}
    taken: dict[Path, int] = {}
    for source in studies_beside(store.folder) if wanted else ():
        try:
            for file in parts_of(source):
                if not file.with_name(NAME).exists():
                    write_index(file)
            count = _copied(study, store, wanted, observed(source, wanted))
        except StoreError:
            continue
        if count:
            taken[source] = count
        wanted = {key: plan for key, plan in wanted.items() if _open(store, key)}
    return taken


def _open(store: Store, identifier: str) -> bool:
    return store.ledger.outcomes.get(identifier, "not_observed") == "not_observed"


def _copied(
    study: Study, store: Store, wanted: Mapping[str, EpisodePlan], found: Mapping[str, Place]
) -> int:
    """Append the records of the ``wanted`` episodes that were found; return how many."""
    taken = 0
    for identifier in wanted:  # in this study's order
        if identifier in found:
            record = record_at(found[identifier])
            store.append_record(_as_here(study, wanted[identifier], record))
            store.append_timing(
                {"episode_id": identifier, "taken_from": str(found[identifier].file.parent)}
            )
            taken += 1
    return taken


def _as_here(study: Study, plan: EpisodePlan, record: EpisodeRecord) -> EpisodeRecord:
    """Return a record under the names it has in this study: byte for byte as if it had run here.

    The episode is the same; what it is called, and beside which factors it stands, may differ.
    """
    blank = study.unobserved(plan, "taken_over", "")
    laid = study.laid(plan)
    return replace(
        record,
        study=blank.study,
        cell=blank.cell,
        factors=blank.factors,
        interventions={
            name: record.interventions[name] if name in laid and name != ENV else off
            for name, off in blank.interventions.items()
        },
        config=blank.config,
        chain=blank.chain,
        fork={**record.fork, **blank.fork},
        versions=blank.versions,
    )


def _difference(study: Study, source: Path) -> str:
    """Say why no episode fits: the first thing that the two studies do not share."""
    theirs, ours = header_of(source).get("shared", {}), study.header["shared"]
    for key in sorted(theirs.keys() | ours.keys()):
        if theirs.get(key) != ours.get(key):
            return f"its {key} is {theirs.get(key)!r}, this study's is {ours.get(key)!r}"
    return "it shares no task and run with this study, or has no episode without interventions"
