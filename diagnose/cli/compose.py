"""From a checked configuration to the objects of a study: subject, interventions, schedule."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from diagnose.cli.forked import Sources, Wanted, sources
from diagnose.cli.sections import made, values, without
from diagnose.cli.stopping_rule import stopping_rule
from diagnose.code import EPISODE, code_sha256, own_sha256
from diagnose.config import SETTINGS, StudyConfig
from diagnose.curriculum import Chains, chained
from diagnose.design import Cell, EpisodePlan, Factor, bundles, cells, schedule, schedule_sha256
from diagnose.env.variant import KINDS, Variant, variant
from diagnose.episode import (
    ENV,
    RECALL,
    Episode,
    run_episode,
    unobserved_record,
    versions,
)
from diagnose.errors import ConfigError
from diagnose.intervention import SHAM, Intervention, carries, consults
from diagnose.ledger import episode_id
from diagnose.models import Caps, Model, Served
from diagnose.models.reference.truth import METHOD
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.sandbox import Limits
from diagnose.shards import Shard
from diagnose.stopping import Looks, StoppingRule
from diagnose.store import WHOLE, home_of
from diagnose.study import RunPolicy
from diagnose.subjects.briefing import LATE, prompt_sha256, scientist_files, sha256_of
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.fork import Fork
from diagnose.subjects.scaffold import Scaffold
from diagnose.tasks import Task, all_tasks, family_of, task


@dataclass(frozen=True)
class Study:
    """Everything a study is made of. Its episodes are functions of their plan."""

    config: StudyConfig
    factors: tuple[Factor, ...]
    tasks: Mapping[str, Task]
    plans: tuple[EpisodePlan, ...]
    model: Model
    interventions: Mapping[str, Intervention]
    budgets: Budgets
    scaffold: Scaffold
    limits: Limits
    caps: Caps
    policy: RunPolicy
    forked: Sources | None = None  # the episodes that this study's go on from
    stopping: StoppingRule | None = None
    shard: Shard = WHOLE  # the part that this process runs

    @cached_property
    def folder(self) -> Path:
        """``studies/NAME-HASH``: another configuration is another folder."""
        return Path(self.config.folder) / f"{self.config.name}-{self._digest[:8]}"

    @property
    def home(self) -> Path:
        """Where this process writes: the study's folder, or its shard's within it."""
        return home_of(self.folder, self.shard)

    @cached_property
    def of_shard(self) -> frozenset[EpisodePlan]:
        """The plans that this process runs; a chain stays whole."""
        units = {plan: plan.chain or self.identify(plan) for plan in self.plans}
        mine = self.shard.deal(units.values())
        return frozenset(plan for plan, unit in units.items() if unit in mine)

    @cached_property
    def header(self) -> dict[str, Any]:
        """What the folder says of itself."""
        together = [list(names) for names in bundles(self.factors, self.config.design)]
        return {
            "study": self.config.name,
            "factors": [asdict(factor) for factor in self.factors],
            "design": self.config.design,
            "runs": self.config.runs,
            "episodes": len(self.plans),
            "tasks": [one.to_json() for one in self.tasks.values()],
            "model": self.model.name,
            "schedule_sha256": schedule_sha256(self.plans),
            "interventions": self.config.interventions,
            "env": list(self.config.env),
            "shared": self._shared,
            "code": self._intervention_code,
            **({} if self.config.setting == SETTINGS[0] else {"setting": self.config.setting}),
            **({"bundles": together} if together else {}),
            **({"fork": self.forked.header} if self.forked else {}),
            **({"stop": dict(self.stopping.declared)} if self.stopping else {}),
        }

    @cached_property
    def _digest(self) -> str:
        return sha256_of_json(self.header)

    @cached_property
    def _shared(self) -> dict[str, Any]:
        """What determines every episode's outcome besides its plan and its interventions."""
        return {
            "seed": self.config.seed,
            "subject": self._subject,
            "budgets": asdict(self.budgets),
            "limits": asdict(self.limits),
            "prompt_sha256": prompt_sha256(self.scaffold),
            # Not our own version: what of our code matters is hashed.
            "versions": without(versions(), "diagnose"),
            "code": {"episode": code_sha256([EPISODE]), "subject": self._subject_code},
            **({"scaffold": self.scaffold.changes} if self.scaffold.changes else {}),
        }

    @property
    def _subject(self) -> dict[str, Any]:
        """What the subject is; where and how it is reached may change between runs."""
        how = self.model.operational if isinstance(self.model, Served) else frozenset()
        own: Mapping[str, str] = getattr(self.model, "identity", {})  # of weights, their content
        return {**without(self.config.subject, *how), **own}

    @property
    def _subject_code(self) -> str:
        """The hash of what a model does with what it reads; of a served one, how it is asked.

        Retries, limits and logs of a served model may be mended without another answer.
        """
        module = type(self.model).__module__
        if isinstance(self.model, Served):
            return own_sha256([module, *getattr(self.model, "asking", ())])
        return code_sha256([module], [EPISODE])

    @cached_property
    def _intervention_code(self) -> dict[str, str]:
        """The hash of what makes each intervention's texts and functions; none of one never on."""
        return {
            factor.name: code_sha256([type(self.interventions[factor.name]).__module__], [EPISODE])
            for factor in self.factors
            if factor.name != ENV and any(factor.levels)
        }

    @property
    def concurrency(self) -> int:
        """How many episodes are run at once; 1 = one per worker.

        A quarter more than the calls that may be in flight: while some episodes run code, the
        provider still has as many calls as it may.
        """
        return math.ceil(1.25 * self.model.concurrency) if isinstance(self.model, Served) else 1

    def doses(self, plan: EpisodePlan) -> tuple[int, ...]:
        """Return the plan's doses."""
        return Cell.from_code(plan.cell).doses

    def identify(self, plan: EpisodePlan) -> str:
        """Return the id of a plan's episode: a hash of all that determines its outcome."""
        return self._ids[plan]

    @cached_property
    def _ids(self) -> dict[EpisodePlan, str]:
        shared = sha256_of_json(self._shared)
        tasks = {name: one.to_json() for name, one in self.tasks.items()}
        chains = Chains(self.plans)
        ids: dict[EpisodePlan, str] = {}
        # By level, so that an episode's id can hold the id of the one before it.
        for plan in sorted(self.plans, key=lambda plan: self.tasks[plan.task].level):
            before = chains.before(plan)
            ids[plan] = episode_id(
                {
                    "shared": shared,
                    "task": tasks[plan.task],
                    "run": plan.run,
                    "interventions": self.laid(plan),
                    **self._named(plan),
                    **({"after": ids[before]} if before else {}),
                    **self._forking(plan),
                }
            )
        return ids

    def laid(self, plan: EpisodePlan) -> dict[str, Any]:
        """Return the interventions that are on, with all that determines what they say."""
        return {
            factor.name: {
                "dose": dose,
                **without(self.config.interventions[factor.name], "levels"),
                "code": self._intervention_code[factor.name],
            }
            for factor, dose in zip(self.factors, self.doses(plan), strict=True)
            if dose and factor.name != ENV
        }

    def fork_of(self, plan: EpisodePlan) -> Fork | None:
        """Return where a plan's episode goes on from; None where it begins at its beginning."""
        return self.forked.forks[plan.task, plan.run] if self.forked else None

    def _forking(self, plan: EpisodePlan) -> dict[str, Any]:
        """Return what an episode goes on from, and the text by which interventions join it."""
        fork = self.fork_of(plan)
        return {"fork": fork.identity, "late_sha256": sha256_of(LATE)} if fork else {}

    def _named(self, plan: EpisodePlan) -> dict[str, str]:
        """Return how things are called, where it is not vanilla, and what a scientist reads."""
        world = self.variant_of(Cell.from_code(plan.cell))
        named = {}
        if not world.plain:  # its names too: how a seed draws them is another library's affair
            names = {"names": dict(world.terms.names), "words": dict(world.terms.words)}
            named = {"env": world.kind, "names": sha256_of_json(names)}
        consulting = any(
            consults(self.interventions[name], entry["dose"])
            for name, entry in self.laid(plan).items()
        )
        if consulting:
            named["scientist"] = sha256_of(scientist_files(self.scaffold))
        return named

    def variant_of(self, cell: Cell) -> Variant:
        """Return the variant of the world in a cell."""
        crossed = [
            dose
            for factor, dose in zip(self.factors, cell.doses, strict=True)
            if factor.name == ENV
        ]
        kind = KINDS[crossed[0]] if crossed else self.config.env[0]
        return variant(kind, self.config.seed)

    @cached_property
    def renamed_cells(self) -> frozenset[str]:
        """The cells in which things bear other names than vanilla's."""
        every = cells(self.factors, self.config.design)
        return frozenset(cell.code for cell in every if not self.variant_of(cell).plain)

    @cached_property
    def carrying_cells(self) -> frozenset[str]:
        """The cells in which a book is carried along and shown, rather than a sham of one."""
        if self.config.setting != "curriculum":
            return frozenset()
        doses = {
            cell.code: _kept(self.factors, self.interventions, cell)
            for cell in cells(self.factors, self.config.design)
        }
        return frozenset(code for code, dose in doses.items() if dose not in (0, SHAM))

    def episode(self, plan: EpisodePlan) -> Episode:
        """Return a plan's episode, resolved."""
        chosen = self.tasks[plan.task]
        return Episode(
            episode_id=self.identify(plan),
            study=self.config.name,
            study_seed=self.config.seed,
            factors=tuple(factor.name for factor in self.factors),
            doses=self.doses(plan),
            task=chosen,
            family=family_of(chosen),
            run=plan.run,
            model=self.model,
            interventions=self.interventions,
            budgets=self.budgets,
            limits=self.limits,
            scaffold=self.scaffold,
            chain=plan.chain,
            carried=plan.carried,
            fork=self.fork_of(plan),
            config={
                **self._shared,
                "code": {**self._shared["code"], **self._intervention_code},
                "scaffold": asdict(self.scaffold),
                "interventions": self.config.interventions,
                "design": self.config.design,
                "env": list(self.config.env),
                "setting": self.config.setting,
            },
            variant=self.variant_of(Cell.from_code(plan.cell)),
        )

    def execute(self, plan: EpisodePlan) -> EpisodeRecord:
        """Run a plan's episode."""
        return run_episode(self.episode(plan))

    def unobserved(self, plan: EpisodePlan, cause: str, detail: str) -> EpisodeRecord:
        """Return the record of a plan that infrastructure kept from being observed."""
        return unobserved_record(self.episode(plan), cause, detail)

    @cached_property
    def _looks(self) -> Looks | None:
        return Looks(self.stopping, self.folder, self.supplied) if self.stopping else None

    def stops(self, plan: EpisodePlan) -> bool:
        """Whether a look that was taken has made a plan needless."""
        return self._looks is not None and self._looks.stops(plan)

    def waits(self, plan: EpisodePlan) -> bool:
        """Whether a plan waits for a look that may make it needless."""
        return self._looks is not None and self._looks.waits(plan)

    @cached_property
    def supplied(self) -> dict[str, list[str]]:
        """Return cell code -> the capacities its interventions supply; a sham supplies none.

        A scientist is the subject itself, so it supplies a method (``METHOD``), not a capacity.
        """
        return {
            cell.code: [
                METHOD if consults(self.interventions[factor.name], dose) else factor.capacity
                for factor, dose in zip(self.factors, cell.doses, strict=True)
                if dose and dose != SHAM and factor.name != ENV
            ]
            for cell in cells(self.factors, self.config.design)
        }


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
    plans = schedule(factors, config.design, list(tasks), config.runs, config.seed)
    if config.setting == "curriculum":
        every = cells(factors, config.design)
        kept = {cell.code for cell in every if _kept(factors, interventions, cell)}
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
        policy=values("run", RunPolicy, without(config.run, "shard")),
        stopping=stopping_rule(config, factors, shard) if config.stop else None,
        shard=shard,
    )
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


def _kept(factors: Sequence[Factor], interventions: Mapping[str, Intervention], cell: Cell) -> int:
    """Return the dose in a cell of the intervention that keeps a book; 0 for none."""
    return max(
        (
            dose
            for factor, dose in zip(factors, cell.doses, strict=True)
            if factor.name != ENV and carries(interventions[factor.name])
        ),
        default=0,
    )


def _env_factor(kinds: Sequence[str]) -> list[Factor]:
    """Return the variants of the world as a factor, where there are several to cross."""
    for kind in kinds:
        variant(kind, 0)  # refuses what is none
    doses = tuple(KINDS.index(kind) for kind in kinds)
    return [Factor(ENV, RECALL, doses)] if len(doses) > 1 else []


def sha256_of_json(value: Any) -> str:
    """Return the hash of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
