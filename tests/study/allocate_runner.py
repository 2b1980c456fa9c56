"""A study with allocated runs, for tests to kill: FOLDER WORKERS FAULT COST."""

import json
import sys
import time
from pathlib import Path

from analysis.planning.allocation import Neyman, neyman
from analysis.planning.designs import Cells
from diagnose.design import EpisodePlan
from diagnose.errors import DiagnoseError, InfrastructureError
from diagnose.policy import RunPolicy
from diagnose.records import EpisodeRecord
from diagnose.store import Store
from tests.study import fake

RUNS, PILOT, EVERY, MOST, TASKS = 8, 2, 3, 6, 5
CODES = tuple(sorted({plan.cell for plan in fake.plans(tasks=1, runs=1)}))


def rule(cost: str = "episodes") -> Neyman:
    """The rule of the fake study."""
    return neyman(
        Cells(fake.NAMES, CODES), RUNS, rule="neyman", estimand="add1", pilot=PILOT, every=EVERY,
        most=MOST, cost=cost,
    )  # fmt: skip


PLANS = fake.plans(tasks=TASKS, runs=rule().batches[-1].end)
VICTIM = next(p for p in PLANS if (p.task, p.run, p.cell) == ("A-L2", 1, "0000"))


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
    folder, workers, fault = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    made = rule(sys.argv[4])
    policy = RunPolicy(workers, retry_unobserved=fault == "retry")
    try:
        with Store(folder, fake.header(PLANS, allocate=made.declared)) as store:
            execute = Execute(fault, folder)
            end = fake.ran(PLANS, execute, store, policy, allocation=(made, fake.SEED))
    except DiagnoseError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"recorded": end.recorded, "not_run": end.not_run, "total": end.total}))
    return end.exit_code


if __name__ == "__main__":
    sys.exit(main())
