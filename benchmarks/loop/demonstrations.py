"""Demonstrations: what the agent itself got right under full information, the information removed.

Tasks are other than the diagnosed ones and no larger than their level, so that the diagnosed
numbers and the next level are held out; tasks of the validation split are in no demonstration.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.loop.agents import BARE, FULL, Attempt, experiment, played
from benchmarks.loop.sizes import Size
from diagnose.env.experiments import true_laws
from diagnose.intervention import Setting
from diagnose.models import Message, Model
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.sandbox import Limits
from diagnose.seeds import uniform
from diagnose.subjects.fences import python_of
from diagnose.subjects.laid import Laid
from diagnose.subjects.stage import Stage
from diagnose.tasks import Task, build_device, family_of, task
from diagnose.tasks.needs import needed_laws
from diagnose.training.dataset import Dataset, Example, Source, Split
from diagnose.training.scratch import terse
from diagnose.training.scratch.variants import FAMILIES, variant
from diagnose.training.scratch.worlds import CLAIMS, HOLDS

VALIDATION = 0.2  # share of the tasks
LARGEST = {"A": 6, "B": 4, "C": 4, "D": 4}  # lamps


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


def make_data(folder: Path, model: Model, size: Size, seed: int) -> dict[str, Any]:
    """Write demonstrations of both splits, under the bare prompt; return how many there are."""
    examples: list[Example] = []
    counts: dict[str, Any] = {"kind": size.demonstrations}
    parts: tuple[tuple[Split, int], ...] = (
        ("train", size.attempts),
        ("validation", max(1, size.attempts // 4)),
    )
    for split, count in parts:
        tried = [Attempt(one, run, FULL) for run, one in enumerate(tasks(seed, split, count))]
        if size.demonstrations == "gold":
            replies: list[str] = [gold(one.task) for one in tried]
        else:
            replies = [_last(record) for record in played(model, tried, seed)]
        kept = [(one, reply) for one, reply in zip(tried, replies, strict=True) if reply]
        examples += [_example(one, reply, split, size.demonstrations, seed) for one, reply in kept]
        counts |= {f"{split}_tried": len(tried), split: len(kept)}
    about = {"selection": "what passed in cell 1111, under the prompt of cell 0000", "seed": seed}
    Dataset(tuple(examples), (), about).write(folder)
    return counts


def gold(one: Task) -> str:
    """Return the reply of an agent that knows the laws: the builder's device as a program."""
    laws = {law: true_laws()[law] for law in needed_laws(one)}
    said = [f"# {CLAIMS[law][HOLDS]}" for law in laws if law in CLAIMS]
    program = "\n".join([*said, terse.program(terse.runs(build_device(one, laws)))])
    return f"```python\n{program}\n```"


def _last(record: EpisodeRecord) -> str:
    """Return the reply that passed; empty where none did, or where another one built the device."""
    said = [one["content"] for one in record.transcript if one["role"] == "assistant"]
    built = bool(record.success) and "verify()" in python_of(said[-1])
    return said[-1] if built else ""


def _example(attempt: Attempt, reply: str, split: Split, kind: str, seed: int) -> Example:
    bare = replace(attempt, doses=BARE)
    talk = (*opened(bare, seed), Message("assistant", reply))
    one, where = attempt.task, f"demonstration/{split}/{attempt.run}"
    source = Source(where, one.id, one.family, one.level, attempt.run, "1111", kind)
    return Example(tuple(message.to_json() for message in talk), split, source)


def opened(attempt: Attempt, seed: int) -> tuple[Message, ...]:
    """Return what an attempt opens with."""
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
