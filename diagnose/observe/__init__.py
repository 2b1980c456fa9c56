"""Who is told of a study while it runs: OpenTelemetry and MLflow, by processes of their own.

A receiver may be slow, wrong or gone, and its client runs threads, which a study that forks its
workers must not. So a ``teller`` is a process beside the study that reads what the study writes,
tells it, and keeps on the disk how far it has come. What it could not tell is told by the next one.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from diagnose.errors import ConfigError
from diagnose.journal import checked

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_NEEDS = {"otel": "opentelemetry.exporter.otlp.proto.http", "mlflow": "mlflow"}
KEYS = ("log", "otel", "content", "mlflow", "grace_s")


@dataclass(frozen=True)
class Observe:
    """The section ``observe`` of a configuration, checked."""

    log: str = "info"
    otel: bool = False
    content: bool = False  # whether spans hold what was said
    mlflow: str = ""
    grace_s: float = 30.0


def observe_values(section: Mapping[str, Any]) -> Observe:
    """Return who is told.

    Raises:
        ConfigError: a value cannot be meant, or an extra that is asked for is not installed.
    """
    for key in section:
        if key not in KEYS:
            raise ConfigError(f"observe.{key}", section[key], f"choose from {', '.join(KEYS)}")
    otel, content = section.get("otel"), section.get("content", False)
    for key, value in (("otel", otel), ("content", content)):
        if not (isinstance(value, bool) or (key == "otel" and value is None)):
            raise ConfigError(f"observe.{key}", value, "give true or false")
    mlflow, grace_s = section.get("mlflow") or "", section.get("grace_s", 30)
    if not isinstance(mlflow, str):
        raise ConfigError(
            "observe.mlflow", mlflow, "give an address, such as http://localhost:5000"
        )
    if isinstance(grace_s, bool) or not isinstance(grace_s, int | float) or not 0 <= grace_s < 1e6:
        raise ConfigError("observe.grace_s", grace_s, "give seconds, 0 or more")
    wanted = otel if otel is not None else _by_environment() and installed("otel")
    for extra in ("otel",) * bool(wanted) + ("mlflow",) * bool(mlflow):
        if not installed(extra):
            remedy = f'its client is not installed: pip install -e ".[{extra}]"'
            raise ConfigError(f"observe.{extra}", section.get(extra), remedy)
    log = checked(section.get("log", "info"))
    return Observe(log, bool(wanted), bool(content), mlflow, float(grace_s))


def _by_environment() -> bool:
    """Whether the standard variables ask for spans."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    return not off and exporter == "otlp" and any(map(os.environ.get, _ENDPOINTS))


def installed(extra: str) -> bool:
    """Whether the packages of an extra are there; nothing of them is loaded but their parents."""
    try:
        return find_spec(_NEEDS[extra]) is not None
    except ModuleNotFoundError:
        return False
