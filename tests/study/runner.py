"""A study in a process of its own, for tests to kill: FOLDER WORKERS FAULT [RETRIES] [LIMIT_S]
[CONCURRENCY].

The victim is one plan; the fault says what happens to it (or to every plan).
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from diagnose.design import EpisodePlan
from diagnose.errors import ConfigError, DiagnoseError, InfrastructureError
from diagnose.journal import kept
from diagnose.policy import RunPolicy
from diagnose.records import EpisodeRecord
from diagnose.store import Store
from tests.study import fake

SLOW_S = 0.03
PLANS = fake.plans()
VICTIM = PLANS[7]


class Execute:
    """The fake episode with a fault."""

    def __init__(self, fault: str, folder: Path) -> None:
        self.fault = fault
        self.folder = folder

    def __call__(self, plan: EpisodePlan) -> EpisodeRecord:
        fake.note(self.folder, plan, os.getpid())
        if self.fault.startswith("brood"):
            self.spawn()
            time.sleep(SLOW_S)
        if self.fault.endswith("_among_many"):
            time.sleep(SLOW_S)  # so that others are in flight when it strikes
        if plan == VICTIM:
            self.strike()
        return fake.execute(plan)

    def strike(self) -> None:
        marker = self.folder / "struck"
        first = not marker.exists()
        marker.touch()
        match self.fault:
            case "sigkill_once" | "sigkill_once_among_many" if first:
                os.kill(os.getpid(), signal.SIGKILL)
            case "abort" | "abort_among_many":
                os.abort()
            case "exit":
                os._exit(3)
            case "hang" | "brood_hang" | "hang_among_many":
                time.sleep(3600)
            case "infrastructure_once" if first:
                raise InfrastructureError("rate_limit", "try later")
            case "infrastructure":
                raise InfrastructureError("rate_limit", "try later")
            case "quota":
                raise InfrastructureError("quota", "none left")
            case "config":
                raise ConfigError("model.name", ["a", "b"], "name one model")
            case "bug":
                raise ZeroDivisionError("a planted bug")

    def spawn(self) -> None:
        """Start, once per worker, a process that outlives its standard input."""
        if not hasattr(self, "brood"):
            self.brood = subprocess.Popen(["sleep", "3600"], stdin=subprocess.PIPE)
            with (self.folder / "brood").open("a") as log:
                log.write(f"{os.getpid()} {self.brood.pid}\n")


def main() -> int:
    folder, workers, fault = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    retries = int(sys.argv[4]) if len(sys.argv) > 4 else 2
    limit_s = float(sys.argv[5]) if len(sys.argv) > 5 else 0.0
    concurrency = int(sys.argv[6]) if len(sys.argv) > 6 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if fault == "disk_full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    policy = RunPolicy(
        workers,
        retries,
        limit_s,
        retry_unobserved=fault == "retry_unobserved",
        retry_causes=os.environ.get("RETRY_CAUSES", "").split(),
        on_error=os.environ.get("ON_ERROR", "record"),
    )
    try:
        with Store(folder, fake.header(PLANS)) as store, kept(folder, os.environ.get("LOG", "off")):
            end = fake.ran(PLANS, Execute(fault, folder), store, policy, concurrency=concurrency)
    except DiagnoseError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"recorded": end.recorded, "not_observed": end.not_observed}))
    return end.exit_code


if __name__ == "__main__":
    sys.exit(main())
