"""One cell x task x run -> one record, always: an outcome, or why there is none."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

import diagnose
from diagnose.env.circuit import Circuit
from diagnose.env.engine import ENGINE
from diagnose.env.variant import VANILLA, Variant
from diagnose.errors import ConfigError
from diagnose.intervention import Evidence, Intervention, Setting, consults
from diagnose.models import Call, Model
from diagnose.models.counted import Counted
from diagnose.records import EpisodeRecord, InterventionRecord, canonical_json
from diagnose.sandbox import Limits
from diagnose.subjects.briefing import prompt_sha256
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.fork import Fork
from diagnose.subjects.laid import Laid
from diagnose.subjects.loop import Conversation, converse
from diagnose.subjects.outside import Agent, seated
from diagnose.subjects.scaffold import STANDARD, Scaffold
from diagnose.subjects.scientist import Place, Scientists
from diagnose.subjects.stage import Stage
from diagnose.tasks import Family, Task
from diagnose.tasks.failing import causes_of

ENV = "env"  # the factor whose dose is the variant of the world, by its place in KINDS
UNTOUCHED = "untouched"  # the arm of a fork that nothing joins
RECALL = "recall"  # what it takes away: knowledge that hangs on the names of things


@dataclass(frozen=True)
class Episode:
    """Everything that one episode is made of, resolved.

    Raises:
        ConfigError: factors, doses and interventions do not match.
    """

    episode_id: str
    study: str
    study_seed: int
    factors: tuple[str, ...]
    doses: tuple[int, ...]  # one per factor; 0 = off
    task: Task
    family: Family
    run: int
    model: Model | Agent
    interventions: Mapping[str, Intervention]  # by factor name
    budgets: Budgets = field(default_factory=Budgets)
    limits: Limits = field(default_factory=Limits)
    config: Mapping[str, Any] = field(default_factory=dict)  # resolved, kept in the record
    variant: Variant = VANILLA  # how things are called in its world
    scaffold: Scaffold = STANDARD
    chain: str = ""  # the dependent series it belongs to; empty: independent
    carried: tuple[Mapping[str, str], ...] = ()  # the knowledge book of the episode before it
    fork: Fork | None = None  # where it is taken up; its interventions join there

    def __post_init__(self) -> None:
        """Check that every factor has a dose and an intervention."""
        if len(self.doses) != len(self.factors):
            raise ConfigError("doses", self.doses, f"give one per factor: {self.factors}")
        for name, dose in zip(self.factors, self.doses, strict=True):
            if not 0 <= dose <= 9:
                raise ConfigError(f"dose of {name}", dose, "give 0 to 9")
            if name != ENV and name not in self.interventions:
                raise ConfigError("factor", name, f"choose from {sorted(self.interventions)}")
        if self.consults and self.scaffold.protocol == "mcp":
            remedy = "no outside agent can be its own scientist; choose on, the catalogue"
            raise ConfigError("interventions/experiment_oracles", "scientist", remedy)
        if self.fork and isinstance(self.model, Agent):
            remedy = "an outside agent cannot be restored; choose a subject that is asked"
            raise ConfigError("fork.from", self.fork.study, remedy)

    @property
    def cell(self) -> str:
        """One digit per factor: its dose."""
        return "".join(map(str, self.doses))

    @property
    def arm(self) -> str:
        """What is on, with its dose where that is not 1: ``gap_hints+knowledge_notes@2``."""
        on = [
            name if dose == 1 else f"{name}@{dose}"
            for name, dose in zip(self.factors, self.doses, strict=True)
            if dose and name != ENV
        ]
        return "+".join(on) or UNTOUCHED

    @property
    def consults(self) -> bool:
        """Whether the subject may ask a scientist."""
        return any(
            name != ENV and consults(self.interventions[name], dose)
            for name, dose in zip(self.factors, self.doses, strict=True)
        )

    @property
    def seed_path(self) -> tuple[str | int, ...]:
        """The episode's branch of the seed tree, the same in every cell."""
        return (self.study_seed, self.task.id, self.run)


def run_episode(episode: Episode) -> EpisodeRecord:
    """Run one episode and return its record. Whatever the subject does is an outcome.

    Raises:
        InfrastructureError: nothing was observed; see ``unobserved_record``.
        ConfigError: the study must stop.
    """
    first, fork = Call(episode.seed_path, 0, episode.episode_id), episode.fork
    conversation = fork.conversation(episode.scaffold) if fork else Conversation([])
    # An outside agent is asked nothing: see seated.
    model = Counted(cast("Model", episode.model), fork.calls if fork else ())
    scientists = Scientists(_place(episode, model, first), conversation, episode.budgets)
    setting = Setting(
        episode.task, episode.seed_path, episode.variant, scientists.consult, episode.carried
    )
    laid = [
        Laid(name, dose, episode.interventions[name], setting, late=fork is not None)
        for name, dose in zip(episode.factors, episode.doses, strict=True)
        if dose and name != ENV
    ]
    with Stage(
        episode.task,
        episode.family,
        episode.budgets,
        episode.limits,
        episode.seed_path,
        episode.variant,
        laid,
        episode.scaffold,
    ) as stage:
        if fork:
            stage.restore(fork.snapshot)
            conversation.join(stage.joined)
        else:
            conversation.messages.extend(stage.opening)
        subject = episode.model if isinstance(episode.model, Agent) else model
        with seated(subject, stage, conversation, episode.budgets, episode.scaffold) as asked:
            stop_reason = converse(
                conversation, asked, stage, episode.budgets, first, episode.scaffold
            )
    host, judged = stage.host, stage.judged()
    passed = judged.verdict.passed
    since = fork.turn if fork else 0  # what came before an intervention is not its use
    calls = tuple(call for call in host.calls if call.turn >= since)
    evidence = Evidence(calls, tuple(conversation.replies[since:]), judged.circuit)
    did = {one.name: one.record(evidence) for one in laid}
    blank = _blank(episode)
    return replace(
        blank,
        interventions={name: did.get(name) or _off(episode, name) for name in episode.factors},
        outcome="passed" if passed else "failed",
        stop_reason=stop_reason,
        success=passed,
        verdict=judged.to_json(),
        circuit=judged.circuit.to_json() if judged.circuit else None,
        circuit_sha256=judged.circuit.sha256 if judged.circuit else "",
        usage=conversation.usage(host),
        calls=tuple(model.calls),
        transcript=tuple(message.to_json() for message in conversation.messages),
        subject_log=conversation.log,
        reports=tuple(scientists.reports),
        book=tuple(entry for one in laid for entry in one.book),
        causes=() if passed else _causes(episode, judged.circuit, conversation.log),
        fork={**blank.fork, "injected": stage.joined} if fork else {},
    )


def _place(episode: Episode, model: Model, first: Call) -> Place:
    """Return where a scientist of this episode works."""
    return Place(
        model,
        episode.task,
        episode.family,
        episode.limits,
        episode.variant,
        episode.scaffold,
        first,
    )


def unobserved_record(episode: Episode, cause: str, detail: str = "") -> EpisodeRecord:
    """Return the record of an episode that infrastructure kept from being observed.

    Args:
        episode: the one that was to run.
        cause: a short stable word, as in ``InfrastructureError``.
        detail: for whoever looks into it; follows the cause after a colon.
    """
    return replace(_blank(episode), missing_cause=f"{cause}: {detail}" if detail else cause)


def _blank(episode: Episode) -> EpisodeRecord:
    """Return the record of an episode of which nothing is known but its plan."""
    task = episode.task
    return EpisodeRecord(
        episode_id=episode.episode_id,
        study=episode.study,
        study_seed=episode.study_seed,
        model=episode.model.name,
        family=task.family,
        level=task.level,
        task=task.id,
        run=episode.run,
        cell=episode.cell,
        factors=episode.factors,
        interventions={name: _off(episode, name) for name in episode.factors},
        outcome="not_observed",
        stop_reason="not_observed",
        success=None,
        task_sha256=_sha256(canonical_json(task.to_json())),
        prompt_sha256=prompt_sha256(episode.scaffold, scientist=episode.consults),
        versions=versions(),
        config=episode.config,
        variant=episode.variant.kind,
        chain=episode.chain,
        fork={**episode.fork.to_json(), "arm": episode.arm} if episode.fork else {},
    )


def _off(episode: Episode, name: str) -> InterventionRecord:
    """Return what an intervention did that never came to act."""
    dose = episode.doses[episode.factors.index(name)]
    if name == ENV:  # whoever is in a world is in it: nobody is offered it and declines
        return InterventionRecord(RECALL, dose, offered=bool(dose), used=bool(dose))
    return InterventionRecord(episode.interventions[name].capacity, dose, offered=False, used=None)


def _causes(
    episode: Episode, circuit: Circuit | None, log: Mapping[str, Any]
) -> tuple[dict[str, Any], ...]:
    """Return why the device fails, and where the subject says that it lost each law.

    No repair is pressed here: that would cost as much as the study itself.
    """
    failed = log.get("failed")
    stages = failed if isinstance(failed, Mapping) else {}
    return tuple(
        {
            "cause": one.cause,
            "law": one.law,
            "capacity_by_convention": one.capacity_by_convention,
            "lamps": len(one.lamps),
            "stage": str(stages.get(one.law, "")),
        }
        for one in causes_of(episode.task, circuit, family=episode.family)
    )


@cache
def versions() -> dict[str, str]:
    """Return the versions a record depends on."""
    found = {name: version(name) for name in ("nucleation", "pydantic-monty")}
    try:
        found["diagnose"] = version("scicrafter-diagnose")
    except PackageNotFoundError:  # run from a checkout that is not installed
        found["diagnose"] = diagnose.__version__
    return {**found, "engine": ENGINE}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
