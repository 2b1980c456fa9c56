"""One shard of a fake study in a process of its own: FOLDER SHARD plain|chains SECONDS."""

import sys
import time
from pathlib import Path

from diagnose.design import EpisodePlan
from diagnose.policy import RunPolicy
from diagnose.records import EpisodeRecord
from diagnose.shards import Shard
from diagnose.store import Store
from tests.study import chain_runner, fake

PLANS = fake.plans(tasks=4)


def main() -> int:
    folder, shard, chains = Path(sys.argv[1]), Shard.parse(sys.argv[2]), sys.argv[3] == "chains"
    slow_s = float(sys.argv[4])
    plans = chain_runner.PLANS if chains else PLANS
    identify = chain_runner.identify if chains else fake.identify

    def execute(plan: EpisodePlan) -> EpisodeRecord:
        if chains:
            return chain_runner.Execute("none", folder)(plan)
        fake.note(folder, plan)
        time.sleep(slow_s)
        return fake.execute(plan)

    units = {plan: plan.chain or identify(plan) for plan in plans}
    mine = shard.deal(units.values())
    with Store(folder, fake.header(plans), shard) as store:
        store.claim([identify(plan) for plan in plans if units[plan] in mine])
        end = fake.ran(
            plans,
            execute,
            store,
            RunPolicy(workers=2),
            identify=identify,
            unobserved=chain_runner.unobserved if chains else fake.unobserved,
        )
    return end.exit_code


if __name__ == "__main__":
    sys.exit(main())
