"""The sections about how a study was run: design, deviations, costs, failures, versions."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.figures.style import slug
from analysis.layout import SHAM
from analysis.report.blocks import (
    Block,
    Commands,
    Facts,
    Heading,
    Picture,
    Section,
    TableBlock,
    Words,
)
from analysis.report.findings import codes_of, observed_by_cell, spelt
from analysis.report.recorded import CellUse, Example, Made, Recorded
from analysis.report.table import Table
from analysis.results import Estimates
from analysis.study import Study

ENDS = {
    "verified": "passed a verify()",
    "stopped": "subject stopped",
    "trials": "trials used up",
    "turns": "turns used up",
    "tokens": "tokens used up",
    "seconds": "time used up",
    "not_observed": "not observed",
}
UNTOLD = "a table of episodes does not carry this."


def design(estimates: Estimates, recorded: Recorded | None) -> Section:
    """Return what was varied, on what, how often."""
    study = estimates.study
    layout, episodes = study.layout, study.episodes
    runs = episodes.groupby(["model", "task", *layout.factors])["run"].nunique()
    least, most = int(runs.min()), int(runs.max())
    cells = observed_by_cell(study)
    families = {name: layout.families.count(name) for name in sorted(set(layout.families))}
    facts = [
        ("target", spelt(estimates)),
        ("models", ", ".join(study.models)),
        ("cells", f"{len(cells)}: {' '.join(cells)}"),
        ("tasks", f"{len(layout.tasks)}: {', '.join(f'{k} {n}' for k, n in families.items())}"),
        ("levels", ", ".join(f"L{level}" for level in sorted(set(layout.levels)))),
        ("runs per cell and task", f"{least}" if least == most else f"{least} to {most}"),
        ("episodes", f"{len(episodes):,}" + _planned(study)),
    ]
    blocks: list[Block] = [TableBlock(_factors(study)), Facts(facts)]
    if recorded is None:
        blocks.append(Words(f"Subject, scaffold and budgets: {UNTOLD}", "faint"))
    else:
        blocks.append(Facts(recorded.settings))
    return Section("design", "Design", blocks)


def _planned(study: Study) -> str:
    return "" if study.planned is None else f" of {study.planned:,} planned"


def _factors(study: Study) -> Table:
    words = {0: "off", 1: "on", SHAM: "sham"}
    rows = []
    for index, factor in enumerate(study.layout.factors):
        doses = sorted({int(code[index]) for code in study.layout.cells})
        told = ", ".join(words.get(dose, f"dose {dose}") for dose in doses)
        rows.append([str(index + 1), factor, study.capacities[factor], told])
    rows += [
        ["–", name, study.capacities.get(name, "–"), f"held: {words.get(dose, f'dose {dose}')}"]
        for name, dose in study.held.items()
    ]
    head = ["digit", "intervention", "capacity", "doses"]
    return Table("factors", "Interventions, by their digit in a cell", head, rows, names=4)


def deviations(study: Study, recorded: Recorded | None) -> Section:
    """Return where the study departs from its plan."""
    total, lost = len(study.episodes), sum(study.missing.values())
    said = []
    if study.planned is None:
        said.append("No plan was recorded with these episodes, so none can be departed from.")
    elif total < study.planned:
        said.append(
            f"Unfinished: {study.planned - total:,} of {study.planned:,} planned episodes have not "
            "run; the command that made the study continues it."
        )
    else:
        said.append(f"Every one of the {study.planned:,} planned episodes was run.")
    if study.stop is not None:
        said.append(study.stop.said)
    if study.allocation is not None:
        said.append(study.allocation.said)
    if lost:
        said.append(f"{lost:,} episodes were not observed; see the section on missing data.")
    elif total:
        said.append("None failed to be observed.")
    if recorded is None:
        said.append(f"How episodes ended, and which were run again: {UNTOLD}")
        return Section("deviations", "Deviations from the plan", [Words(" ".join(said))])
    said.append(
        f"{recorded.retried:,} episodes were run again after they had not been observed."
        if recorded.retried
        else "None was run a second time."
    )
    blocks: list[Block] = [Words(" ".join(said)), TableBlock(_ends(recorded.uses))]
    return Section("deviations", "Deviations from the plan", blocks)


def _ends(uses: Sequence[CellUse]) -> Table:
    reasons = [name for name in ENDS if any(use.ends.get(name) for use in uses)]
    head = ["cell", "episodes", *(ENDS[name] for name in reasons)]
    lines = [*uses, _sum(uses)]
    rows = [
        [use.cell, f"{use.episodes:,}", *(f"{use.ends.get(name, 0):,}" for name in reasons)]
        for use in lines
    ]
    note = "An episode that runs out of a budget is judged by the device that stands then."
    return Table("ends", "How episodes ended, by cell", head, rows, note)


def _sum(uses: Sequence[CellUse]) -> CellUse:
    names = ("episodes", "calls", "turns", "trials", "tokens_in", "tokens_out", "usd")
    sums = {name: sum(getattr(use, name) for use in uses) for name in (*names, "seconds", "timed")}
    ends = {name: sum(use.ends.get(name, 0) for use in uses) for name in ENDS}
    return CellUse("all", **sums, ends=ends)


def costs(recorded: Recorded | None) -> Section:
    """Return what the study used, by cell."""
    if recorded is None:
        return Section("costs", "Costs", [Words(f"Tokens, dollars, time and calls: {UNTOLD}")])
    total = _sum(recorded.uses)
    timed = total.timed > 0
    head = ["cell", "episodes", "calls", "turns", "trials", "tokens in", "tokens out", "dollars"]
    head += ["time, s"] if timed else []
    rows = []
    for use in (*recorded.uses, total):
        counts = (use.episodes, use.calls, use.turns, use.trials, use.tokens_in, use.tokens_out)
        line = [use.cell, *(f"{count:,}" for count in counts), f"{use.usd:,.2f}"]
        rows.append([*line, f"{use.seconds:,.0f}"] if timed else line)
    note = "Dollars as the provider's price list has them; a local or synthetic subject costs none."
    if timed:
        note += " Time: the sum over episodes, wall clock, several of which may run at once."
        if total.timed < total.episodes:
            note += f" {total.timed:,} of {total.episodes:,} episodes were timed."
    said = (
        f"{total.calls:,} calls of the model, {total.tokens_in:,} tokens in, "
        f"{total.tokens_out:,} out, ${total.usd:,.2f}"
        + (f", {_lasting(total.seconds)} of episodes." if timed else ".")
    )
    table = Table("costs", "What the episodes used, by cell", head, rows, note)
    return Section("costs", "Costs", [Words(said), TableBlock(table)])


def _lasting(seconds: float) -> str:
    """Return a length of time in the unit that suits it."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} seconds"


def failures(study: Study, recorded: Recorded | None) -> Section:
    """Return why devices failed, by cause and by cell, with drawn examples."""
    own = study.episodes
    failed = own[own["success"] == 0]
    told = failed[failed["failure_cause"] != ""]
    if told.empty:
        said = "No failed episode carries a cause." if len(failed) else "No episode failed."
        return Section("failures", "Why devices fail", [Words(said)])
    known = recorded.causes if recorded else {}
    said = (
        f"{len(told):,} of {len(failed):,} failed episodes left a device whose failure has a named "
        "physical cause; counted is the one that weighs most. A device shows what is wrong with "
        "it, not why its builder built it so: the capacity is the published convention's."
    )
    blocks: list[Block] = [Words(said), TableBlock(_causes(told, known))]
    blocks.append(TableBlock(_capacities(study)))
    if recorded:
        blocks += map(_example, recorded.examples)
    return Section("failures", "Why devices fail", blocks)


def _causes(told: pd.DataFrame, known: Mapping[str, str]) -> Table:
    keys = ("failure_cause", "failure_law", "failure_capacity_by_convention")
    counts = Counter(zip(*(told[key] for key in keys), strict=True))
    head = ["cause", *(["what it is"] if known else []), "law", "capacity"]
    names = len(head)
    rows = []
    for (cause, law, capacity), count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        line = [cause, *([known.get(cause, "–")] if known else []), law or "–", capacity or "–"]
        rows.append([*line, f"{count:,}", f"{100 * count / len(told):.1f}"])
    head += ["episodes", "share, %"]
    return Table("failure_causes", "Causes of failure", head, rows, names=names)


def _capacities(study: Study) -> Table:
    """Return failures by cell and the capacity they are taken to speak of."""
    own = study.episodes
    columns = (own["failure_capacity_by_convention"], own["failure_cause"], own["success"] == 0)
    capacities, causes = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for cell, capacity, cause, failed in zip(codes_of(study), *columns, strict=True):
        if failed:
            capacities[cell, capacity or "no cause"] += 1
            causes[cell, cause or "–"] += 1
    place = {name: at for at, name in enumerate(study.capacities.values())}
    order = sorted({name for _, name in capacities}, key=lambda name: (place.get(name, 99), name))
    head = ["cell", "most frequent cause", "observed", "failed", *order]
    rows = []
    for cell, (seen, _) in observed_by_cell(study).items():
        numbers = [capacities[cell, name] for name in order]
        named = [(-count, cause) for (at, cause), count in causes.items() if at == cell]
        shown = (seen, sum(numbers), *numbers)
        top = min(named)[1] if named else "–"
        rows.append([cell, top, *(f"{number:,}" for number in shown)])
    title = "Failures by cell and the capacity they speak of"
    return Table("failures_by_cell", title, head, rows, names=2)


def _example(one: Example) -> Picture:
    law = f"It violates the law {one.law}." if one.law else "It violates none of the laws."
    caption = (
        f"{one.sentence[:1].upper()}{one.sentence[1:]}. {law} By convention: {one.capacity}. "
        f"{one.task}, run {one.run}, cell {one.cell}, {one.model}: {one.blocks} blocks"
        + (f", {one.moment}." if one.moment else ".")
    )
    name = f"device_{slug(one.cause)}"
    return Picture(name, one.cause, caption, one.png, ".png", commands=(one.command,))


def provenance(recorded: Recorded | None, made: Made) -> Section:
    """Return versions, hashes, and the commands that made study and report."""
    blocks: list[Block] = []
    if recorded is None:
        blocks.append(Words(f"Which versions and which command made the episodes: {UNTOLD}"))
    else:
        blocks += [Heading("The episodes"), Facts([*recorded.versions, *recorded.hashes])]
        if recorded.commands:
            blocks += [Words("Made by:"), Commands(recorded.commands)]
        else:
            told = "The command that made them was not recorded; the configuration is, above."
            blocks.append(Words(told, "faint"))
    blocks += [Heading("This report"), Facts(made.versions)]
    blocks += [Words("Made by:"), Commands([made.command])]
    return Section("provenance", "Versions, hashes and commands", blocks)
