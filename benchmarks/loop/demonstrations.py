"""Demonstrations: what the agent itself got right under full information, the information removed.

Tasks are other than the diagnosed ones and no larger than their level, so that the diagnosed
numbers and the next level are held out; tasks of the validation split are in no demonstration.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.loop.agents import Attempt, experiment, played
from diagnose.models import Message, Model
from diagnose.records import canonical_json
from diagnose.seeds import uniform
from diagnose.subjects.fences import python_of
from diagnose.tasks import Task, task
from diagnose.training.dataset import Dataset, Example, Source, Split
from diagnose.training.scratch.variants import FAMILIES, variant

VALIDATION = 0.2  # share of the tasks
LARGEST = {"A": 6, "B": 6, "C": 5, "D": 4}  # lamps


def tasks(seed: int, split: Split, count: int) -> Iterator[Task]:
    """Yield ``count`` tasks of a split, family by family; a task belongs to one split alone."""
    made = number = 0
    known = {key(task(f"{family}-L1")) for family in FAMILIES}
    while made < count:
        one = variant(FAMILIES[made % len(FAMILIES)], seed, "demonstrations", split, number)
        number += 1
        validating = uniform("loop", "split", key(one)) < VALIDATION
        small = one.lamps <= LARGEST[one.family]
        if small and key(one) not in known and validating == (split == "validation"):
            made += 1
            yield one


def key(one: Task) -> str:
    """Return what makes a task the same task: its family and numbers, whatever its level."""
    params = {name: value for name, value in one.params.items() if name != "skew_rt"}
    return canonical_json([one.family, one.lamps, params])


def make_data(folder: Path, model: Model, seed: int, attempts: int) -> dict[str, Any]:
    """Try tasks under full information; keep the programs that passed, under the bare prompt."""
    full, bare = (1, 1, 1, 1), (0, 0, 0, 0)
    parts: list[tuple[Split, int]] = [
        ("train", attempts),
        ("validation", max(1, attempts // 4)),
    ]
    examples: list[Example] = []
    tried = passed = 0
    for split, count in parts:
        made = [Attempt(one, run, full) for run, one in enumerate(tasks(seed, split, count))]
        for attempt, record in zip(made, played(model, made, seed), strict=True):
            tried += 1
            passed += bool(record.success)
            said = [one["content"] for one in record.transcript if one["role"] == "assistant"]
            if not record.success or "verify()" not in python_of(said[-1]):
                continue
            opening = opened(replace(attempt, doses=bare), seed)
            source = Source(
                record.episode_id,
                record.task,
                record.family,
                record.level,
                record.run,
                record.cell,
                "own",
            )
            talk = (*opening, Message("assistant", said[-1]))
            examples.append(Example(tuple(one.to_json() for one in talk), split, source))
    about = {"selection": "own success in cell 1111, under the prompt of cell 0000", "seed": seed}
    Dataset(tuple(examples), (), about).write(folder)
    kept = {split: sum(one.split == split for one in examples) for split, _ in parts}
    return {"tried": tried, "passed": passed, **kept}


def opened(attempt: Attempt, seed: int) -> tuple[Message, ...]:
    """Return what an attempt opens with."""
    from diagnose.intervention import Setting
    from diagnose.sandbox import Limits
    from diagnose.subjects.laid import Laid
    from diagnose.subjects.stage import Stage
    from diagnose.tasks import family_of

    study = experiment()
    path = (seed, attempt.task.id, attempt.run)
    laid = [
        Laid(name, dose, one, Setting(attempt.task, path))
        for (name, one), dose in zip(study.interventions.items(), attempt.doses, strict=True)
        if dose
    ]
    family = family_of(attempt.task)
    with Stage(attempt.task, family, study.budgets, Limits(), path, laid=laid,
               scaffold=study.scaffold) as stage:  # fmt: skip
        return stage.opening
