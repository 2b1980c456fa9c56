"""Which jobs wrote to a study, and which studies a sweep's jobs wrote.

``jobs.jsonl`` stands in the study's folder; of a sweep, ``sweeps/ID.jsonl`` in the folder of
studies holds the same lines. A job notes a line when it begins and one when it ends, and the last
one counts; one that was killed has no second line. A note that cannot be written is no fault.
"""

import contextlib
import json
import os
import platform
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from diagnose.appender import OWN
from diagnose.cli.commands import without_secret

NAME = "jobs.jsonl"
SWEEPS = "sweeps"  # in the folder of studies
VARIABLE = "DIAGNOSE_JOB"  # what a job is, for the process that a launcher's worker starts
SWEEP = "DIAGNOSE_SWEEP"  # set by Hydra in every job of a sweep, wherever it runs
BEGUN = "begun"


@dataclass
class Job:
    """One run of ``diagnose run``."""

    facts: dict[str, Any]
    sweep: Path | None = None  # where its sweep's jobs are noted
    key: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    study: Path | None = None

    def begun(self, study: Path) -> None:
        """Note in the study's folder that this job writes there."""
        self.study = study
        self._note(BEGUN, [study / NAME, self.sweep])

    def ended(self, status: str, code: int | None = None) -> None:
        """Note how it ended; one that has no study is noted in its sweep alone."""
        files = [self.study / NAME if self.study else None, self.sweep]
        self._note(status, files, **({} if code is None else {"exit_code": code}))

    def _note(self, status: str, files: Sequence[Path | None], **more: int) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        said = {"job": self.key, "status": status, "at": at, **self.facts, **more}
        raw = json.dumps({**said, "study": str(self.study or "")}, sort_keys=True).encode() + b"\n"
        for file in filter(None, files):
            with contextlib.suppress(OSError):
                file.parent.mkdir(parents=True, exist_ok=True)
                own = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | OWN, 0o644)
                try:
                    os.write(own, raw)
                finally:
                    os.close(own)


@contextmanager
def noted_job(overrides: Sequence[str]) -> Iterator[Job]:
    """Yield this process's job; whatever ends the block is noted as its end."""
    job = _this(overrides)
    try:
        yield job
    except BaseException as error:
        job.ended("interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
        raise


def new_sweep() -> str:
    """Return a name for a sweep that begins now."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


def of_hydra() -> dict[str, Any]:
    """Return what Hydra and the launcher say of the running job: plain data."""
    from hydra.core.hydra_config import HydraConfig

    config = HydraConfig.get()
    swept = config.mode is not None and config.mode.name == "MULTIRUN"
    found: dict[str, Any] = {"hydra_dir": str(config.runtime.output_dir)}
    if swept:
        launcher = str(config.launcher.get("_target_", "")).rpartition(".")[2]
        found |= {"number": int(config.job.num), "id": str(config.job.id), "launcher": launcher}
        found |= {"sweep": os.environ.get(SWEEP, ""), "sweep_dir": str(config.sweep.dir)}
    return found | _placed()


def _placed() -> dict[str, Any]:
    """Return where a cluster's scheduler put this process, from what is loaded in it already."""
    found: dict[str, Any] = {}
    slurm = {name: os.environ.get(f"SLURM_{name.upper()}") for name in ("job_id", "array_job_id")}
    found |= {f"slurm_{name}": value for name, value in slurm.items() if value}
    with contextlib.suppress(Exception):  # these libraries may say nothing: it is only a note
        if "submitit" in sys.modules:
            placed = sys.modules["submitit"].JobEnvironment()
            found |= {"submitit_job": placed.job_id, "log": str(placed.paths.stdout)}
    with contextlib.suppress(Exception):
        if "ray" in sys.modules and sys.modules["ray"].is_initialized():
            context = sys.modules["ray"].get_runtime_context()
            found |= {"ray_job": context.get_job_id(), "ray_node": context.get_node_id()}
    return found


def _this(overrides: Sequence[str]) -> Job:
    given = os.environ.pop(VARIABLE, "")
    facts = json.loads(given) if given else of_hydra()
    facts |= {"overrides": [*map(without_secret, overrides)], "cwd": str(Path.cwd())}
    facts |= {"host": platform.node(), "pid": os.getpid()}
    name, folder = facts.get("sweep"), facts.get("sweep_dir")
    return Job(facts, Path(folder) / SWEEPS / f"{name}.jsonl" if name and folder else None)


def noted(file: Path) -> list[dict[str, Any]]:
    """Return the jobs that a file of notes holds, each as it was noted last, with when it began."""
    found: dict[str, dict[str, Any]] = {}
    try:
        raw = file.read_bytes()
    except OSError:
        return []
    for part in raw.splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            line = json.loads(part)
            if all(isinstance(line[key], str) for key in ("job", "status", "at", "study")):
                before = found.get(line["job"], {})
                began = before.get("began", line["at"] if line["status"] == BEGUN else "")
                found[line["job"]] = {**line, "began": began}
    return list(found.values())


def told(job: Mapping[str, Any]) -> str:
    """Return one job in a line: when, how it ended, where, and what it was asked."""
    placed = [str(job["host"]) if "host" in job else ""]
    placed += [f"{key} {job[key]}" for key in ("launcher", "number", "slurm_job_id") if key in job]
    ended = "no end noted" if job["status"] == BEGUN else f"{job['status']} {job['at']}"
    code = f" (exit code {job['exit_code']})" if "exit_code" in job else ""
    asked = " ".join(map(str, job.get("overrides", ())))
    log = f", log {job['log']}" if "log" in job else ""
    return f"{job['began'] or '-'}  {ended}{code}  {', '.join(filter(None, placed))}{log}: {asked}"
