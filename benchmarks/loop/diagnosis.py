"""A diagnosis: ``diagnose run`` on an agent's weights, and the held-out levels beside it."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.loop.agents import TEMPERATURE
from benchmarks.loop.sizes import Size


def diagnosed(
    folder: Path, base: Path, weights: Path | None, size: Size, seed: int
) -> dict[str, Any]:
    """Run both studies of an agent in ``folder``; return where their records are."""
    common = [
        "experiment=loop",
        "subject=local",
        f"subject.model={base}",
        f"subject.adapter={weights or ''}",
        f"subject.temperature={TEMPERATURE}",
        f"subject.max_new_tokens={size.longest}",
        "subject.name=agent",
        f"study.seed={seed}",
        f"study.folder={folder}",
    ]
    crossed = [f"study.tasks=[{','.join(size.tasks)}]", f"study.runs={size.runs}"]
    held_out = [
        "study.name=held_out",
        f"study.tasks=[{','.join(size.held_out)}]",
        f"study.runs={size.held_out_runs}",
        *(f"interventions/{name}=off" for name in
          ("gap_hints", "experiment_oracles", "knowledge_notes", "solution_sketches")),
    ]  # fmt: skip
    _run([*common, *crossed])
    _run([*common, *held_out])
    return {"studies": sorted(path.name for path in folder.iterdir() if path.is_dir())}


def _run(overrides: Sequence[str]) -> None:
    command = [sys.executable, "-m", "diagnose", "run", *overrides]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr}")
