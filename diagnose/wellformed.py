"""Whether a record read from a file is one that this project could have written.

A file may have been edited, joined from others, or made elsewhere: what fails here would otherwise
surface as a traceback in the middle of an analysis, or as a number that nobody questions.
"""

import math
from collections.abc import Mapping
from typing import get_args

from diagnose.records import EpisodeRecord, InterventionRecord, StopReason

_SUCCESS: Mapping[str, bool | None] = {"passed": True, "failed": False, "not_observed": None}
_STOP_REASONS = frozenset(get_args(StopReason))
_TEXTS = (
    *("episode_id", "study", "model", "family", "task", "cell", "missing_cause"),
    *("circuit_sha256", "task_sha256", "prompt_sha256", "chain"),
)
_WHOLE = ("study_seed", "level", "run", "schema_version")
_COUNTS = ("turns", "trials", "host_calls", "input_tokens", "output_tokens")
_OBJECTS = ("subject_log", "versions", "config", "fork")
_OBJECTS_OR_NONE = ("verdict", "circuit")


def check_record(record: EpisodeRecord) -> None:
    """Check types, and what the fields say of each other.

    Raises:
        ValueError: says what is wrong, beginning with "its".
    """
    for name in _TEXTS:
        _want(isinstance(getattr(record, name), str), name, record)
    for name in _WHOLE:
        _want(type(getattr(record, name)) is int, name, record)
    for name in _OBJECTS:
        _want(isinstance(getattr(record, name), dict), name, record)
    for name in _OBJECTS_OR_NONE:
        value = getattr(record, name)
        _want(value is None or isinstance(value, dict), name, record)
    outcome: object = record.outcome
    _want(isinstance(outcome, str) and outcome in _SUCCESS, "outcome", record)
    _want(record.success is _SUCCESS[record.outcome], "success", record)
    reason: object = record.stop_reason
    _want(isinstance(reason, str) and reason in _STOP_REASONS, "stop_reason", record)
    _want(all(isinstance(one, dict) for one in record.transcript), "transcript", record)
    _want(all(isinstance(one, dict) for one in record.reports), "reports", record)
    _want(all(map(_entry_fits, record.book)), "book", record)
    _want(all(map(_cause_fits, record.causes)), "causes", record)
    factors = record.factors
    _want(all(isinstance(one, str) for one in factors), "factors", record)
    _want(len(set(factors)) == len(factors), "factors", record)
    digits = record.cell.isascii() and (record.cell.isdigit() or not record.cell)
    _want(digits and len(record.cell) == len(factors), "cell", record)
    _want(all(map(_intervention_fits, record.interventions.values())), "interventions", record)
    for name in _COUNTS:
        value = getattr(record.usage, name)
        if type(value) is not int or value < 0:
            raise ValueError(f"its {name} is not a count")
    if not _is_amount(record.usage.cost_usd):
        raise ValueError("its cost_usd is not a number")
    _want(all(map(_call_fits, record.calls)), "calls", record)
    _want(_fork_fits(record), "fork", record)


def _fork_fits(record: EpisodeRecord) -> bool:
    """Whether it says where the episode was taken up, and what it had used by then."""
    fork = record.fork
    if not fork:
        return True
    texts = ("source", "study", "at", "arm", "snapshot_sha256", "messages_sha256")
    before = fork.get("inherited")
    if not isinstance(before, dict) or before.keys() != vars(record.usage).keys():
        return False
    named = all(isinstance(fork.get(name), str) for name in texts)
    return named and type(fork.get("turn")) is int and all(map(_is_amount, before.values()))


def _is_amount(value: object) -> bool:
    return type(value) in (int, float) and 0 <= float(str(value)) < math.inf


def _call_fits(call: object) -> bool:
    if not isinstance(call, dict) or not isinstance(call.get("agent"), str):
        return False
    counts = (call.get(name) for name in ("number", "input_tokens", "output_tokens"))
    whole = all(type(count) is int and count >= 0 for count in counts)
    return whole and _is_amount(call.get("cost_usd"))


def _entry_fits(entry: object) -> bool:
    if not isinstance(entry, dict) or not entry:
        return False
    return all(isinstance(text, str) for text in (*entry.keys(), *entry.values()))


def _intervention_fits(one: InterventionRecord) -> bool:
    kinds: tuple[tuple[object, tuple[type, ...]], ...] = (
        (one.capacity, (str,)),
        (one.text_sha256, (str,)),
        (one.dose, (int,)),
        (one.offered, (bool,)),
        (one.used, (bool, type(None))),
    )
    return all(type(value) in allowed for value, allowed in kinds)


def _cause_fits(one: object) -> bool:
    if not isinstance(one, dict):
        return False
    texts = (one.get(key) for key in ("cause", "law", "capacity_by_convention", "stage"))
    lamps = one.get("lamps")
    return all(isinstance(text, str) for text in texts) and type(lamps) is int and lamps >= 0


def _want(fits: object, name: str, record: EpisodeRecord) -> None:
    if not fits:
        raise ValueError(f"its {name} is {repr(getattr(record, name))[:60]}")
