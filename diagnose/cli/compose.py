"""From a checked configuration to the objects of a study: subject, interventions, schedule."""

from collections.abc import Sequence
from dataclasses import replace

from diagnose.cli.addressed import KEYS, settings
from diagnose.cli.composed import Study, carried_dose
from diagnose.cli.forked import Wanted, sources
from diagnose.cli.sections import made, values, without
from diagnose.cli.stopping_rule import allocation_rule, stopping_rule
from diagnose.config import StudyConfig
from diagnose.curriculum import chained
from diagnose.design import Factor, cells, schedule
from diagnose.env.variant import KINDS, variant
from diagnose.episode import (
    ENV,
    RECALL,
)
from diagnose.errors import ConfigError
from diagnose.models import Caps
from diagnose.policy import RunPolicy
from diagnose.remote.address import Uploads
from diagnose.sandbox import Limits
from diagnose.shards import Shard
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.scaffold import Scaffold
from diagnose.tasks import all_tasks, task


def compose(config: StudyConfig) -> Study:
    """Build a study.

    Raises:
        ConfigError: a value, name or target in the configuration is wrong.
    """
    shard = Shard.parse(config.run.get("shard"))
    interventions = {
        name: made(f"interventions.{name}", without(entry, "levels"))
        for name, entry in config.interventions.items()
    }
    factors = []
    for name, entry in config.interventions.items():
        factor = Factor(name, interventions[name].capacity, tuple(entry["levels"]))
        factors.append(factor.fixed(factor.full) if name in config.fixed else factor)
    factors += _env_factor(config.env)
    chosen = [task(name) for name in config.tasks] if config.tasks else all_tasks()
    tasks = {one.id: one for one in chosen}
    if len(tasks) < len(chosen):
        raise ConfigError("study.tasks", list(config.tasks or ()), "name each task once")
    allocation = allocation_rule(config, factors, shard) if config.allocate else None
    runs = allocation.batches[-1].end if allocation else config.runs
    plans = schedule(factors, config.design, list(tasks), runs, config.seed)
    if config.setting == "curriculum":
        every = cells(factors, config.design)
        kept = {cell.code for cell in every if carried_dose(factors, interventions, cell)}
        plans = chained(plans, tasks, kept)
    study = Study(
        config=config,
        factors=tuple(factors),
        tasks=tasks,
        plans=tuple(plans),
        model=made("subject", config.subject),
        interventions=interventions,
        budgets=values("budgets", Budgets, config.budgets),
        scaffold=values("scaffold", Scaffold, config.scaffold),
        limits=values("limits", Limits, config.limits),
        caps=values("caps", Caps, config.caps),
        policy=values("run", RunPolicy, without(config.run, "shard", *KEYS)),
        uploads=values("run", Uploads, settings(config.run)),
        stopping=stopping_rule(config, factors, shard) if config.stop else None,
        allocation=allocation,
        shard=shard,
    )
    study.header  # noqa: B018 - what cannot be is refused before anything runs
    return study if config.fork is None else _forked(study, *config.fork)


def _forked(study: Study, folder: str, at: object) -> Study:
    """Return the study as one whose episodes go on from those of another."""
    config = study.config
    entries = config.interventions
    kind = config.env[0]
    wanted = Wanted(study.tasks.keys(), config.runs, kind, study.factors, entries)
    found = sources(folder, at, study.header["shared"], wanted)
    plans = found.plans(study.factors, config.design, config.seed)
    tasks = {name: one for name, one in study.tasks.items() if name in {p.task for p in plans}}
    return replace(study, plans=tuple(plans), tasks=tasks, forked=found)


def _env_factor(kinds: Sequence[str]) -> list[Factor]:
    """Return the variants of the world as a factor, where there are several to cross."""
    for kind in kinds:
        variant(kind, 0)  # refuses what is none
    doses = tuple(KINDS.index(kind) for kind in kinds)
    return [Factor(ENV, RECALL, doses)] if len(doses) > 1 else []
