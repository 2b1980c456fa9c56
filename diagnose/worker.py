"""The child's side of a worker: run the plans that come, send back what became of each."""

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue

from diagnose.design import EpisodePlan
from diagnose.errors import ConfigError, DiagnoseError, InfrastructureError, StoppedError
from diagnose.records import EpisodeRecord
from diagnose.timing import TimedCall, timed

Execute = Callable[[EpisodePlan], EpisodeRecord]


@dataclass(frozen=True)
class Forgiving:
    """An episode whose bugs are a cause why it was not observed."""

    execute: Execute

    def __call__(self, plan: EpisodePlan) -> EpisodeRecord:
        """Run an episode.

        Raises:
            InfrastructureError: it raised what no boundary names.
        """
        try:
            return self.execute(plan)
        except DiagnoseError:
            raise
        except Exception as error:
            raise InfrastructureError("bug", f"{type(error).__name__}: {error}") from error


def work(
    execute: Execute,
    link: Connection,
    others: Sequence[Connection],
    close_in_child: Callable[[], None],
    slots: int,
) -> None:
    """Answer plans until told to stop.

    Args:
        execute: runs one episode.
        link: to the parent.
        others: the parent's ends of links, to be closed here.
        close_in_child: lets go of what only the parent may hold.
        slots: episodes at once, each in a thread of its own.
    """
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:  # a copy kept here would hide the parent's death from its reader
        other.close()
    close_in_child()
    plans: SimpleQueue[EpisodePlan | None] = SimpleQueue()
    sending = threading.Lock()
    threading.Thread(target=_listen, args=(link, plans), daemon=True).start()
    threads = [
        threading.Thread(target=_serve, args=(execute, link, sending, plans), daemon=True)
        for _ in range(slots - 1)
    ]
    for thread in threads:
        thread.start()
    _serve(execute, link, sending, plans)
    for thread in threads:
        thread.join()


def _serve(
    execute: Execute,
    link: Connection,
    sending: threading.Lock,
    plans: "SimpleQueue[EpisodePlan | None]",
) -> None:
    """One slot: an episode after the other."""
    while (plan := plans.get()) is not None:
        answer = _answer(execute, plan)
        try:
            with sending:
                link.send((plan, *answer))
        except OSError:
            _die()
        if answer[0] in {"config", "bug", "stopped"}:
            break  # the study stops: do not pay for the plan that waits
    plans.put(None)  # for the other slots


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
    began, calls = time.monotonic(), list[TimedCall]()

    def took() -> tuple[float, float, tuple[TimedCall, ...]]:
        seconds = time.monotonic() - began
        return seconds, time.time() - seconds, tuple(calls)

    try:
        with timed(began, calls):
            record = execute(plan)
        if (record.task, record.run, record.cell) != (plan.task, plan.run, plan.cell):
            raise ValueError(f"the record is of {record.task}, {record.run}, {record.cell}")
        line = record.to_line().encode()
    except InfrastructureError as error:
        return ("infrastructure", error.cause, error.detail, *took())
    except ConfigError as error:
        plain = isinstance(error.received, str | int | float | None)
        return (
            "config",
            error.field,
            error.received if plain else repr(error.received),
            error.remedy,
        )
    except StoppedError as error:
        return ("stopped", str(error))
    except Exception:  # noqa: BLE001 - the process boundary: the traceback goes to the parent
        return ("bug", traceback.format_exc())
    cost_usd = record.own_usage.cost_usd
    return ("record", line, record.episode_id, record.outcome, cost_usd, *took())
