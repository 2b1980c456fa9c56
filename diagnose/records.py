"""One self-describing record per episode: what flows from the study to the analysis.

A record is one line of canonical JSON (sorted keys, no spaces), free of wall-clock times and host
facts, so that the same study gives the same bytes on one worker and on eight.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from diagnose.errors import InputError
from diagnose.migrations import migrated

SCHEMA_VERSION = 1
Outcome = Literal["passed", "failed", "not_observed"]
StopReason = Literal["verified", "trials", "turns", "tokens", "seconds", "stopped", "not_observed"]


@dataclass(frozen=True)
class InterventionRecord:
    """What one intervention did in one episode (compliance)."""

    capacity: str
    dose: int  # 0 = off
    offered: bool  # its text or function was put before the subject
    used: bool | None  # whether the subject made use of it; None = not offered
    text_sha256: str = ""  # hash of every text it injected, in order
    seen: bool | None = (
        None  # whether the subject answered after it was offered; None = not offered
    )


@dataclass(frozen=True)
class Usage:
    """What the episode consumed."""

    turns: int = 0
    trials: int = 0
    host_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class EpisodeRecord:
    """One cell x task x run of one model. ``success`` is None when nothing was observed."""

    episode_id: str
    study: str
    study_seed: int
    model: str
    family: str
    level: int
    task: str
    run: int
    cell: str  # one digit per factor, in the order of `factors`; the digit is the dose
    factors: tuple[str, ...]
    interventions: Mapping[str, InterventionRecord]
    outcome: Outcome
    stop_reason: StopReason
    success: bool | None
    missing_cause: str = ""  # why there is no outcome, when there is none
    verdict: Mapping[str, Any] | None = None  # passed, reasons, lamps with rise_rt and fall_rt
    circuit: Mapping[str, Any] | None = None  # a circuit file: blocks, press
    circuit_sha256: str = ""
    task_sha256: str = ""
    prompt_sha256: str = ""
    usage: Usage = field(default_factory=Usage)
    transcript: tuple[Mapping[str, Any], ...] = ()  # chat messages, oldest first
    subject_log: Mapping[str, Any] = field(default_factory=dict)  # what the subject says of itself
    # Consultations of a scientist: question, sections, whether complete, usage, transcript.
    reports: tuple[Mapping[str, Any], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)  # resolved
    # Why a failed device fails, what weighs most first: cause, law, lamps (how many it affects),
    # the capacity it is taken to speak of by the published convention, and the stage in which the
    # subject says it lost that law ("" where it does not say).
    causes: tuple[Mapping[str, Any], ...] = ()
    variant: str = "vanilla"  # how things are called in the episode's world
    chain: str = ""  # the dependent series it belongs to: C/run3/0010; empty: independent
    book: tuple[Mapping[str, str], ...] = ()  # the knowledge book's entries at the end
    # Every call of the model, sub-agents' included: agent, number, tokens, cost, finish, dropped
    calls: tuple[Mapping[str, Any], ...] = ()
    # Where it goes on from, if it was taken up on its way: source, turn, at, arm, injected, hashes,
    # what it inherits of usage. Empty, and left out of the line, for an episode from the start.
    fork: Mapping[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    @property
    def sort_key(self) -> tuple[str, str, int, str]:
        """The canonical order of records."""
        return (self.model, self.task, self.run, self.cell)

    @property
    def own_usage(self) -> Usage:
        """What it consumed itself: without what it inherited where it was taken up."""
        before = self.fork.get("inherited", {}) if self.success is not None else {}
        own = {name: value - before.get(name, 0) for name, value in asdict(self.usage).items()}
        return Usage(**own)

    def to_line(self) -> str:
        """Return the canonical JSON line, with its newline."""
        return canonical_json(plain_values(self)) + "\n"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "EpisodeRecord":
        """Rebuild a record from parsed JSON.

        Raises:
            InputError: a field is missing or the schema is newer than this code.
        """
        data = migrated(data, SCHEMA_VERSION)
        version = data.get("schema_version")
        if version != SCHEMA_VERSION:
            raise InputError("schema_version", version, f"this version reads {SCHEMA_VERSION}")
        values = dict(data)
        try:
            values["interventions"] = {
                name: InterventionRecord(**entry) for name, entry in data["interventions"].items()
            }
            values["usage"] = Usage(**data["usage"])
            values["factors"] = tuple(data["factors"])
            values["transcript"] = tuple(data["transcript"])
            values["reports"] = tuple(data.get("reports", ()))
            values["book"] = tuple(data.get("book", ()))
            values["causes"] = tuple(data.get("causes", ()))  # labelled since 0.1 only
            values["calls"] = tuple(data.get("calls", ()))
            return cls(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError("record", str(error), "the record does not fit the schema") from error


def plain_values(record: EpisodeRecord) -> dict[str, Any]:
    """Return a record's fields as JSON knows them; what they hold is shared with the record."""
    # Not dataclasses.asdict: it would copy the transcript and the circuit, block by block.
    values = {entry.name: getattr(record, entry.name) for entry in fields(record)}
    values["interventions"] = {name: asdict(entry) for name, entry in record.interventions.items()}
    values["usage"] = asdict(record.usage)
    if not record.fork:
        del values["fork"]
    return values


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: equal values give equal bytes.

    Raises:
        ValueError: a float is NaN or infinite (JSON has no word for them).
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
