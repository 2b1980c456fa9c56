"""A study with looks in a process of its own, for tests to kill: FOLDER WORKERS FAULT SCOPE."""

import json
import sys
import time
from pathlib import Path

from analysis.planning.designs import Cells
from analysis.planning.stopping import GroupSequential, group_sequential
from diagnose.design import EpisodePlan
from diagnose.errors import DiagnoseError, InfrastructureError
from diagnose.policy import RunPolicy
from diagnose.records import EpisodeRecord
from diagnose.store import Store
from tests.study import fake

RUNS, EVERY = 8, 2
PLANS = fake.plans(tasks=6, runs=RUNS)
CODES = tuple(dict.fromkeys(plan.cell for plan in PLANS))
VICTIM = next(p for p in PLANS if (p.task, p.run, p.cell) == ("A-L2", 1, "0000"))


def rule(scope: str) -> GroupSequential:
    """Pocock's boundary: it stops early where it stops."""
    estimand = "add1:gap_hints" if scope == "study" else None
    design = Cells(fake.NAMES, tuple(sorted(CODES)))
    return group_sequential(
        design, RUNS, rule="pocock", scope=scope, estimand=estimand, every=EVERY,
        alpha=0.05 if scope == "cell" else 0.6, target="fixed",
    )  # fmt: skip


class Execute:
    """The fake episode with a fault."""

    def __init__(self, fault: str, folder: Path) -> None:
        self.fault, self.folder = fault, folder

    def __call__(self, plan: EpisodePlan) -> EpisodeRecord:
        fake.note(self.folder, plan)
        if plan == VICTIM and self.fault == "lost":
            raise InfrastructureError("quota", "none left")
        if self.fault == "slow":
            time.sleep(0.005)
        return fake.record(plan)


def main() -> int:
    folder, workers, fault, scope = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    made = None if scope == "none" else rule(scope)
    policy = RunPolicy(workers, retry_unobserved=fault == "retry")
    try:
        with Store(folder, fake.header(PLANS, stop=made.declared if made else None)) as store:
            end = fake.ran(PLANS, Execute(fault, folder), store, policy, stopping=made)
    except DiagnoseError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"recorded": end.recorded, "not_run": end.not_run, "total": end.total}))
    return end.exit_code


if __name__ == "__main__":
    sys.exit(main())
