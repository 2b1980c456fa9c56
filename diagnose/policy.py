"""How a study runs: how many at once, what is tried again, what ends it."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

from diagnose.errors import ConfigError

MOST_WORKERS = 1024  # each is a process with a pool of interpreters of its own
# What the first episode that is not observed does: it ends the study, unrecorded; it is recorded
# and the others run, but a bug ends the study; a bug is recorded too, as the cause it is.
ON_ERROR = ("stop", "record", "continue")
MOST_AT_ONCE = 4096  # episodes: each has a thread and, while it runs code, an interpreter


@dataclass(frozen=True)
class RunPolicy:
    """How a study runs. None of this changes a record's content, so none of it is identity."""

    workers: int = 0  # child processes; 0 = one per core this process may use
    retries: int = 2  # further attempts after a worker died or infrastructure failed; 0 = none
    episode_limit_s: float = 3600.0  # an episode running longer is killed; 0 = no limit
    retry_unobserved: bool = False  # run episodes recorded as not_observed again
    retry_causes: Sequence[str] = ()  # of these causes alone, without retry_unobserved; empty = all
    on_error: str = "record"  # one of ON_ERROR: an episode not observed is recorded, and others run
    lasting_causes: frozenset[str] = frozenset({"quota", "bug"})  # causes not retried
    concurrency: int = 0  # episodes at once, over all workers; 0 = as the subject allows

    def __post_init__(self) -> None:
        for field in ("workers", "concurrency", "retries", "episode_limit_s"):
            value = getattr(self, field)
            plain = type(value) is int or (field == "episode_limit_s" and type(value) is float)
            if not plain or not 0 <= value < math.inf:
                raise ConfigError(field, value, "give 0 or more")
        if self.on_error not in ON_ERROR:
            raise ConfigError("run.on_error", self.on_error, f"choose one of {', '.join(ON_ERROR)}")
        causes: object = self.retry_causes
        listed = isinstance(causes, Sequence) and not isinstance(causes, str)
        if not listed or not all(isinstance(cause, str) for cause in self.retry_causes):
            raise ConfigError("run.retry_causes", causes, "give a list such as [rate_limit]")
        if self.workers > MOST_WORKERS:
            raise ConfigError("workers", self.workers, f"give at most {MOST_WORKERS}")
        if self.concurrency > MOST_AT_ONCE:
            raise ConfigError("concurrency", self.concurrency, f"give at most {MOST_AT_ONCE}")

    def again(self, cause: str) -> bool:
        """Whether an episode that was not observed for ``cause`` is to run again."""
        return cause in self.retry_causes if self.retry_causes else self.retry_unobserved

    @property
    def worker_count(self) -> int:
        """The number of workers, with 0 resolved."""
        return self.workers or len(os.sched_getaffinity(0))

    def slots(self, concurrency: int, workers: int) -> int:
        """Return how many episodes each of ``workers`` runs at once.

        Args:
            concurrency: how many the subject allows; ``concurrency`` of this policy overrides it.
            workers: how many children there are.
        """
        return math.ceil((self.concurrency or concurrency) / max(1, workers))
