"""The data sheet of a calibration, in words and tables."""

import math
from pathlib import Path

import pandas as pd

from diagnose import markdown
from diagnose.cli.calibration import DRAWS, KINDS, LEAD, NAMING_RUNS, TASKS
from diagnose.cli.calibration_figure import figure
from diagnose.cli.calibration_scores import (
    LEAST,
    Calibration,
    estimand_rows,
    lead_rows,
    naming_rows,
)
from diagnose.models.reference.profile import CAPACITIES
from diagnose.models.reference.sampler import BANDS, RULES


def write(done: Calibration, out: Path | None, command: str) -> None:
    """Print the sheet; with ``out``, write it, the estimands' table and the figure there."""
    rows, naming = estimand_rows(done), naming_rows(done)
    text = sheet(done, rows, naming, command, out.stem if out else "")
    print(text)
    if out is None:
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text + "\n", encoding="utf-8")
    rows.to_csv(out.with_suffix(".csv"), index=False, float_format="%.5f", lineterminator="\n")
    drawn = figure(rows, naming, done)
    drawn.savefig(out.with_suffix(".png"), dpi=130, metadata={"Software": None})


def sheet(
    done: Calibration, rows: pd.DataFrame, naming: pd.DataFrame, command: str, stem: str
) -> str:
    """Return the data sheet as Markdown."""
    first = done.results[0].subject
    episodes = TASKS * len(first.supplied) * done.runs
    parts = [
        "# Data sheet of the instrument",
        f"Made by `{command}`.",
        markdown.fill(
            f"Each line rests on {done.replicates} simulated studies of {TASKS} tasks, "
            f"{len(first.supplied)} cells and {done.runs} runs ({episodes:,} episodes a study) of "
            "a reference subject whose capacities are set, so that the truth is known. Estimates "
            "and intervals are those of `diagnose analyze`. *fixed*: the 25 published tasks, truth "
            "= the mean over them, `--target fixed`. *new*: 25 tasks drawn anew in every study, "
            "each independently from the population declared below, truth = the population's mean, "
            "`--target new`; this is what the task-level t(24) assumes. *new, stratified*: one "
            "task from each family and level, as the published design has it, under the same "
            "interval, which then counts the differences between strata as chance. All numbers "
            "but z are percentages or percentage points."
        ),
        *([f"![Coverage and naming]({stem}.png)"] if stem else []),
        "## What was planted",
        _profile_table(done),
        "## Truth, two ways",
        markdown.fill(
            "Enumeration over the laws against whole episodes: the real prompts, interventions, "
            "sandbox and simulator, on published and drawn tasks in turn, in cells drawn at "
            "random. z is the difference in binomial standard deviations. Equal: episodes that "
            "ended as the simulation behind the tables below does, fed the episode's own draws."
        ),
        _check_table(done),
        "## Coverage of nominal 95 % intervals, bias and width",
        markdown.fill(
            "Mean over the four interventions, the lowest of them in brackets; the bias of largest "
            "size, with its Monte Carlo standard error; mean width. Each estimand's own line "
            + (f"is in [{stem}.csv]({stem}.csv). " if stem else "is in the table beside --out. ")
            + f"A coverage of 95 % has a Monte Carlo standard error of "
            f"{100 * math.sqrt(0.0475 / done.replicates):.1f} points here."
        ),
        _coverage_table(rows),
        "## Where it falls short",
        *_shortfalls(rows),
        "## Naming the bottleneck",
        markdown.fill(
            "Share of studies in which the planted capacity has the largest estimated Shapley "
            f"value, by runs per task. A bottleneck counts as planted when its true value leads "
            f"the next by {100 * LEAD:.0f} points. In brackets, for profiles without one: the "
            "share of the capacity named most often, which is chance. The last two columns ask for "
            f"more, at {done.runs} runs: the interval of every difference to the others lies above "
            "0, for the planted capacity (clear) or for another (false)."
        ),
        _naming_table(naming, lead_rows(done)),
        "## The population behind *new*",
        _population(done),
    ]
    return "\n\n".join(parts)


def _profile_table(done: Calibration) -> str:
    head = ["profile", *CAPACITIES, "slip", "true Shapley, fixed", "true Shapley, new", "planted"]
    table = []
    for result in done.results:
        if result.draw != DRAWS[0]:
            continue
        profile = result.subject.profile
        new = next(
            r for r in done.results if r.subject.name == result.subject.name and r.draw == DRAWS[1]
        )
        table.append(
            [
                result.subject.name,
                *(f"{100 * getattr(profile, name):.0f}" for name in CAPACITIES),
                f"{100 * profile.slip:.0f}",
                " / ".join(_points(value) for value in result.shapley),
                " / ".join(_points(value) for value in new.shapley),
                result.planted or "none",
            ]
        )
    return markdown.table(head, table)


def _check_table(done: Calibration) -> str:
    rows = []
    for check in done.checks:
        n = len(check.passed)
        if not n:
            continue
        rows.append(
            [
                check.profile,
                str(n),
                f"{100 * sum(check.chances) / n:.1f}",
                f"{100 * sum(check.passed) / n:.1f}",
                f"{check.z:+.2f}",
                f"{check.equal} of {n}",
            ]
        )
    return markdown.table(["profile", "episodes", "enumerated", "observed", "z", "equal"], rows)


def _coverage_table(rows: pd.DataFrame) -> str:
    kinds = rows["estimand"].str.split(":").str[0]
    table = []
    for (profile, tasks), own in rows.groupby(["profile", "tasks"], sort=False):
        line = [str(profile), str(tasks)]
        for kind in KINDS:
            part = own.loc[(kinds.loc[own.index] == kind).to_numpy()]
            worst = part.iloc[int(part["bias"].abs().argmax())]
            line += [
                f"{100 * part['coverage'].mean():.1f} ({100 * part['coverage'].min():.1f})",
                f"{100 * worst['bias']:+.2f} ± {100 * worst['bias_se']:.2f}",
                f"{100 * part['width'].mean():.1f}",
            ]
        table.append(line)
    head = ["profile", "tasks"]
    for kind in KINDS:
        head += [f"{kind} coverage", "bias", "width"]
    return markdown.table(head, table)


def _shortfalls(rows: pd.DataFrame) -> list[str]:
    lines = []
    short = rows.loc[rows["coverage"].to_numpy() < LEAST]
    for (profile, tasks), own in short.groupby(["profile", "tasks"], sort=False):
        names = ", ".join(
            f"`{name}` {100 * coverage:.1f}" + ("*" if high >= LEAST else "")
            for name, coverage, high in zip(
                own["estimand"], own["coverage"], own["coverage_high"], strict=True
            )
        )
        lines.append(f"{profile}, {tasks}: below {100 * LEAST:.0f} %: {names}.")
    if lines:
        lines.append(
            f"(* = {100 * LEAST:.0f} % lies inside the binomial interval of the coverage.) Why: a "
            "small gap rests on few changed outcomes, in a few runs of a few tasks. The contrasts "
            "are then skewed: a study that happens to see few changes estimates a small effect and "
            "a small variance together, and its t interval is too short on that side. The rule: "
            "the interval is printed as it is, and a gap of a few points whose interval ends near "
            "0 is not to be read as more precise than this; more runs or tasks mend it."
        )
    else:
        lines.append(f"No estimand covers less than {100 * LEAST:.0f} %.")
    counted = rows.loc[rows["on_counts"].to_numpy() > 0.5]
    if len(counted):
        who = ", ".join(dict.fromkeys(counted["profile"]))
        lines.append(
            f"{who}: nothing varies, as no intervention can change an outcome and cells share "
            "their draws: every contrast is exactly 0 in every run. The method never prints a "
            "width of zero there; the rule it applies is Wilson limits of the cells' counts, "
            "combined (MOVER) as if the cells were independent, and `method` says so. Coverage is "
            "then 100 % and the width says what independent runs could have told."
        )
    lines.append(
        "*new, stratified* tends to cover more than 95 %, as the task-level t counts the planned "
        "differences between families and levels as chance: the published design is somewhat "
        "better than its printed interval for new tasks."
    )
    return ["\n".join(markdown.fill(line, "- ") for line in lines)]


def _naming_table(naming: pd.DataFrame, leads: pd.DataFrame) -> str:
    table = []
    for (profile, tasks), own in naming.groupby(["profile", "tasks"], sort=False):
        planted = str(own["planted"].iloc[0])
        shares = [f"{100 * share:.1f}" for share in own["share"]]
        lead = leads[(leads["profile"] == profile) & (leads["tasks"] == tasks)].iloc[0]
        table.append(
            [
                str(profile),
                str(tasks),
                planted or "none",
                *(shares if planted else [f"({share})" for share in shares]),
                f"{100 * lead['right']:.1f}" if planted else "",
                f"{100 * lead['wrong']:.1f}",
            ]
        )
    head = [
        "profile",
        "tasks",
        "planted",
        *(f"{runs} run" + "s" * (runs > 1) for runs in NAMING_RUNS),
    ]
    return markdown.table([*head, "clear", "false"], table)


def _population(done: Calibration) -> str:
    strata = done.ground.population.strata
    bands = ", ".join(f"{low}-{high}" for low, high in BANDS.values())
    table = []
    for family, rule in RULES.items():
        own = [one for one in strata if one.family == family]
        table.append(
            [
                family,
                rule,
                " / ".join(str(len(one.tasks)) for one in own),
                " / ".join(str(one.refused) for one in own),
            ]
        )
    total = len(done.ground.population.tasks)
    text = markdown.fill(
        f"{total} tasks in {len(strata)} strata of equal weight: five families times bands of "
        f"{bands} lamps, around the published levels. Numbers are drawn uniformly by the rules "
        "below (`diagnose/models/reference/sampler.py`). Refused candidates are those that the "
        "project's builders have no passing device for; they are not in the population, so *new* "
        "means new tasks of the kind the builders support."
    )
    head = ["family", "rule", "tasks by band", "refused by band"]
    return f"{text}\n\n{markdown.table(head, table)}"


def _points(value: float) -> str:
    return f"{100 * value + 0.0:.1f}".replace("-0.0", "0.0")
