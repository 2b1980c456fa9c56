"""Whether a recorded episode is the one that would run today, and what differs where it is not."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diagnose.cli.compose import compose
from diagnose.cli.composed import Study
from diagnose.cli.sections import without
from diagnose.cli.standing import named
from diagnose.config import SETTINGS, study_config
from diagnose.design import OPTIONS, EpisodePlan
from diagnose.episode import ENV
from diagnose.errors import DiagnoseError, InputError
from diagnose.index import header_of, places_in, record_at, studies_beside
from diagnose.records import EpisodeRecord, canonical_json

# A header may come from anywhere, and Hydra calls whatever a target names.
_TARGET = re.compile(r"(diagnose\.(models|subjects)|interventions)(\.[a-z_]\w*)*\.[A-Z]\w*")


def recomposed(folder: Path) -> Study:
    """Return the study of a folder as its configuration would make it today.

    Raises:
        InputError: its ``study.json`` is none, or says what nothing of today understands.
    """
    header = header_of(folder)
    if header.get("fork"):
        remedy = "its episodes go on from another study's: its own command says what is current"
        raise InputError("study", str(folder), remedy)
    try:
        shared = header["shared"]
        if "weights_sha256" in shared["subject"]:
            # What its command would make is known once the weights there now are hashed.
            remedy = (
                "its subject is weights on this machine, of which records keep the hash and never "
                "the place: give diagnose plan the overrides that it was run with, folders and "
                "all, and it says what is current and what would run"
            )
            raise InputError("study", str(folder), remedy)
        named_in_order = [one["name"] for one in header["factors"] if one["name"] != ENV]
        # JSON keeps no order, and a cell's digits have one.
        interventions = {name: header["interventions"][name] for name in named_in_order}
        _check_targets([shared["subject"], interventions])
        config = {
            "study": {
                "name": header["study"],
                "folder": str(folder.parent),
                "seed": shared["seed"],
                "runs": header["runs"],
                "tasks": [named(one) for one in header["tasks"]],
                "setting": header.get("setting", SETTINGS[0]),
                "allocate": without(header.get("allocate") or {}, "batches"),
            },
            "env": {"variants": header["env"]},
            "subject": shared["subject"],
            "design": _design(header["design"]),
            "interventions": interventions,
            "budgets": shared["budgets"],
            "scaffold": shared.get("scaffold", {}),
            "limits": shared["limits"],
            "caps": {},
            "run": {},
        }
        held = {one["name"] for one in header["factors"] if len(one["levels"]) == 1}
    except (KeyError, TypeError, AttributeError) as error:
        remedy = f"its study.json lacks {error}: it was written by another version"
        raise InputError("study", str(folder), remedy) from error
    return compose(study_config(config, [f"interventions/{name}=on" for name in held]))


def _design(said: str) -> dict[str, str]:
    """Return a design's section from its name, behind which its option stands."""
    name, _, option = said.partition(": ")
    return {"name": name, **({OPTIONS[name]: option} if option else {})}


def _check_targets(node: object) -> None:
    if isinstance(node, Mapping):
        target = node.get("_target_")
        if target is not None and not _TARGET.fullmatch(str(target)):
            raise InputError("study.json: _target_", target, "no class of this project is so named")
        for value in node.values():
            _check_targets(value)
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for value in node:
            _check_targets(value)


def components(record: EpisodeRecord) -> dict[str, Any]:
    """Return what determines an episode's outcome, as its record tells it, by dotted name."""
    config = record.config
    code = config.get("code") or {}
    configured = config.get("interventions") or {}
    laid = {
        name: {
            **{key: value for key, value in configured.get(name, {}).items() if key != "levels"},
            "dose": int(digit),
            "code": code.get(name),
        }
        for name, digit in zip(record.factors, record.cell, strict=True)
        if digit != "0" and name != ENV
    }
    named = ("seed", "subject", "budgets", "limits", "versions", "scaffold")
    return _flat(
        {
            **{name: config.get(name) for name in named},
            "code": {name: code.get(name) for name in ("episode", "subject")},
            "interventions": laid,
            "prompt_sha256": record.prompt_sha256,
            "task_sha256": record.task_sha256,
            "task": record.task,
            "run": record.run,
            "env": record.variant,
        }
    )


def _flat(node: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in node.items():
        inner = f"{path}.{name}" if path else str(name)
        found |= _flat(value, inner) if isinstance(value, Mapping) else {inner: value}
    return found


def differences(now: EpisodeRecord, then: EpisodeRecord) -> list[tuple[str, str, str]]:
    """Return the components in which two episodes differ: name, then, now."""
    ours, theirs = components(now), components(then)
    return [
        (name, _shown(theirs, name), _shown(ours, name))
        for name in sorted(ours.keys() | theirs.keys())
        if name not in ours or name not in theirs or ours[name] != theirs[name]
    ]


def _shown(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return "not there"
    text = value if isinstance(value, str) else canonical_json(value)
    return text[:12] if re.fullmatch(r"[0-9a-f]{64}", text) else text[:40]


def explained(study: Study, folder: Path, plan: EpisodePlan) -> list[str]:
    """Return why the episode of a plan is or is not current, in lines.

    Args:
        study: as it would be today.
        folder: where it is recorded, which may bear the name of an older configuration.
        plan: the episode.
    """
    identifier = study.identify(plan)
    title = f"{plan.task}, run {plan.run}, cell {plan.cell}: "
    nearest: tuple[tuple[int, bool], EpisodeRecord, Path, list[tuple[str, str, str]]] | None = None
    now = study.unobserved(plan, "", "")
    for home in (folder, *studies_beside(folder)):
        try:
            found = [
                place
                for place in places_in(home)
                if (place.entry.task, place.entry.run) == (plan.task, plan.run)
            ]
            for place in found:
                if place.entry.episode_id == identifier:
                    return [title + _standing(record_at(place), home, folder)]
            for record in map(record_at, found):
                apart = differences(now, record)
                key = (len(apart), home != folder)
                if nearest is None or key < nearest[0]:
                    nearest = (key, record, home, apart)
        except DiagnoseError:
            continue  # a study that cannot be read has nothing to say of this one
    if nearest is None:
        return [f"{title}not recorded, and nothing of this task and run is", f"  id {identifier}"]
    _, record, home, apart = nearest
    lines = [
        f"{title}not recorded as it would run today (id {identifier})",
        f"  nearest: {record.episode_id}, cell {record.cell}, {record.outcome}, in {home}",
    ]
    width = max((len(name) for name, _, _ in apart), default=0)
    lines += [f"  {name:{width}}  was {then}, is {value}" for name, then, value in apart]
    if not apart:
        lines.append("  what differs is what it follows in its chain, or the names of its world")
    return lines


def _standing(record: EpisodeRecord, home: Path, folder: Path) -> str:
    if record.outcome == "not_observed":
        return (
            f"not observed ({record.missing_cause}); run.retry_unobserved=true runs it again "
            f"(id {record.episode_id})"
        )
    where = "here" if home == folder else f"in {home}: the next run takes it over"
    return f"current, {record.outcome}, recorded {where} (id {record.episode_id})"
