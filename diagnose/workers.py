"""Child processes that run episodes and may die: an engine abort must not end a study.

Each worker is forked (engine objects do not pickle; children build their own), leads a process
group of its own and hangs on one socket pair. The parent keeps one episode running and one waiting
in each, and knows which is which: of a worker that dies, the oldest unanswered one was in flight.
When the parent is gone a worker reads end-of-file and kills its group, sandbox processes included.
"""

import contextlib
import multiprocessing
import os
import selectors
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from queue import SimpleQueue

from diagnose.design import EpisodePlan
from diagnose.errors import ConfigError, DiagnoseError, InfrastructureError
from diagnose.ledger import Entry
from diagnose.records import EpisodeRecord

Execute = Callable[[EpisodePlan], EpisodeRecord]
QUEUED = 2  # one running, one waiting, so that a worker never idles
LOOK_EVERY_S = 1.0  # for the death that a socket hides because a grandchild holds its other end
STOP_GRACE_S = 2.0  # how long an idle worker may take to close its own resources


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


@dataclass(frozen=True)
class Unfinished:
    """An episode has none: infrastructure failed, or its worker died or hung."""

    plan: EpisodePlan
    cause: str
    detail: str


@dataclass(frozen=True)
class Fatal:
    """The study must stop."""

    error: DiagnoseError


Event = Finished | Unfinished | Fatal


class _Worker:
    """The parent's side of one child."""

    def __init__(self, process: ForkProcess, link: Connection) -> None:
        self.process = process
        self.link = link
        self.assigned: deque[EpisodePlan] = deque()  # oldest first: that one is in flight
        self.since = time.monotonic()  # when the one in flight began

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
    ) -> None:
        """Prepare a pool.

        Args:
            execute: runs one episode, in a child.
            count: children at work at once.
            close_in_child: lets go, in a child, of what only the parent may hold.
            episode_limit_s: an episode running longer is killed; 0 for no limit.
        """
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
        return any(worker.assigned for worker in self._workers)

    def wake_on(self, fd: int) -> None:
        """Let ``events`` return when ``fd`` turns readable."""
        self._selector.register(fd, selectors.EVENT_READ, None)

    def feed(self, pending: deque[EpisodePlan]) -> None:
        """Hand out plans from the left of ``pending``: to idle workers first, then one ahead.

        Near the end nothing is handed out ahead, so that no plan waits behind a long episode
        while another worker idles.
        """
        idle = sum(not worker.assigned for worker in self._workers)
        while len(self._workers) < self._count and idle < len(pending):
            self._hire()
            idle += 1
        for depth in range(QUEUED):
            for worker in self._workers:
                ahead = depth and len(pending) <= self._count
                if pending and len(worker.assigned) == depth and not ahead:
                    self._assign(worker, pending.popleft())

    def _assign(self, worker: _Worker, plan: EpisodePlan) -> None:
        if not worker.assigned:
            worker.since = time.monotonic()
        worker.assigned.append(plan)
        with contextlib.suppress(OSError):  # it has died: its end-of-file returns the plan
            worker.link.send(plan)

    def _hire(self) -> None:
        ours, theirs = multiprocessing.Pipe()
        others = [ours, *(worker.link for worker in self._workers)]
        process = multiprocessing.get_context("fork").Process(
            target=_work, args=(self._execute, theirs, others, self._close_in_child)
        )
        try:
            process.start()
        except OSError as error:
            ours.close()
            raise InfrastructureError("no_worker", f"cannot fork: {error.strerror}") from error
        finally:
            theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        self._selector.register(ours, selectors.EVENT_READ, worker)

    def events(self, timeout_s: float) -> list[Event]:
        """Wait up to ``timeout_s`` and return what happened; empty when nothing did."""
        now = time.monotonic()
        if self._limit_s:
            deadlines = (w.since + self._limit_s for w in self._workers if w.assigned)
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
        for worker in list(self._workers):
            if self._limit_s and worker.assigned and now - worker.since > self._limit_s:
                found += self._bury(worker, "worker_hung")
        return found

    def _hear(self, worker: _Worker) -> list[Event]:
        try:
            kind, *content = worker.link.recv()
        except (EOFError, OSError):
            return self._bury(worker, "worker_died")
        plan = worker.assigned.popleft()
        worker.since = time.monotonic()
        match kind:
            case "record":
                line, identifier, outcome, cost_usd, seconds = content
                entry = Entry(identifier, outcome, cost_usd)
                return [Finished(plan, line, entry, seconds, worker.pid)]
            case "infrastructure":
                return [Unfinished(plan, *content)]
            case "config":
                return [Fatal(ConfigError(*content))]
            case _:
                return [Fatal(EpisodeBugError(f"{plan}: the episode raised\n{content[0]}"))]

    def _bury(self, worker: _Worker, cause: str) -> list[Event]:
        """Remove a worker; its oldest plan was in flight, the one after was only waiting."""
        self._workers.remove(worker)
        self._selector.unregister(worker.link)
        worker.kill()
        if not worker.assigned:
            return []
        self.returned.extend(list(worker.assigned)[1:])
        code = worker.process.exitcode or 0
        if cause == "worker_hung":
            detail = f"longer than {self._limit_s:g} s"
        elif code < 0:
            names = [known.name for known in signal.Signals if known == -code]
            detail = f"signal {-code} ({names[0] if names else 'real-time'})"
        else:
            detail = f"exit code {code}"
        return [Unfinished(worker.assigned[0], cause, detail)]

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


def _work(
    execute: Execute,
    link: Connection,
    others: Sequence[Connection],
    close_in_child: Callable[[], None],
) -> None:
    """The child: answer plans until told to stop."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:  # a copy kept here would hide the parent's death from its reader
        other.close()
    close_in_child()
    plans: SimpleQueue[EpisodePlan | None] = SimpleQueue()
    threading.Thread(target=_listen, args=(link, plans), daemon=True).start()
    while (plan := plans.get()) is not None:
        answer = _answer(execute, plan)
        try:
            link.send(answer)
        except OSError:
            _die()
        if answer[0] in {"config", "bug"}:
            return  # the study stops: do not pay for the plan that waits


def _listen(link: Connection, plans: "SimpleQueue[EpisodePlan | None]") -> None:
    while True:
        try:
            plans.put(link.recv())
        except (EOFError, OSError):
            _die()


def _die() -> None:
    """The parent is gone: end this worker, mid-episode or not, and everything it started."""
    os.killpg(os.getpid(), signal.SIGKILL)


def _answer(execute: Execute, plan: EpisodePlan) -> tuple[object, ...]:
    """Run one episode and return plain data, so that no odd exception fails to cross."""
    began = time.monotonic()
    try:
        record = execute(plan)
        if (record.task, record.run, record.cell) != (plan.task, plan.run, plan.cell):
            raise ValueError(f"the record is of {record.task}, {record.run}, {record.cell}")
        line = record.to_line().encode()
    except InfrastructureError as error:
        return ("infrastructure", error.cause, error.detail)
    except ConfigError as error:
        plain = isinstance(error.received, str | int | float | None)
        return (
            "config",
            error.field,
            error.received if plain else repr(error.received),
            error.remedy,
        )
    except Exception:  # noqa: BLE001 - the process boundary: the traceback goes to the parent
        return ("bug", traceback.format_exc())
    seconds = time.monotonic() - began
    return ("record", line, record.episode_id, record.outcome, record.usage.cost_usd, seconds)
