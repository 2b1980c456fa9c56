"""What a study ends with: its truth where that is known, the gap table, pictures, the folder."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import diagnose
from diagnose.cli import commands
from diagnose.cli.composed import Study
from diagnose.episode import ENV
from diagnose.intervention import SHAM
from diagnose.laws import CATALOGUE
from diagnose.ledger import parts_of, read_records
from diagnose.models.reference import Profile, Reference
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.remote.address import shown
from diagnose.sandbox import Limits
from diagnose.stopping import FILE as LOOKS
from diagnose.subjects.budgets import Budgets
from diagnose.whole_file import write_whole

COMPACT_FROM = 5_000  # episodes: such a study is compacted as it ends
DRAWN = "drawn.json"  # of which records the pictures are, and what was said of them
MOST_PRESSES, MOST_TURNS = 15, 2  # of an experiment of the reference subject: five rigs thrice


def truth(study: Study) -> None:
    """Write ``truth.json`` for a reference subject: its success probabilities are computable."""
    path = study.folder / "truth.json"
    if path.exists() or not isinstance(study.model, Reference) or not _computable(study):
        return
    by_task = (
        _rescues(study, study.model.profile) if study.forked else _rates(study, study.model.profile)
    )
    mean = {
        cell: sum(row[cell] for row in by_task.values()) / len(by_task) for cell in study.supplied
    }
    text = json.dumps({"cells": mean, "tasks": by_task}, indent=1, sort_keys=True)
    write_whole(path, f"{text}\n".encode())


def _rates(study: Study, profile: Profile) -> dict[str, dict[str, float]]:
    """Return each task's success probabilities, by cell."""
    from diagnose.models.reference.truth import true_table

    return true_table(
        profile,
        study.tasks.values(),
        study.supplied,
        study.renamed_cells,
        study.carrying_cells,
    )


def _rescues(study: Study, profile: Profile) -> dict[str, dict[str, float]]:
    """Return each task's probabilities that a failed episode of it is rescued, by cell."""
    from diagnose.models.reference.truth import rescue_probability, verdicts_of

    return {
        name: {
            cell: rescue_probability(
                verdicts_of(one), profile, supplied, remembers=cell not in study.renamed_cells
            )
            for cell, supplied in study.supplied.items()
        }
        for name, one in study.tasks.items()
    }


def _computable(study: Study) -> bool:
    """Whether the enumeration covers this study: full budgets and context, doses off, on or sham.

    It takes an intervention at dose 1 as supplying its capacity, and every budget as ample.
    """
    if study.forked and study.forked.left_out:
        return False  # which sources are left then hangs on what they drew
    ample = study.budgets == Budgets() and study.limits == Limits()
    whole = not study.scaffold.keep_turns and not study.scaffold.fresh_context_after_failure
    doses = {dose for factor in study.factors if factor.name != ENV for dose in factor.levels}
    limited = any(map(_limited, study.config.interventions.values()))
    return ample and whole and doses <= {0, 1, SHAM} and not limited


def _limited(entry: Mapping[str, Any]) -> bool:
    """Whether an intervention's budgets may keep from the subject what the enumeration gives it."""
    asked = entry.get("budgets", [0])
    if entry.get("method") == "scientist":  # a question may then cost money: few are allowed
        ample = entry.get("trials", 30) >= MOST_PRESSES and entry.get("turns", 8) >= MOST_TURNS
        return not ample or any(0 < budget < len(CATALOGUE) for budget in asked)
    return bool(asked != [0] or entry.get("entries", [0]) != [0])


def end_of(study: Study) -> None:
    """Print the gap table, write the estimates, the report, the figures and one device.

    What is drawn already of these records, by this code, is not drawn again.
    """
    from analysis import cli
    from analysis.compacted import compact, compacted

    folder, figures, device = study.folder, study.folder / "figures", study.folder / "device.png"
    if len(study.plans) >= COMPACT_FROM and not compacted(folder, parts_of(folder)):
        compact(folder)
    source: Any = folder if study.forked else cli.estimates_of(folder, "new")
    cli.analyze(source, "new", folder / "estimates.csv", print)
    page = None if study.forked else folder / "report" / "report.html"
    said = _drawn(folder)
    there = figures.is_dir() and (page is None or page.is_file())
    if said is None or not there or device.exists() != said["device"]:
        cli.figures(source, figures, only=None if study.forked else cli.QUICK)
        if page:
            _report(source, folder, page.parent)
        largest = _Largest()
        told = spent(map(largest.seen, read_records(folder)))
        said = {"device": _picture(study, largest.record) is not None, "spent": told}
        text = canonical_json({**said, "of": _of(folder)})
        write_whole(folder / DRAWN, f"{text}\n".encode())
    if page:
        print(f"\nReport: {page}; with every figure and drawn failures: diagnose report {folder}")
        print(f"Figures: {figures}; all of them: diagnose figures {folder}")
    else:
        print(f"\nFigures: {figures}")
    if said["device"]:
        print(f"A device that passed: {device}")
    print(said["spent"])
    print(f"Study: {shown(folder)}")


def _report(estimates: Any, folder: Path, out: Path) -> None:
    from diagnose.cli.report import command_of, report

    report(estimates, folder, out, command_of(folder, "new", quick=True), quick=True)


def _of(folder: Path) -> dict[str, Any]:
    """Return what the pictures and the report are of, and which code drew them."""
    import analysis

    beside = (folder / name for name in (commands.NAME, LOOKS))
    rooms = (Path(str(analysis.__file__)).parent, Path(__file__).parent)
    code = (file for room in rooms for file in sorted(room.rglob("*.py")))
    files = [*parts_of(folder), *filter(Path.is_file, beside), *code]
    stats = [(file, file.stat()) for file in files]
    return {
        "version": diagnose.__version__,
        "files": [[str(file), stat.st_size, stat.st_mtime_ns] for file, stat in stats],
    }


def _drawn(folder: Path) -> dict[str, Any] | None:
    """Return what was said of pictures that are of these very records; None where none are."""
    try:
        said = json.loads((folder / DRAWN).read_bytes())
        fits = said["of"] == _of(folder) and isinstance(said["spent"], str)
        return {"device": bool(said["device"]), "spent": said["spent"]} if fits else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def spent(records: Iterable[EpisodeRecord]) -> str:
    """Return what a study used, and what of it was not observed, with the causes."""
    cost: dict[str, float] = {}
    missing: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    episodes = tokens_in = tokens_out = 0
    for record in records:
        episodes += 1
        used = record.own_usage
        tokens_in += used.input_tokens
        tokens_out += used.output_tokens
        cost[record.cell] = cost.get(record.cell, 0.0) + used.cost_usd
        if record.outcome == "not_observed":
            missing[record.cell] += 1
            causes[record.missing_cause.partition(":")[0] or "no cause"] += 1
    dollars = sum(cost.values())
    told = f"Used: {tokens_in:,} tokens in, {tokens_out:,} out, ${dollars:,.2f}"
    if dollars:
        told += f" (${min(cost.values()):,.2f} to ${max(cost.values()):,.2f} a cell)"
    if missing:
        told += (
            f"\nNot observed: {missing.total():,} of {episodes:,} episodes ({_counts(causes)}), in "
            f"cells {_counts(missing)}; with run.retry_unobserved=true the same command runs them "
            "again"
        )
    return told


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


class _Largest:
    """The largest device that passed, of the records that go by."""

    def __init__(self) -> None:
        self.record: EpisodeRecord | None = None
        self._size = (0, "")

    def seen(self, record: EpisodeRecord) -> EpisodeRecord:
        """Look at a record and hand it on."""
        if record.success and record.circuit and record.verdict:
            size = (len(record.circuit["blocks"]), record.task)
            if size > self._size:
                self.record, self._size = record, size
        return record


def _picture(study: Study, record: EpisodeRecord | None) -> Path | None:
    """Draw a device that passed, lit."""
    if record is None or record.circuit is None or record.verdict is None:
        return None
    from diagnose.env.circuit import Circuit
    from diagnose.env.painter import draw

    circuit = Circuit.from_json(record.circuit, study.tasks[record.task].area_side)
    lamps = [lamp for lamp in record.verdict["lamps"] if lamp["rise_rt"] is not None]
    at_rt = max(lamp["rise_rt"] for lamp in lamps)
    path = study.folder / "device.png"
    draw(circuit, path, trace_at_rt=at_rt, title=f"{record.task}, {at_rt:g} rt after the press")
    return path
