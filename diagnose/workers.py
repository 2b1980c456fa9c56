"""Child processes that run episodes and may die: an engine abort must not end a study.

Each worker is forked (engine objects do not pickle; children build their own), leads a process
group of its own and hangs on one socket pair. The parent keeps as many episodes running in each as
it has slots (one, unless they wait for a provider) and one waiting, and knows which is which: of a
worker that dies, the oldest unanswered ones were in flight. Where that is more than one, each is
tried again alone in a worker: the one that kills it is then known, and the others lose nothing.
When the parent is gone a worker reads end-of-file and kills its group, sandbox processes included.
"""

import contextlib
import logging
import multiprocessing
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess

from diagnose.design import EpisodePlan
from diagnose.errors import ConfigError, DiagnoseError, InfrastructureError, StoppedError
from diagnose.journal import tell
from diagnose.ledger import Entry
from diagnose.timing import TimedCall
from diagnose.worker import Execute, work

AHEAD = 1  # plans waiting in a worker besides those running, so that it never idles
LOOK_EVERY_S = 1.0  # for the death that a socket hides because a grandchild holds its other end
STOP_GRACE_S = 2.0  # how long an idle worker may take to close its own resources
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())  # events are for a journal; without one, for nobody


class EpisodeBugError(DiagnoseError):
    """An episode raised what no boundary names: a bug, shown with the worker's traceback."""


@dataclass(frozen=True)
class Finished:
    """An episode has a record."""

    plan: EpisodePlan
    line: bytes
    entry: Entry
    seconds: float
    worker_pid: int
    began_at_s: float = 0.0  # Unix time
    calls: tuple[TimedCall, ...] = ()  # when each call of its model began, and how long it took


@dataclass(frozen=True)
class Unfinished:
    """An episode has none: infrastructure failed, or its worker died or hung."""

    plan: EpisodePlan
    cause: str
    detail: str
    seconds: float = 0.0
    worker_pid: int = 0
    began_at_s: float = 0.0
    calls: tuple[TimedCall, ...] = ()


@dataclass(frozen=True)
class Fatal:
    """The study must stop."""

    error: DiagnoseError


Event = Finished | Unfinished | Fatal


class _Worker:
    """The parent's side of one child."""

    def __init__(self, process: ForkProcess, link: Connection, slots: int) -> None:
        self.process = process
        self.link = link
        self.slots = slots
        self.assigned: dict[EpisodePlan, float | None] = {}  # oldest first -> when it began
        self.alone = False  # whether it runs one suspect and must get nothing else
        self.began: list[EpisodePlan] = []  # since somebody asked last

    @property
    def in_flight(self) -> list[EpisodePlan]:
        """The plans that run: the child takes them in order, as slots come free."""
        return list(self.assigned)[: self.slots]

    def assign(self, plan: EpisodePlan) -> None:
        self.assigned[plan] = None
        self.start_clocks()
        with contextlib.suppress(OSError):  # it has died: its end-of-file returns the plan
            self.link.send(plan)

    def answered(self, plan: EpisodePlan) -> None:
        del self.assigned[plan]
        self.alone = self.alone and bool(self.assigned)
        self.start_clocks()

    def start_clocks(self) -> None:
        for plan in self.in_flight:
            if self.assigned[plan] is None:
                self.assigned[plan] = time.monotonic()
                self.began.append(plan)

    @property
    def clocks(self) -> list[tuple[EpisodePlan, float]]:
        """When each running plan began."""
        return [(plan, since) for plan, since in self.assigned.items() if since is not None]

    @property
    def pid(self) -> int:
        pid = self.process.pid
        assert pid is not None  # started
        return pid

    def kill(self) -> None:
        """Kill the worker with everything it started, and reap it."""
        with contextlib.suppress(ProcessLookupError):  # no group: it had not come that far
            os.killpg(self.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.link.close()


class WorkerPool:
    """Runs plans on ``count`` children; use as a context manager, ask ``events`` what happened."""

    def __init__(
        self,
        execute: Execute,
        count: int,
        close_in_child: Callable[[], None],
        episode_limit_s: float = 0.0,
        slots: int = 1,
    ) -> None:
        """Prepare a pool.

        Args:
            execute: runs one episode, in a child.
            count: children at work at once.
            close_in_child: lets go, in a child, of what only the parent may hold.
            episode_limit_s: an episode running longer is killed; 0 for no limit.
            slots: episodes that one child runs at once, each in a thread of its own.
        """
        self._slots = slots
        self._suspects: set[EpisodePlan] = set()  # one of several in flight when a worker died
        self._to_try_alone: deque[EpisodePlan] = deque()
        self._execute = execute
        self._count = count
        self._close_in_child = close_in_child
        self._limit_s = episode_limit_s
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._looked_at = time.monotonic()
        self.returned: deque[EpisodePlan] = deque()  # waited in a worker that died; not run

    @property
    def busy(self) -> bool:
        """Whether any plan awaits its answer."""
        return bool(self._to_try_alone) or any(worker.assigned for worker in self._workers)

    def began(self) -> list[tuple[EpisodePlan, int]]:
        """Return the plans that began since this was asked last, with their workers' ids."""
        found = [(plan, worker.pid) for worker in self._workers for plan in worker.began]
        for worker in self._workers:
            worker.began.clear()
        return found

    def wake_on(self, fd: int) -> None:
        """Let ``events`` return when ``fd`` turns readable."""
        self._selector.register(fd, selectors.EVENT_READ, None)

    def feed(self, pending: deque[EpisodePlan]) -> None:
        """Hand out plans from the left of ``pending``: to idle workers first, then one ahead.

        Near the end nothing is handed out ahead, so that no plan waits behind a long episode
        while another worker idles. Suspects go alone to idle workers, before all others.
        """
        if self._suspects:  # rarely any, and a study may have a hundred thousand plans pending
            for plan in [plan for plan in pending if plan in self._suspects]:
                pending.remove(plan)
                self._to_try_alone.append(plan)
        idle = sum(not worker.assigned for worker in self._workers)
        while len(self._workers) < self._count and idle < len(pending) + len(self._to_try_alone):
            self._hire()
            idle += 1
        for worker in self._workers:
            if self._to_try_alone and not worker.assigned:
                worker.alone = True
                worker.assign(self._to_try_alone.popleft())
        if self._to_try_alone:  # an idle worker will be wanted
            return
        for depth in range(self._slots + AHEAD):
            for worker in self._workers:
                ahead = depth >= self._slots and len(pending) <= self._count
                free = not worker.alone and len(worker.assigned) == depth
                if pending and free and not ahead:
                    worker.assign(pending.popleft())

    def _hire(self) -> None:
        ours, theirs = multiprocessing.Pipe()
        others = [ours, *(worker.link for worker in self._workers)]
        process = multiprocessing.get_context("fork").Process(
            target=work,
            args=(self._execute, theirs, others, self._close_in_child, self._slots),
        )
        try:
            process.start()
        except OSError as error:
            ours.close()
            raise InfrastructureError("no_worker", f"cannot fork: {error.strerror}") from error
        finally:
            theirs.close()
        worker = _Worker(process, ours, self._slots)
        self._workers.append(worker)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        tell(_log, logging.DEBUG, "worker_started", worker=worker.pid)

    def events(self, timeout_s: float) -> list[Event]:
        """Wait up to ``timeout_s`` and return what happened; empty when nothing did."""
        now = time.monotonic()
        if self._limit_s:
            clocks = (since for worker in self._workers for _, since in worker.clocks)
            deadlines = (since + self._limit_s for since in clocks)
            timeout_s = max(0.0, min([timeout_s, *(deadline - now for deadline in deadlines)]))
        found: list[Event] = []
        ready = self._selector.select(timeout_s)
        for key, _ in ready:
            if key.data is not None:
                found += self._hear(key.data)
        now = time.monotonic()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            for worker in list(self._workers):
                if worker.process.exitcode is not None:
                    found += self._bury(worker, "worker_died")
        for worker in list(self._workers) if self._limit_s else ():
            hung = [plan for plan, since in worker.clocks if now - since > self._limit_s]
            if hung:
                found += self._bury(worker, "worker_hung", hung)
        return found

    def _hear(self, worker: _Worker) -> list[Event]:
        try:
            plan, kind, *content = worker.link.recv()
        except (EOFError, OSError):
            return self._bury(worker, "worker_died")
        worker.answered(plan)
        match kind:
            case "record":
                line, identifier, outcome, cost_usd, *took = content
                entry = Entry(identifier, outcome, cost_usd, plan.task, plan.run, plan.cell)
                seconds, began_at_s, calls = took
                return [Finished(plan, line, entry, seconds, worker.pid, began_at_s, calls)]
            case "infrastructure":
                cause, detail, seconds, began_at_s, calls = content
                took = (seconds, worker.pid, began_at_s, calls)
                return [Unfinished(plan, cause, detail, *took)]
            case "config":
                return [Fatal(ConfigError(*content))]
            case "stopped":
                return [Fatal(StoppedError(*content))]
            case _:
                return [Fatal(EpisodeBugError(f"{plan}: the episode raised\n{content[0]}"))]

    def _bury(self, worker: _Worker, cause: str, hung: Sequence[EpisodePlan] = ()) -> list[Event]:
        """Remove a worker, and tell what became of its plans.

        Args:
            worker: dead, or to be killed.
            cause: the word for the record.
            hung: the plans that it is killed for; by default whatever was in flight.
        """
        self._workers.remove(worker)
        self._selector.unregister(worker.link)
        worker.kill()
        guilty = list(hung) or worker.in_flight
        ran_s = {plan: time.monotonic() - since for plan, since in worker.clocks}
        self.returned.extend(plan for plan in worker.assigned if plan not in guilty)
        code = worker.process.exitcode or 0
        if cause == "worker_hung":
            detail = f"longer than {self._limit_s:g} s"
        elif code < 0:
            names = [known.name for known in signal.Signals if known == -code]
            detail = f"signal {-code} ({names[0] if names else 'real-time'})"
        else:
            detail = f"exit code {code}"
        died = {"worker": worker.pid, "detail": detail, "in_flight": len(guilty)}
        tell(_log, logging.WARNING, cause, **died)
        if not hung and len(guilty) > 1:
            self._suspects.update(guilty)
            self._to_try_alone.extend(guilty)
            return []
        now_s = time.time()
        return [
            Unfinished(plan, cause, detail, ran_s[plan], worker.pid, now_s - ran_s[plan])
            for plan in guilty
        ]

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *_: object) -> None:
        """Let idle workers close their resources, then kill whatever is left."""
        idle = [worker for worker in self._workers if not worker.assigned]
        for worker in idle:
            with contextlib.suppress(OSError):  # it died while idle: nothing is lost
                worker.link.send(None)
        until = time.monotonic() + STOP_GRACE_S
        for worker in idle:
            worker.process.join(max(0.0, until - time.monotonic()))
        for worker in self._workers:
            worker.kill()
        self._workers = []
        self._selector.close()
