"""What a study says of its treatments of weights: how each was made, what must be retained."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnose.errors import InputError


@dataclass(frozen=True)
class Treatment:
    """One level of a treatment."""

    objective: str
    adapter: str
    examples: int
    tokens: int
    parameters: int  # that were trained
    seconds: float  # of training
    sha256: str


@dataclass(frozen=True)
class Treatments:
    """By factor and level; empty for a table, which cannot say it."""

    levels: Mapping[str, Mapping[int, Treatment]] = field(default_factory=dict)
    retention: frozenset[str] = frozenset()  # tasks of old skills


def read(path: Path) -> Treatments:
    """Read what ``study.json`` says; nothing without one.

    Raises:
        InputError: it speaks of treatments in another form.
    """
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        entries = dict(header.get("interventions") or {})
    except (OSError, ValueError, AttributeError, TypeError):
        return Treatments()
    treating = {
        name: entry
        for name, entry in entries.items()
        if isinstance(entry, Mapping) and isinstance(entry.get("applied"), Mapping)
    }
    try:
        levels = {
            name: {int(level): _treatment(own) for level, own in entry["applied"].items()}
            for name, entry in treating.items()
        }
        retention = [str(task) for one in treating.values() for task in one.get("retention") or ()]
    except (KeyError, TypeError, ValueError) as error:
        remedy = "give each level its objective, adapter, examples, tokens, parameters, seconds"
        raise InputError(f"{path.name}: interventions: applied", str(error), remedy) from error
    return Treatments(levels, frozenset(retention))


def _treatment(own: Any) -> Treatment:
    return Treatment(
        str(own["objective"]),
        str(own["adapter"]),
        int(own["examples"]),
        int(own["tokens"]),
        int(own["parameters"]),
        float(own["seconds"]),
        str(own["sha256"]),
    )
