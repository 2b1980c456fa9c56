"""A study as it is composed: what it is made of, what its episodes are, and where they go."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from diagnose.allocation import AllocationRule, Batches
from diagnose.cli.forked import Sources
from diagnose.cli.sections import without
from diagnose.cli.treated import Treated
from diagnose.code import EPISODE, code_sha256, own_sha256
from diagnose.config import SETTINGS, StudyConfig
from diagnose.curriculum import Chains
from diagnose.design import Cell, EpisodePlan, Factor, bundles, cells, schedule_sha256
from diagnose.env.variant import KINDS, Variant, variant
from diagnose.episode import (
    ENV,
    Episode,
    run_episode,
    unobserved_record,
    versions,
)
from diagnose.intervention import SHAM, Intervention, carries, consults
from diagnose.ledger import episode_id
from diagnose.models import Caps, Model, Served
from diagnose.models.reference.truth import METHOD
from diagnose.policy import RunPolicy
from diagnose.progress import Progress
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.remote.address import USUAL, Address, Uploads, is_address
from diagnose.sandbox import Limits
from diagnose.shards import Shard
from diagnose.stopping import Looks, StoppingRule
from diagnose.store import WHOLE, Store, home_of
from diagnose.study import StudyEnd, run_study
from diagnose.subjects.briefing import LATE, prompt_sha256, scientist_files, sha256_of
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.fork import Fork
from diagnose.subjects.outside import Agent
from diagnose.subjects.scaffold import Scaffold
from diagnose.tasks import Task, family_of
from diagnose.timing import Timed


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
    allocation: AllocationRule | None = None
    shard: Shard = WHOLE  # the part that this process runs
    uploads: Uploads = USUAL  # of a study at an address

    @cached_property
    def address(self) -> Address | None:
        """Where the study is, if that is no folder of this machine."""
        if not is_address(self.config.folder):
            return None
        return Address.parse(self.config.folder).child(f"{self.config.name}-{self._digest[:8]}")

    @cached_property
    def folder(self) -> Path:
        """``studies/NAME-HASH``, of an address its spool: one folder for each configuration."""
        if self.address is not None:
            return self.address.folder()
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
            "episodes": self.episodes,
            "tasks": [one.to_json() for one in self.tasks.values()],
            "model": self.model.name,
            "schedule_sha256": schedule_sha256(self.plans),
            "interventions": self._treated.told,
            "env": list(self.config.env),
            "shared": self._shared,
            "code": self._intervention_code,
            **({} if self.config.setting == SETTINGS[0] else {"setting": self.config.setting}),
            **({"bundles": together} if together else {}),
            **({"fork": self.forked.header} if self.forked else {}),
            **({"stop": dict(self.stopping.declared)} if self.stopping else {}),
            **({"allocate": dict(self.allocation.declared)} if self.allocation else {}),
        }

    @property
    def episodes(self) -> int:
        """How many are to run: of allocated runs, as many as equal ones would be."""
        if self.allocation is None:
            return len(self.plans)
        return len(self.tasks) * len(self.supplied) * self.config.runs

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

    @cached_property
    def _treated(self) -> Treated:
        """Who answers in which cell; raises ConfigError where weights cannot be the subject's."""
        entries = self.config.interventions
        return Treated(self.factors, self.interventions, entries, self.model)

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
                **self._treated.setting(factor.name, dose),
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
            cell.code: carried_dose(self.factors, self.interventions, cell)
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
            model=self._treated.answering(Cell.from_code(plan.cell)),
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
                "interventions": self._treated.told,
                "design": self.config.design,
                "env": list(self.config.env),
                "setting": self.config.setting,
            },
            variant=self.variant_of(Cell.from_code(plan.cell)),
        )

    def execute(self, plan: EpisodePlan) -> EpisodeRecord:
        """Run a plan's episode."""
        one = self.episode(plan)
        if isinstance(one.model, Agent):  # which drives itself, and is asked nothing
            return run_episode(one)
        return run_episode(replace(one, model=Timed(one.model)))

    def run(self, store: Store, progress: Progress) -> StudyEnd:
        """Run what ``store`` does not hold yet, as this study's policy says; see ``run_study``."""
        return run_study(
            self.plans,
            self.execute,
            store,
            identify=self.identify,
            unobserved=self.unobserved,
            policy=self.policy,
            progress=progress,
            concurrency=self.concurrency,
            stopping=self.stopping,
            allocation=(self.allocation, self.config.seed) if self.allocation else None,
        )

    def unobserved(self, plan: EpisodePlan, cause: str, detail: str) -> EpisodeRecord:
        """Return the record of a plan that infrastructure kept from being observed."""
        return unobserved_record(self.episode(plan), cause, detail)

    @cached_property
    def _looks(self) -> Looks | Batches | None:
        if self.allocation:
            return Batches(self.allocation, self.folder, self.plans, self.config.seed)
        return Looks(self.stopping, self.folder, self.supplied) if self.stopping else None

    def stops(self, plan: EpisodePlan) -> bool:
        """Whether a look that was taken has made a plan needless."""
        return self._looks is not None and self._looks.stops(plan)

    def waits(self, plan: EpisodePlan) -> bool:
        """Whether a plan waits for a look that may make it needless."""
        return self._looks is not None and self._looks.waits(plan)

    def spare(self, plan: EpisodePlan) -> bool:
        """Whether a plan that waits would be left out by equal runs, which a forecast takes."""
        return isinstance(self._looks, Batches) and self._looks.spare(plan)

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


def carried_dose(
    factors: Sequence[Factor], interventions: Mapping[str, Intervention], cell: Cell
) -> int:
    """Return the dose in a cell of the intervention that keeps a book; 0 for none."""
    return max(
        (
            dose
            for factor, dose in zip(factors, cell.doses, strict=True)
            if factor.name != ENV and carries(interventions[factor.name])
        ),
        default=0,
    )


def sha256_of_json(value: Any) -> str:
    """Return the hash of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
