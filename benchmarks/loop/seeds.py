"""All steps of one seed, in their order."""

from pathlib import Path
from typing import Any

from benchmarks.loop.agents import make_base, subject
from benchmarks.loop.demonstrations import make_data
from benchmarks.loop.diagnosis import diagnosed
from benchmarks.loop.retention import retained
from benchmarks.loop.sizes import Size
from benchmarks.loop.steps import step
from benchmarks.loop.treatments import make_treatment

BASE = "base"


def run_seed(home: Path, size: Size, seed: int) -> None:
    """Make a base, demonstrate, treat, and diagnose before and after; finished steps are kept."""
    home.mkdir(parents=True, exist_ok=True)
    base = home / BASE
    _tell("base", step(base, lambda draft: make_base(draft, size, seed)))
    data = home / "data"
    _tell("data", step(data, lambda draft: make_data(draft, subject(base, size), size, seed)))
    agents: dict[str, Path | None] = {BASE: None}
    _measure(home, BASE, None, size, seed)
    for name in size.treatments:
        agents[name] = make_treatment(home, name, size, seed) / "weights"
        _measure(home, name, agents[name], size, seed)


def _measure(home: Path, name: str, weights: Path | None, size: Size, seed: int) -> None:
    base = home / BASE
    diagnosis, retention = home / "diagnoses" / name, home / "retention" / name
    _tell(name, step(diagnosis, lambda draft: diagnosed(draft, base, weights, size, seed)))
    _tell(name, step(retention, lambda _: retained(base, weights, size, seed)))


def _tell(name: str, said: dict[str, Any]) -> None:
    print(f"{name}: {said}", flush=True)
