"""The interventions of a record, made again from its configuration.

A record may come from anywhere, so its targets are not handed to Hydra, which would call whatever
they name: only classes of the package ``interventions`` are made, from plain values.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from diagnose.errors import DiagnoseError
from diagnose.intervention import Intervention
from diagnose.records import EpisodeRecord

_TARGET = re.compile(r"interventions\.([a-z][a-z0-9_]*)\.([A-Z][A-Za-z0-9]*)")


def interventions_of(record: EpisodeRecord) -> dict[str, Intervention]:
    """Return those of a record's interventions that can be made, by name."""
    configured = record.config.get("interventions")
    if not isinstance(configured, Mapping):
        return {}
    made = {name: _made(entry) for name, entry in configured.items()}
    return {str(name): one for name, one in made.items() if one is not None}


def _made(entry: object) -> Intervention | None:
    target = entry.get("_target_") if isinstance(entry, Mapping) else None
    match = _TARGET.fullmatch(target) if isinstance(target, str) else None
    if not match or not isinstance(entry, Mapping):
        return None
    module_name = f"interventions.{match[1]}"
    if find_spec(module_name) is None:
        return None
    kind: Any = getattr(import_module(module_name), match[2], None)
    if not isinstance(kind, type) or kind.__module__ != module_name:
        return None
    values = {key: value for key, value in entry.items() if key not in {"_target_", "levels"}}
    try:
        made: Intervention = kind(**values)
    except (TypeError, ValueError, DiagnoseError):  # configured for another version of it
        return None
    return made
