"""A tiny deterministic stand-in for the agent loop: a record that depends on its plan only."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from diagnose.design import EpisodePlan, Factor, schedule, schedule_sha256
from diagnose.errors import DiagnoseError, InfrastructureError
from diagnose.policy import RunPolicy
from diagnose.progress import Progress
from diagnose.records import EpisodeRecord, InterventionRecord, Outcome, Usage
from diagnose.seeds import seed_of, uniform
from diagnose.store import Store, episode_id
from diagnose.study import StudyEnd, run_study

ROOT = Path(__file__).parents[2]
SEED = 7
FACTORS = (
    Factor("gap_hints", "identification"),
    Factor("experiment_oracles", "discovery"),
    Factor("knowledge_notes", "consolidation"),
    Factor("solution_sketches", "application"),
)
NAMES = tuple(factor.name for factor in FACTORS)


def plans(tasks: int = 3, runs: int = 2, design: str = "one_at_a_time") -> list[EpisodePlan]:
    """A small schedule: 6 cells x 3 tasks x 2 runs = 36 episodes unless told."""
    return schedule(FACTORS, design, [f"A-L{n + 1}" for n in range(tasks)], runs, SEED)


def header(scheduled: Sequence[EpisodePlan], **config: object) -> dict[str, object]:
    """What study.json holds."""
    return {
        "config": {"model": "fake/one", "temperature": 0.0, **config},
        "factors": [[factor.name, list(factor.levels)] for factor in FACTORS],
        "schedule_sha256": schedule_sha256(scheduled),
    }


def identify(plan: EpisodePlan) -> str:
    """The id of a plan."""
    return episode_id({"seed": SEED, "task": plan.task, "run": plan.run, "cell": plan.cell})


def record(
    plan: EpisodePlan, outcome: Outcome | None = None, cause: str = "", padding: int = 200
) -> EpisodeRecord:
    """The one record of ``plan``; ``padding`` characters of transcript, some of them not ASCII."""
    passed = uniform(*plan.seed_path(SEED)) < 0.2 + 0.15 * plan.cell.count("1")
    outcome = outcome or ("passed" if passed else "failed")
    seen = outcome != "not_observed"
    return EpisodeRecord(
        episode_id=identify(plan),
        study="fake",
        study_seed=SEED,
        model="fake/one",
        family=plan.task[0],
        level=int(plan.task[-1]),
        task=plan.task,
        run=plan.run,
        cell=plan.cell,
        factors=NAMES,
        interventions={
            name: InterventionRecord("c", int(dose), dose != "0", None)
            for name, dose in zip(NAMES, plan.cell, strict=True)
        },
        outcome=outcome,
        stop_reason="verified" if seen else "not_observed",
        success=outcome == "passed" if seen else None,
        missing_cause=cause,
        usage=Usage(turns=3, cost_usd=(seed_of(plan.task, plan.run) % 100) / 1000),
        transcript=({"role": "user", "content": ("redstone dust \u2192 " * padding)[:padding]},),
    )


def execute(plan: EpisodePlan) -> EpisodeRecord:
    """Run ``plan``."""
    return record(plan)


def unobserved(plan: EpisodePlan, cause: str, detail: str) -> EpisodeRecord:
    """The record of a plan that could not be observed."""
    return record(plan, "not_observed", f"{cause}: {detail}")


def note(folder: Path, plan: EpisodePlan, *first: object) -> None:
    """Write down, for the tests, what really ran."""
    with (folder / "executed").open("a") as log:
        print(*first, plan.task, plan.run, plan.cell, file=log)


class Faulty:
    """The fake episode, noted, with a fault: one plan ``lost`` to its provider, or all ``slow``."""

    def __init__(self, fault: str, folder: Path, victim: EpisodePlan) -> None:
        self.fault, self.folder, self.victim = fault, folder, victim

    def __call__(self, plan: EpisodePlan) -> EpisodeRecord:
        note(self.folder, plan)
        if plan == self.victim and self.fault == "lost":
            raise InfrastructureError("quota", "none left")
        if self.fault == "slow":
            time.sleep(0.005)
        return record(plan)


def told(running: Callable[[], StudyEnd]) -> int:
    """Run a study whose end is decided on the way, print how it ended, and return its exit code."""
    try:
        end = running()
    except DiagnoseError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"recorded": end.recorded, "not_run": end.not_run, "total": end.total}))
    return end.exit_code


def killed_on_the_way(command: Sequence[str], folder: Path, after: int) -> None:
    """Begin a study three times, and kill it each time that it has ``after`` more episodes."""
    episodes = folder / "episodes.jsonl"
    for _ in range(3):
        begun = episodes.read_bytes().count(b"\n") if episodes.exists() else 0
        running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while running.poll() is None and (
            episodes.read_bytes().count(b"\n") < begun + after if episodes.exists() else True
        ):
            assert time.monotonic() < until
            time.sleep(0.002)
        running.send_signal(signal.SIGKILL)
        running.wait()


def ran(
    scheduled: Sequence[EpisodePlan],
    execute: Callable[[EpisodePlan], EpisodeRecord],
    store: Store,
    policy: RunPolicy,
    **other: object,
) -> StudyEnd:
    """Run a fake study, in a process that its tests may kill."""
    usual = {"identify": identify, "unobserved": unobserved, "progress": Progress(sys.stdout)}
    return run_study(scheduled, execute, store, policy=policy, **{**usual, **other})


def expected(scheduled: Sequence[EpisodePlan]) -> list[str]:
    """What the finished study must hold, derived without the store."""
    lines = [execute(plan).to_line() for plan in scheduled]
    return sorted(lines, key=lambda line: [json.loads(line)[k] for k in ("task", "run", "cell")])
