"""Treatments of a base agent: each trained at every learning rate, the best by validation kept."""

import json
from pathlib import Path
from typing import Any

from benchmarks.loop.agents import BARE, Attempt, played, subject
from benchmarks.loop.demonstrations import tasks
from benchmarks.loop.sizes import TREATMENTS, Size
from benchmarks.loop.steps import step


def make_treatment(home: Path, name: str, size: Size, seed: int) -> Path:
    """Train a treatment of the seed in ``home`` at every rate; return the chosen one's folder."""
    tried = {rate: _tried(home, name, size, seed, rate) for rate in size.rates}
    best = max(size.rates, key=lambda rate: (tried[rate], -rate))  # of equals the smallest
    told = json.dumps({"rate": best, "validation": tried}) + "\n"
    (home / "treatments" / name / "chosen.json").write_text(told)
    return _folder(home, name, best)


def _folder(home: Path, name: str, rate: float) -> Path:
    return home / "treatments" / name / f"rate-{rate:g}"


def _tried(home: Path, name: str, size: Size, seed: int, rate: float) -> float:
    """Train a treatment at one rate; return its success on validation tasks."""
    folder = _folder(home, name, rate)
    step(folder, lambda draft: _train(home, draft, name, size, seed, rate))
    checked = step(
        folder.with_name(f"{folder.name}-validation"),
        lambda _: _validate(home, folder, size, seed),
    )
    return float(checked["success"])


def _train(
    home: Path, draft: Path, name: str, size: Size, seed: int, rate: float
) -> dict[str, Any]:
    from diagnose.training.settings import TrainSettings
    from diagnose.training.trainer import train

    objective, adapter, options = TREATMENTS[name]
    done = train(
        TrainSettings(
            base=str(home / "base"),
            data=str(home / "data"),
            out=str(draft / "weights"),
            objective=objective,
            adapter=adapter,
            adapter_settings=options,
            epochs=size.epochs,
            batch_size=8,
            micro_batch_size=8,
            learning_rate=rate,
            device="cpu",
            seed=seed,
        )
    )
    return {
        "rate": rate,
        "parameters": done.parameters,
        "seconds": done.seconds,
        "examples": done.examples,
        "metrics": dict(done.metrics),
    }


def _validate(home: Path, folder: Path, size: Size, seed: int) -> dict[str, Any]:
    """Return the success of the likeliest answers on validation tasks, without interventions."""
    agent = subject(home / "base", size, folder / "weights", temperature=0.0)
    chosen = [Attempt(one, run, BARE)
              for run, one in enumerate(tasks(seed, "validation", size.checks))]  # fmt: skip
    records = played(agent, chosen, seed)
    return {"success": sum(bool(one.success) for one in records) / len(records)}
