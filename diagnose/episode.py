"""One cell x task x run -> one record, always: an outcome, or why there is none."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, wraps
from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from typing import Any

import diagnose
from diagnose.env.engine import ENGINE
from diagnose.env.variant import VANILLA, Variant
from diagnose.errors import ConfigError
from diagnose.intervention import Evidence, HostFunction, Intervention, Setting
from diagnose.models import Call, Message, Model
from diagnose.models.counted import Counted
from diagnose.records import EpisodeRecord, InterventionRecord, canonical_json
from diagnose.sandbox import Limits, Sandbox
from diagnose.seeds import seed_of
from diagnose.subjects.briefing import first_message, prompt_sha256, system_prompt
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.host import Host, Judged
from diagnose.subjects.loop import Conversation, converse
from diagnose.tasks import Family, Task

ENV = "env"  # the factor whose dose is the variant of the world, by its place in KINDS
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
    model: Model
    interventions: Mapping[str, Intervention]  # by factor name
    budgets: Budgets = field(default_factory=Budgets)
    limits: Limits = field(default_factory=Limits)
    config: Mapping[str, Any] = field(default_factory=dict)  # resolved, kept in the record
    variant: Variant = VANILLA  # how things are called in its world

    def __post_init__(self) -> None:
        """Check that every factor has a dose and an intervention."""
        if len(self.doses) != len(self.factors):
            raise ConfigError("doses", self.doses, f"give one per factor: {self.factors}")
        for name, dose in zip(self.factors, self.doses, strict=True):
            if not 0 <= dose <= 9:
                raise ConfigError(f"dose of {name}", dose, "give 0 to 9")
            if name != ENV and name not in self.interventions:
                raise ConfigError("factor", name, f"choose from {sorted(self.interventions)}")

    @property
    def cell(self) -> str:
        """One digit per factor: its dose."""
        return "".join(map(str, self.doses))

    @property
    def seed_path(self) -> tuple[str | int, ...]:
        """The episode's branch of the seed tree, the same in every cell."""
        return (self.study_seed, self.task.id, self.run)


class _Laid:
    """One intervention laid over the episode, and every text it put before the subject."""

    def __init__(self, name: str, dose: int, intervention: Intervention, setting: Setting) -> None:
        self.name = name
        self._dose = dose
        self._capacity = intervention.capacity
        self._session = intervention.open(setting, dose)
        self._variant = setting.variant
        self._texts = hashlib.sha256(b"[")  # of their JSON list: a program may draw thousands
        self._said_any = False
        granted = self._session.functions()
        self.opening = self._said(self._session.opening())
        self.functions = {name: self._heard(function) for name, (function, _) in granted.items()}
        self.helps = [
            self._said(f"{name}({', '.join(signature(function).parameters)}): {help_line}")
            for name, (function, help_line) in granted.items()
        ]

    def observation(self, turn: int) -> str:
        """Return what it adds after a turn."""
        return self._said(self._session.observation(turn))

    def record(self, evidence: Evidence) -> InterventionRecord:
        """Return what it did."""
        offered = self._said_any or bool(self.functions)
        used = self._session.used(evidence) if offered else None
        seen = bool(evidence.replies) if offered else None
        whole = self._texts.copy()
        whole.update(b"]")
        digest = whole.hexdigest() if self._said_any else ""
        return InterventionRecord(self._capacity, self._dose, offered, used, digest, seen)

    def _said(self, text: str) -> str:
        """Return a text as the subject reads it, and remember that it did."""
        text = self._variant.tell(text)
        if text:
            comma = "," if self._said_any else ""
            self._texts.update(f"{comma}{canonical_json(text)}".encode())
            self._said_any = True
        return text

    def _heard(self, function: HostFunction) -> HostFunction:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            return self._said(result) if isinstance(result, str) else result

        return call


def run_episode(episode: Episode) -> EpisodeRecord:
    """Run one episode and return its record. Whatever the subject does is an outcome.

    Raises:
        InfrastructureError: nothing was observed; see ``unobserved_record``.
        ConfigError: the study must stop.
    """
    task, family, budgets = episode.task, episode.family, episode.budgets
    setting = Setting(task, episode.seed_path, episode.variant)
    laid = [
        _Laid(name, dose, episode.interventions[name], setting)
        for name, dose in zip(episode.factors, episode.doses, strict=True)
        if dose and name != ENV
    ]
    host = Host(task, family, budgets.trials, _granted(laid), episode.variant)
    openings = [one.opening for one in laid if one.opening]
    helps = [line for one in laid for line in one.helps]
    conversation = Conversation(
        [
            Message("system", system_prompt(task, budgets, episode.limits, episode.variant)),
            Message(
                "user", first_message(episode.variant.tell(family.text(task)), openings, helps)
            ),
        ]
    )
    model = Counted(episode.model)
    with Sandbox(episode.limits, seed_of(*episode.seed_path, "sandbox")) as sandbox:
        stop_reason = converse(
            conversation,
            model,
            host,
            sandbox,
            [one.observation for one in laid],
            budgets,
            Call(episode.seed_path, 0, episode.episode_id),
        )
    judged = host.passed or host.judge_standing()
    passed = judged.verdict.passed
    evidence = Evidence(tuple(host.calls), tuple(conversation.replies), judged.circuit)
    did = {one.name: one.record(evidence) for one in laid}
    return replace(
        _blank(episode),
        interventions={name: did.get(name) or _off(episode, name) for name in episode.factors},
        outcome="passed" if passed else "failed",
        stop_reason=stop_reason,
        success=passed,
        verdict=_verdict(judged),
        circuit=judged.circuit.to_json() if judged.circuit else None,
        circuit_sha256=judged.circuit.sha256 if judged.circuit else "",
        usage=replace(conversation.usage(host), **asdict(model.total)),
        calls=tuple(model.calls),
        transcript=tuple(message.to_json() for message in conversation.messages),
        subject_log=conversation.log,
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
        prompt_sha256=prompt_sha256(),
        versions=versions(),
        config=episode.config,
        variant=episode.variant.kind,
    )


def _off(episode: Episode, name: str) -> InterventionRecord:
    """Return what an intervention did that never came to act."""
    dose = episode.doses[episode.factors.index(name)]
    if name == ENV:  # whoever is in a world is in it: nobody is offered it and declines
        return InterventionRecord(RECALL, dose, offered=bool(dose), used=bool(dose))
    return InterventionRecord(episode.interventions[name].capacity, dose, offered=False, used=None)


def _granted(laid: Sequence[_Laid]) -> dict[str, HostFunction]:
    """Return all functions that interventions grant.

    Raises:
        ConfigError: two of them grant the same name.
    """
    granted: dict[str, HostFunction] = {}
    for one in laid:
        for name, function in one.functions.items():
            if name in granted:
                raise ConfigError(f"function of {one.name}", name, "choose another name")
            granted[name] = function
    return granted


def _verdict(judged: Judged) -> dict[str, Any]:
    """Return the verdict with each lamp's times: one row per lit interval, one per dark lamp."""
    lamps = [
        {"pos": list(pos), "rise_rt": interval.rise_rt, "fall_rt": interval.fall_rt}
        if interval
        else {"pos": list(pos), "rise_rt": None, "fall_rt": None}
        for pos, intervals in (sorted(judged.trace.lamps.items()) if judged.trace else ())
        for interval in intervals or (None,)
    ]
    return {**judged.verdict.to_json(), "lamps": lamps}


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
