"""A study with looks in a process of its own, for tests to kill: FOLDER WORKERS FAULT SCOPE."""

import sys
from pathlib import Path

from analysis.planning.designs import Cells
from analysis.planning.stopping import GroupSequential, group_sequential
from diagnose.policy import RunPolicy
from diagnose.store import Store
from diagnose.study import StudyEnd
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


def main() -> int:
    folder, workers, fault, scope = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    made = None if scope == "none" else rule(scope)
    policy = RunPolicy(workers, retry_unobserved=fault == "retry")

    def study() -> StudyEnd:
        with Store(folder, fake.header(PLANS, stop=made.declared if made else None)) as store:
            execute = fake.Faulty(fault, folder, VICTIM)
            return fake.ran(PLANS, execute, store, policy, stopping=made)

    return fake.told(study)


if __name__ == "__main__":
    sys.exit(main())
