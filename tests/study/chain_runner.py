"""A curriculum in a process of its own, for tests to break: FOLDER WORKERS FAULT.

An episode's record holds the book it was handed and one entry more, so a book tells its history.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from diagnose.curriculum import Chains, chained
from diagnose.design import EpisodePlan
from diagnose.errors import InfrastructureError
from diagnose.policy import RunPolicy
from diagnose.records import EpisodeRecord
from diagnose.store import Store, episode_id
from diagnose.tasks import task
from tests.study import fake

CELLS = {"0010", "1111"}
PLANS = chained(
    fake.plans(tasks=4), {name: task(name) for name in ("A-L1", "A-L2", "A-L3", "A-L4")}, CELLS
)
CHAINS = Chains(PLANS)
VICTIM = next(p for p in PLANS if (p.task, p.run, p.cell) == ("A-L2", 1, "0010"))


def identify(plan: EpisodePlan) -> str:
    before = CHAINS.before(plan)
    return episode_id({"plan": fake.identify(plan), "after": identify(before) if before else ""})


def recorded(plan: EpisodePlan, record: EpisodeRecord) -> EpisodeRecord:
    return replace(record, episode_id=identify(plan), chain=plan.chain)


class Execute:
    """The fake episode with a fault."""

    def __init__(self, fault: str, folder: Path) -> None:
        self.fault, self.folder = fault, folder

    def __call__(self, plan: EpisodePlan) -> EpisodeRecord:
        fake.note(self.folder, plan)
        if plan == VICTIM and self.fault == "lost":
            raise InfrastructureError("quota", "none left")
        if plan == VICTIM and self.fault == "lost_once" and not (self.folder / "struck").exists():
            (self.folder / "struck").touch()
            raise InfrastructureError("rate_limit", "try later")
        if self.fault == "slow":
            time.sleep(0.02)
        book = (*plan.carried, {"claim": f"{plan.task} {plan.run} {plan.cell}"})
        return replace(recorded(plan, fake.record(plan)), book=book if plan.chain else ())


def unobserved(plan: EpisodePlan, cause: str, detail: str) -> EpisodeRecord:
    return recorded(plan, fake.unobserved(plan, cause, detail))


def main() -> int:
    folder, workers, fault = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    policy = RunPolicy(workers, retry_unobserved=fault == "retry")
    with Store(folder, fake.header(PLANS)) as store:
        end = fake.ran(
            PLANS, Execute(fault, folder), store, policy, identify=identify, unobserved=unobserved
        )
    print(json.dumps({"recorded": end.recorded, "not_observed": end.not_observed}))
    return end.exit_code


if __name__ == "__main__":
    sys.exit(main())
