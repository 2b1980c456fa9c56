"""A transcript played into the simulator again: which device stood at each press and verdict.

A record keeps what was said and the device that was judged, not the devices on the way. They follow
from the programs, and a program is in the transcript; nobody is called. Whether the replay is the
episode is checked by its end: the same trials and the same device.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from diagnose.env.circuit import Circuit
from diagnose.env.report import Report
from diagnose.env.trace import Trace
from diagnose.env.variant import variant
from diagnose.errors import DiagnoseError, SubjectError
from diagnose.intervention import Intervention, Setting
from diagnose.models import Message, ToolCall
from diagnose.records import EpisodeRecord
from diagnose.sandbox import Limits
from diagnose.subjects.budgets import Budgets
from diagnose.subjects.host import Host, Judged
from diagnose.subjects.laid import Laid
from diagnose.subjects.protocol import asked
from diagnose.subjects.scaffold import Scaffold
from diagnose.subjects.stage import Stage
from diagnose.tasks import family_of, task


@dataclass(frozen=True)
class Trial:
    """One press or verdict of an episode, and the device it was made on.

    ``reply`` counts the assistant's messages from 0; ``judged`` says what the task's rule finds,
    which the subject is told of a verdict only.
    """

    reply: int
    kind: str  # press | verify
    circuit: Circuit | None  # None: no button stood
    judged: Judged

    @property
    def trace(self) -> Trace | None:
        """What every lamp did; None where no button stood."""
        return self.judged.trace


@dataclass(frozen=True)
class Offered:
    """What an intervention put before the subject at the start: its text, its functions."""

    opening: str
    helps: tuple[str, ...]


@dataclass(frozen=True)
class Replayed:
    """An episode played again. ``departed`` says where it is not the recorded one; empty if it is.

    Where it departed its trials are shown for what they are worth; the record's device stands.
    """

    trials: tuple[Trial, ...] = ()
    offered: Mapping[str, Offered] | None = None  # by intervention; None where it could not begin
    departed: str = ""


def replay(record: EpisodeRecord, interventions: Mapping[str, Intervention]) -> Replayed:
    """Play a record's programs again.

    Args:
        record: of an episode that was observed.
        interventions: by name, as they were configured; one that is missing is left out, with what
            it granted.
    """
    if not record.transcript:
        return Replayed(departed="the record has no transcript")
    try:
        return _replayed(record, interventions)
    except (DiagnoseError, TypeError, KeyError) as error:  # or of another version
        return Replayed(departed=f"it cannot be played again: {error}")


def staged(
    record: EpisodeRecord, interventions: Mapping[str, Intervention]
) -> tuple[Stage, list[Laid]]:
    """Return a record's stage as it was at the start, and what was laid over it.

    Args:
        record: of an episode; it may come from anywhere.
        interventions: as in ``replay``.

    Raises:
        DiagnoseError, TypeError, KeyError: the record is of another version, or wrong.
    """
    chosen = task(record.task)
    names = variant(record.variant, record.study_seed)
    path = (record.study_seed, record.task, record.run)
    setting = _setting(record, Setting(chosen, path, names))
    doses = dict(zip(record.factors, map(int, record.cell), strict=True))
    laid = [
        Laid(name, dose, interventions[name], setting)
        for name, dose in doses.items()
        if dose and name in interventions
    ]
    budgets = Budgets(**record.config.get("budgets", {}))
    limits = Limits(**record.config.get("limits", {}))
    scaffold = Scaffold(**record.config.get("scaffold", {}))
    family = family_of(chosen)
    return Stage(chosen, family, budgets, limits, path, names, laid, scaffold), laid


def _replayed(record: EpisodeRecord, interventions: Mapping[str, Intervention]) -> Replayed:
    trials: list[Trial] = []
    reply = 0
    stage, laid = staged(record, interventions)
    with stage:
        offered = {one.name: Offered(one.opening, tuple(one.helps)) for one in laid}

        def note(kind: str, judged: Judged) -> None:
            trials.append(Trial(reply, kind, judged.circuit, judged))

        stage.host.functions = _watched(stage.host, note)
        for message in record.transcript:
            if message.get("role") != "assistant":
                continue
            if stage.over():
                return Replayed(tuple(trials), offered, "it ends before the transcript does")
            stage.run(program_of(message, record.config))
            reply += 1
        departed = _departed(record, stage, len(trials))
    return Replayed(tuple(trials), offered, departed)


def _setting(record: EpisodeRecord, plain: Setting) -> Setting:
    """Return the setting with what an episode took from outside: reports and a carried book."""
    reports = iter(record.reports)

    def consult(*_: object) -> str:
        report = next(reports, None)
        if report is None:
            raise SubjectError("the record holds no further report")
        return Report(**report["sections"]).told()

    return replace(plain, consult=consult)


def _watched(host: Host, note: Callable[[str, Judged], None]) -> Mapping[str, Callable[..., Any]]:
    """Return the host's functions with the device of each trial noted, a verdict's and a press's.

    A refused trial (no button, no trials left) counts as the host counts it.
    """

    def watched(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            before, judged = host.trials, host.judge_standing()
            try:
                return function(*args, **kwargs)
            finally:
                if host.trials > before:
                    note(kind, judged)

        return call

    trial = ("press", "verify")
    return {
        name: watched(name, function) if name in trial else function
        for name, function in host.functions.items()
    }


def program_of(message: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Return the program that an assistant's message asked to run; empty for none."""
    scaffold = config.get("scaffold")
    listed = message.get("tool_calls")
    calls = tuple(ToolCall.of(call) for call in listed or () if isinstance(call, Mapping))
    known = scaffold.get("protocol") if isinstance(scaffold, Mapping) else None
    protocol = str(known or ("tools" if calls else "text"))
    return asked(Message("assistant", str(message.get("content") or ""), calls), protocol).code


def _departed(record: EpisodeRecord, stage: Stage, trials: int) -> str:
    """Return how the end differs from the recorded one."""
    circuit = stage.judged().circuit
    found = circuit.sha256 if circuit else ""
    if trials != record.usage.trials:
        return f"it made {trials} trials, the episode {record.usage.trials}"
    return "" if found == record.circuit_sha256 else "its last device is another"
