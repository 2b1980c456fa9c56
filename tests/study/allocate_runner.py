"""A study with allocated runs, for tests to kill: FOLDER WORKERS FAULT COST."""

import sys
from pathlib import Path

from analysis.planning.allocation import Neyman, neyman
from analysis.planning.designs import Cells
from diagnose.policy import RunPolicy
from diagnose.store import Store
from diagnose.study import StudyEnd
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


def main() -> int:
    folder, workers, fault = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    made = rule(sys.argv[4])
    policy = RunPolicy(workers, retry_unobserved=fault == "retry")

    def study() -> StudyEnd:
        with Store(folder, fake.header(PLANS, allocate=made.declared)) as store:
            execute = fake.Faulty(fault, folder, VICTIM)
            return fake.ran(PLANS, execute, store, policy, allocation=(made, fake.SEED))

    return fake.told(study)


if __name__ == "__main__":
    sys.exit(main())
