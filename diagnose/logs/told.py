"""What a record says, in the words of a page: names, facts, bills, causes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from diagnose.records import EpisodeRecord

OUTCOMES = {"passed": "passed", "failed": "failed", "not_observed": "not observed"}
ENDS = {
    "verified": "It ended with a verify() that passed.",
    "stopped": "It ended because the subject stopped.",
    "trials": "It ended when its trials were used up; the standing device was judged.",
    "turns": "It ended when its turns were used up; the standing device was judged.",
    "tokens": "It ended when its tokens were used up; the standing device was judged.",
    "seconds": "It ended when its time was used up; the standing device was judged.",
    "not_observed": "",
}


def file_name(record: EpisodeRecord) -> str:
    """Return the name of a record's page, whatever the record calls itself."""
    cell = f"-cell{record.cell}" if record.cell else ""
    told = f"{record.task}-run{record.run}{cell}-{record.episode_id[:8]}"
    return re.sub(r"[^A-Za-z0-9_-]", "_", told)[:100] + ".html"


def cost(usd: float) -> str:
    """Return dollars, with the digits that a small amount needs."""
    return "$0" if not usd else f"${usd:.2f}" if usd >= 1 else f"${usd:.2g}"


def causes(record: EpisodeRecord) -> Sequence[Mapping[str, Any]]:
    """Return why the device fails, what weighs most first, where the record has been labelled."""
    found = getattr(record, "causes", ())
    return [one for one in found if isinstance(one, Mapping)]


def bills(record: EpisodeRecord) -> dict[int, str]:
    """Return what each call of the subject used, by its number, where the record says so."""
    told = {}
    for call in getattr(record, "calls", ()):
        if call.get("agent") == "subject" and type(call.get("number")) is int:
            dollars = call.get("cost_usd") or 0.0
            used = f"{call.get('input_tokens', 0):,} + {call.get('output_tokens', 0):,} tokens"
            told[call["number"]] = f"{used}, {cost(dollars)}" if dollars else used
    return told


def facts(record: EpisodeRecord) -> list[tuple[str, str]]:
    """Return what stands at the top of a page."""
    used, turns = record.usage, record.config.get("budgets", {})
    told = [
        ("turns", _of(used.turns, turns.get("turns"))),
        ("trials", _of(used.trials, turns.get("trials"))),
        ("host calls", f"{used.host_calls:,}"),
        ("tokens in", f"{used.input_tokens:,}"),
        ("tokens out", f"{used.output_tokens:,}"),
        ("cost", cost(used.cost_usd)),
        ("world", record.variant),
        ("study seed", str(record.study_seed)),
    ]
    chain = getattr(record, "chain", "")
    fork = getattr(record, "fork", {})
    if fork:
        before = f"episode {fork.get('source')}, turn {fork.get('turn')} ({fork.get('at')})"
        told.append(("goes on from", before))
    return [*told, ("chain", str(chain))] if chain else told


def _of(used: int, most: object) -> str:
    return f"{used} of {most}" if type(most) is int else str(used)


def yes(value: bool | None) -> str:
    """Return a flag as a word; a dash where the question does not arise."""
    return "–" if value is None else "yes" if value else "no"
