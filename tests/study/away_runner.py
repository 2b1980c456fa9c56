"""One part of a fake study at an address, in a process of its own, which is a machine of its own
where DIAGNOSE_SPOOL is: ADDRESS SHARD SLOW_S LEASE_S WAIT_S. What really runs is noted in NOTES."""

import os
import sys
import time
from pathlib import Path

from diagnose.design import EpisodePlan
from diagnose.errors import DiagnoseError
from diagnose.policy import RunPolicy
from diagnose.records import EpisodeRecord, canonical_json
from diagnose.remote.address import Address, Uploads
from diagnose.remote.kept import kept
from diagnose.shards import Shard
from diagnose.store import Store
from tests.study import fake

PLANS = fake.plans(tasks=4, runs=int(os.environ.get("RUNS", "2")))
HEADER = {**fake.header(PLANS), "study": "away", "episodes": len(PLANS)}


def main() -> int:
    address, shard = Address.parse(sys.argv[1]), Shard.parse(sys.argv[2])
    slow_s, lease_s, wait_s = map(float, sys.argv[3:6])

    def execute(plan: EpisodePlan) -> EpisodeRecord:
        fake.note(Path(os.environ["NOTES"]), plan)
        time.sleep(slow_s)
        return fake.execute(plan)

    mine = shard.deal(fake.identify(plan) for plan in PLANS)
    uploads = Uploads(upload_every_s=0.1, upload_wait_s=wait_s, lease_s=lease_s)
    try:
        keeper = kept(address, shard, uploads, canonical_json(HEADER))
        try:
            with Store(address.folder(), HEADER, shard) as store:
                keeper.begin()
                store.claim(mine)
                end = fake.ran(PLANS, execute, store, RunPolicy(workers=2))
        finally:
            left = keeper.finish()
    except DiagnoseError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    if left:
        print(f"not sent: {left}", file=sys.stderr)
        return 1
    return end.exit_code


if __name__ == "__main__":
    sys.exit(main())
