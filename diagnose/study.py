"""Run a schedule: hand episodes to workers, record each once, survive whatever dies.

What is in the store is done; the same command on the same folder runs only what is missing. A plan
that comes after another waits for its record, and takes from it what the subject carries along. The
parent is the only writer, and nothing it holds in memory is needed to continue.
"""

import json
import logging
import os
import platform
import signal
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from diagnose.allocation import AllocationRule, Batches
from diagnose.curriculum import BROKEN, Chains, book_of
from diagnose.design import EpisodePlan
from diagnose.errors import ConfigError, DiagnoseError, InfrastructureError, StoreError
from diagnose.index import observed, record_at
from diagnose.interrupts import Interrupts
from diagnose.journal import tell
from diagnose.policy import RunPolicy
from diagnose.progress import Progress
from diagnose.records import EpisodeRecord
from diagnose.stopping import Look, Looks, Outcome, StoppingRule
from diagnose.store import SYNC_EVERY_S, Entry, Store
from diagnose.worker import Execute, Forgiving
from diagnose.workers import EpisodeBugError, Event, Fatal, Finished, Unfinished, WorkerPool

Unobserved = Callable[[EpisodePlan, str, str], EpisodeRecord]  # plan, cause, detail
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # events are for a journal; without one, for nobody


@dataclass(frozen=True)
class StudyEnd:
    """How a run of a study ended."""

    total: int
    recorded: int  # episodes in the store, those not observed included
    not_observed: int
    stopped_by: signal.Signals | None = None
    not_run: int = 0  # episodes that a look of the stopping rule made needless
    looks: tuple[Look, ...] = ()  # those taken, in this run or an earlier one

    @property
    def exit_code(self) -> int:
        """0, or 128 plus the signal: 130 after SIGINT, 143 after SIGTERM."""
        return 128 + self.stopped_by if self.stopped_by else 0


def run_study(  # noqa: PLR0913 - a study is made of as much
    plans: Sequence[EpisodePlan],
    execute: Execute,
    store: Store,
    *,
    identify: Callable[[EpisodePlan], str],
    unobserved: Unobserved,
    policy: RunPolicy,
    progress: Progress,
    concurrency: int = 1,
    stopping: StoppingRule | None = None,
    allocation: tuple[AllocationRule, int] | None = None,
) -> StudyEnd:
    """Run the plans that the store does not hold yet, in their order; or those it has claimed.

    Workers are forked, so call this from a process that runs no other threads.

    Args:
        plans: the whole schedule.
        execute: runs one episode; called in a forked child, so it needs not pickle. It raises
            InfrastructureError when nothing was observed and ConfigError to stop the study.
        store: the study's open folder.
        identify: the ``episode_id`` of a plan; records must carry it.
        unobserved: makes the record of a plan whose attempts are used up, from cause and detail.
        policy: workers, retries, limits.
        progress: where progress shows.
        concurrency: episodes that the subject can run at once; 1 for one per worker.
        stopping: when to look at what is recorded, and what then to run no more of; None = never.
        allocation: who runs how much of each batch, and the study's seed; None = all alike.

    Raises:
        ConfigError: an episode found the configuration wrong; what was done is recorded.
        StoppedError: an episode said that the study must stop; what was done is recorded.
        EpisodeBugError: an episode raised anything else; what was done is recorded.
        StoreError: the folder cannot be written, or holds records of another study; what was done
            is recorded.
        InfrastructureError: no worker can be started.
    """
    ids = _identified(plans, identify, store, stopping, allocation)
    store.claim(ids.values())
    looks = _decisions(stopping, allocation, store, plans)
    study = _Study(ids, store, unobserved, policy, progress, looks)
    if policy.on_error == "continue":
        execute = Forgiving(execute)
    count = min(policy.worker_count, study.missing)
    slots = policy.slots(concurrency, count)
    if store.repair:
        progress.say(store.repair)
        tell(_log, logging.WARNING, "tail_repaired", detail=store.repair)
    begun = {"episodes": len(ids), "missing": study.missing, "workers": count, "slots": slots}
    tell(_log, logging.INFO, "study_begun", **begun)
    progress.start(len(ids) - study.spare, study.missing - study.spare, count, slots)
    planned = Counter(plan.cell for plan in ids)
    progress.start_cells(planned - study.missing_by_cell, planned)
    try:
        study.begin()
        with (
            Interrupts() as interrupts,
            WorkerPool(execute, count, store.close_in_child, policy.episode_limit_s, slots) as pool,
        ):
            pool.wake_on(interrupts.fd)
            while (study.pending or pool.busy) and not (interrupts.received or study.fatal):
                pool.feed(study.pending)
                study.note_begun(pool.began())
                study.take(pool.events(SYNC_EVERY_S))
                progress.tick(store.ledger)
                study.pending.extendleft(reversed(pool.returned))
                pool.returned.clear()
                store.sync_if_due()
            while events := pool.events(0.0):  # what is complete in the pipes is kept
                study.take([event for event in events if isinstance(event, Finished)])
        store.sync()
    finally:
        progress.finish(store.ledger)
    done = sum(identifier in store.ledger.outcomes for identifier in ids.values())
    _tell_end(store, done, study.fatal, interrupts.received)
    if study.fatal:
        raise study.fatal
    if interrupts.received:
        progress.say("stopped; the same command continues")
    return StudyEnd(
        len(ids),
        done,
        store.ledger.not_observed,
        interrupts.received,
        study.not_run,
        tuple(looks.taken) if isinstance(looks, Looks) else (),
    )


def _identified(
    plans: Sequence[EpisodePlan],
    identify: Callable[[EpisodePlan], str],
    store: Store,
    stopping: StoppingRule | None,
    allocation: tuple[AllocationRule, int] | None,
) -> dict[EpisodePlan, str]:
    """Return the plans that this process runs, each with its id; refuse what cannot be run."""
    ids = {plan: identify(plan) for plan in plans}
    if len(set(ids.values())) < len(plans):
        raise ConfigError("identity", "one id for two episodes", "name task, run and cell in it")
    strange = sorted(store.ledger.outcomes.keys() - ids.values())
    if strange:
        raise StoreError(
            f"{store.folder}: {len(strange)} of its records are of no episode of this study (the "
            f"first has the id {strange[0]}); move them to their own study's folder"
        )
    if store.claimed is not None:  # other processes run the others
        ids = {plan: identifier for plan, identifier in ids.items() if identifier in store.claimed}
    if stopping and len(ids) < len(plans):
        raise ConfigError("run.shard", len(ids), "a stopping rule looks at every record: run all")
    if allocation and (stopping or len(ids) < len(plans)):
        remedy = "an allocation goes with no stopping rule, and needs every record: run all"
        raise ConfigError("study.allocate", len(ids), remedy)
    return ids


def _tell_end(
    store: Store, recorded: int, fatal: DiagnoseError | None, by: signal.Signals | None
) -> None:
    """Log how a run of a study ended."""
    stopped = str(fatal or (by.name if by else ""))
    tell(
        _log,
        logging.ERROR if fatal else logging.INFO,
        "study_stopped" if stopped else "study_ended",
        recorded=recorded,
        not_observed=store.ledger.not_observed,
        cost_usd=round(store.ledger.cost_usd, 6),
        **({"detail": stopped} if stopped else {}),
    )


def _decisions(
    stopping: StoppingRule | None,
    allocation: tuple[AllocationRule, int] | None,
    store: Store,
    plans: Sequence[EpisodePlan],
) -> Looks | Batches | None:
    """Return what was decided so far, and what waits for a decision; None where nothing does."""
    if allocation:
        return Batches(allocation[0], store.folder, plans, allocation[1])
    if stopping:
        return Looks(stopping, store.folder, {plan.cell for plan in plans})
    return None


class _Study:
    """What is still to run, and what to do with each answer."""

    def __init__(
        self,
        ids: dict[EpisodePlan, str],
        store: Store,
        unobserved: Unobserved,
        policy: RunPolicy,
        progress: Progress,
        looks: Looks | Batches | None = None,
    ) -> None:
        self._ids, self._store, self._unobserved, self._looks = ids, store, unobserved, looks
        self._policy, self._progress = policy, progress
        self._attempts: Counter[EpisodePlan] = Counter()
        self._host = {"host": platform.node(), "cpus": os.cpu_count()}
        self.fatal: DiagnoseError | None = None
        self._chains = Chains(tuple(ids))
        self._open = {plan for plan in ids if self._is_open(plan)}
        self.not_run = 0
        self._held: list[EpisodePlan] = []  # wait for a look, in the schedule's order
        self._drop_stopped()
        self._open_in = Counter(plan.run for plan in self._open)
        self.missing = len(self._open)
        self.spare = self._spare()  # of them, what no one may be going to ask for
        self.missing_by_cell = Counter(plan.cell for plan in self._open)
        self.pending: deque[EpisodePlan] = deque()  # may run now; the others wait for these

    def _is_open(self, plan: EpisodePlan) -> bool:
        """Whether a plan has no record, or one that says it is to be run again."""
        outcome = self._store.ledger.outcomes.get(self._ids[plan])
        if outcome != "not_observed":
            return outcome is None
        return self._policy.again(self._store.ledger.causes[self._ids[plan]])

    def begin(self) -> None:
        """Sort the open plans: those that may run, that wait, and whose chain is broken.

        Raises:
            StoreError: a batch was shared out otherwise than the records say.
        """
        if isinstance(self._looks, Batches):
            self._looks.check(self._seen())
        earlier = {plan: self._chains.before(plan) for plan in self._ids if plan in self._open}
        wanted = {self._ids[one] for one in earlier.values() if one and one not in self._open}
        places = observed(self._store.folder, wanted) if wanted else {}
        books = {one: record_at(place).book for one, place in places.items()}
        for plan, before in earlier.items():
            if before is None:
                self._queue(plan)
            elif self._ids[before] in books:
                self._queue(replace(plan, carried=books[self._ids[before]]))
            elif before not in self._open:
                self._lose(plan, BROKEN, f"{before.task} was not observed")
        self._look_if_due()

    def _queue(self, plan: EpisodePlan) -> None:
        """Let a plan run, now or after the next look."""
        waits = self._looks is not None and self._looks.waits(plan)
        (self._held if waits else self.pending).append(plan)

    def _drop_stopped(self) -> None:
        """Forget the plans that a look has stopped: they are not missing, nobody asks for them."""
        if self._looks is None:
            return
        stopped = {plan for plan in self._open if self._looks.stops(plan)}
        self._open -= stopped
        self._held = [plan for plan in self._held if plan not in stopped]
        self.not_run += sum(self._ids[plan] not in self._store.ledger.outcomes for plan in stopped)

    def _look_if_due(self) -> None:
        """Take every look whose runs are recorded, and release what waited for it."""
        looks = self._looks
        while looks is not None and looks.gate is not None and not self.fatal:
            if any(self._open_in[run] for run in range(looks.gate)):
                return
            self._store.sync()  # a decision never outlives what it was made from
            outcomes = self._store.ledger.outcomes
            still = [plan for plan in self._open if self._ids[plan] not in outcomes]
            look = looks.take(self._seen(), still)
            self._progress.say(look.said)
            tell(_log, logging.INFO, "look", number=look.number, detail=look.said)
            self._progress.fewer(look.not_run)
            self._drop_stopped()
            self._open_in = Counter(plan.run for plan in self._open)
            waiting, self._held = self._held, []
            for plan in waiting:
                self._queue(plan)

    def _seen(self) -> list[Outcome]:
        """Return what is recorded, as rules see it."""
        outcomes, costs = self._store.ledger.outcomes, self._store.ledger.costs
        return [
            Outcome(
                plan.task,
                plan.run,
                plan.cell,
                None if outcomes[key] == "not_observed" else outcomes[key] == "passed",
                costs.get(key, 0.0),
            )
            for plan, key in self._ids.items()
            if key in outcomes
        ]

    def _spare(self) -> int:
        if not isinstance(self._looks, Batches):
            return 0
        return sum(map(self._looks.spare, self._open))

    def take(self, events: Sequence[Event]) -> None:
        """Record, retry, or note that the study must stop."""
        for event in events:
            if isinstance(event, Finished):
                self._record(event.plan, event.line, event.entry)
                self._release(event.plan, event.line)
                self._note_end(event, event.entry.outcome)
            elif isinstance(event, Fatal):
                self.fatal = self.fatal or event.error
            elif self._may_retry(event.plan, event.cause):
                self.pending.append(event.plan)  # last: what failed it may have passed by then
                why = {"cause": event.cause, "detail": event.detail}
                again = {"attempt": self._attempts[event.plan], "seconds": round(event.seconds, 3)}
                tell(
                    _log, logging.WARNING, "episode_retried", **self._at(event.plan), **why, **again
                )
            elif self._policy.on_error == "stop":
                told = f"{event.detail} ({event.plan.task}, run {event.plan.run}, cell "
                told += f"{event.plan.cell}; run.on_error=stop)"
                self.fatal = self.fatal or InfrastructureError(event.cause, told)
            else:
                self._lose(event.plan, event.cause, event.detail)
                self._note_end(event, "not_observed")
        self._look_if_due()

    def note_begun(self, begun: Sequence[tuple[EpisodePlan, int]]) -> None:
        """Log the episodes that began, with the workers that run them."""
        for plan, worker in begun:
            tell(_log, logging.INFO, "episode_begun", **self._at(plan), worker=worker)

    def _at(self, plan: EpisodePlan) -> dict[str, Any]:
        """Return where a line of the log belongs."""
        place = {"task": plan.task, "run": plan.run, "cell": plan.cell}
        return {"episode_id": self._ids[plan], **place}

    def _note_end(self, event: Finished | Unfinished, outcome: str) -> None:
        """Note how long an episode took, its calls included, and log its end."""
        seconds = {"seconds": event.seconds, "began_at_s": round(event.began_at_s, 6)}
        calls = {"calls": event.calls} if event.calls else {}
        timing = {"episode_id": self._ids[event.plan], "worker": event.worker_pid, **seconds}
        self._store.append_timing({**timing, **calls, **self._host, "outcome": outcome})
        tell(
            _log,
            logging.WARNING if isinstance(event, Unfinished) else logging.INFO,
            "episode_ended",
            **self._at(event.plan),
            worker=event.worker_pid,
            outcome=outcome,
            seconds=round(event.seconds, 3),
            **(
                {"cause": event.cause, "detail": event.detail}
                if isinstance(event, Unfinished)
                else {"cost_usd": round(event.entry.cost_usd, 6)}
            ),
        )

    def _lose(self, plan: EpisodePlan, cause: str, detail: str) -> None:
        """Record a plan as not observed, and with it those that needed its record."""
        record = self._unobserved(plan, cause, detail)
        self._record(plan, record.to_line().encode(), Entry.of(record))
        waiting = self._chains.next(plan)
        if waiting in self._open and waiting is not None:
            self._lose(waiting, BROKEN, f"{plan.task} was not observed")

    def _release(self, plan: EpisodePlan, line: bytes) -> None:
        """Let the plan run that waited for the record of ``plan``, with its book in hand."""
        waiting = self._chains.next(plan)
        if waiting is not None and waiting in self._open:
            carried = book_of(json.loads(line))
            self.pending.appendleft(replace(waiting, carried=carried))  # its run comes first

    def _may_retry(self, plan: EpisodePlan, cause: str) -> bool:
        self._attempts[plan] += 1
        spent = self._attempts[plan] > self._policy.retries
        return not spent and cause not in self._policy.lasting_causes

    def _record(self, plan: EpisodePlan, line: bytes, entry: Entry) -> None:
        if entry.episode_id != self._ids[plan]:
            raise EpisodeBugError(
                f"{plan}: its record has the id {entry.episode_id}, its identity {self._ids[plan]}"
            )
        self._store.append(line, entry)
        self._open.discard(plan)
        self._open_in[plan.run] -= 1
        self._progress.update(self._store.ledger, plan.cell)
