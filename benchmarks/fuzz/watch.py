"""Worker processes that run cases, watched for death, hang and memory (Linux: /proc)."""

import multiprocessing
import os
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from benchmarks.fuzz.cases import Outcome

LOOK_EVERY_S = 0.5
BATCH = 20  # outcomes told at once


@dataclass
class Counts:
    """What was seen, of all workers together."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)  # by kind and what it did
    passed: Counter[str] = field(default_factory=Counter)  # by kind
    faults: dict[int, str] = field(default_factory=dict)  # case -> what it raised
    crashes: dict[int, str] = field(default_factory=dict)  # case -> how its worker died
    hangs: dict[int, str] = field(default_factory=dict)
    slowest: tuple[float, int] = (0.0, -1)  # seconds, case
    worker_mb: float = 0.0  # the most that any worker has held
    interpreter_mb: float = 0.0  # the same of the processes that run programs
    seconds: float = 0.0

    @property
    def cases(self) -> int:
        """How many came to an end."""
        return sum(self.outcomes.values()) + len(self.faults) + len(self.crashes) + len(self.hangs)


class _Worker:
    """The parent's side of one child and its cases."""

    def __init__(self, run: Callable[[int], Outcome], numbers: Sequence[int]) -> None:
        self.numbers = numbers
        self.current = multiprocessing.Value("q", numbers[0], lock=False)
        self.began = multiprocessing.Value("d", time.monotonic(), lock=False)
        self.link, theirs = multiprocessing.Pipe(duplex=False)
        context: Any = multiprocessing.get_context("fork")
        self.process = context.Process(
            target=_work, args=(run, numbers, self.current, self.began, theirs), daemon=True
        )
        self.process.start()
        theirs.close()


def _work(
    run: Callable[[int], Outcome],
    numbers: Sequence[int],
    current: Any,
    began: Any,
    link: Connection,
) -> None:
    # An interpreter out of memory says so here, thousands of times.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    done: list[tuple[int, Outcome | str, float]] = []
    for number in numbers:
        current.value, began.value = number, time.monotonic()
        result: Outcome | str
        try:
            result = run(number)
        except Exception:  # noqa: BLE001 - whatever it is, it is the finding
            result = traceback.format_exc()
        done.append((number, result, time.monotonic() - began.value))
        if len(done) == BATCH:
            link.send(done)
            done = []
    link.send(done)
    link.send(None)


def watch(
    run: Callable[[int], Outcome],
    count: int,
    workers: int,
    limit_s: float,
    most_mb: float = 2_000,
    say: Callable[[Counts], None] = lambda _counts: None,
) -> Counts:
    """Run cases 0 to ``count`` - 1 and return what was seen.

    A worker that dies, or whose case runs longer than ``limit_s`` or grows beyond ``most_mb``, is
    killed; another goes on with the case after. Its last outcomes, which it had not told, are run
    again.
    """
    counts, began = Counts(), time.monotonic()
    ended: set[int] = set()
    crew = [_Worker(run, range(start, count, workers)) for start in range(workers)]
    looked = 0.0
    while crew:
        ready = wait([worker.link for worker in crew], LOOK_EVERY_S)
        for worker in [worker for worker in crew if worker.link in ready]:
            try:
                batch = worker.link.recv()
            except EOFError:
                worker.process.join()
                number = worker.current.value
                counts.crashes[number] = f"exit code {worker.process.exitcode}"
                ended.add(number)
                _replace(crew, worker, run, ended)
                continue
            if batch is None:
                worker.process.join()
                crew.remove(worker)
            else:
                ended.update(number for number, _, _ in batch)
                _take(counts, batch)
        if time.monotonic() - looked < LOOK_EVERY_S:
            continue
        looked = time.monotonic()
        for worker in list(crew):
            held = _held(counts, worker.process.pid)
            number, since = worker.current.value, worker.began.value
            slow = looked - since > limit_s
            if slow or held > most_mb:
                worker.process.kill()
                worker.process.join()
                counts.hangs[number] = f"longer than {limit_s:g} s" if slow else f"{held:.0f} MB"
                ended.add(number)
                _replace(crew, worker, run, ended)
        counts.seconds = time.monotonic() - began
        say(counts)
    counts.seconds = time.monotonic() - began
    return counts


def _replace(
    crew: list[_Worker], worker: _Worker, run: Callable[[int], Outcome], ended: set[int]
) -> None:
    """Let another worker run those of this one's cases that have not come to an end."""
    crew.remove(worker)
    left = [number for number in worker.numbers if number not in ended]
    if left:
        crew.append(_Worker(run, left))


def _take(counts: Counts, batch: list[tuple[int, Outcome | str, float]]) -> None:
    for number, result, seconds in batch:
        counts.slowest = max(counts.slowest, (seconds, number))
        if isinstance(result, Outcome):
            counts.outcomes[result.kind, result.did] += 1
            counts.passed[result.kind] += result.passed
        else:
            counts.faults[number] = result


def _held(counts: Counts, pid: int) -> float:
    """Note the peak memory of a worker and its interpreters; return what they hold now, in MB."""
    family = [(pid, "worker"), *((child, "interpreter") for child in _children(pid))]
    held = 0.0
    for member, kind in family:
        peak, now = _memory(member)
        held = max(held, now)
        if kind == "worker":
            counts.worker_mb = max(counts.worker_mb, peak)
        else:
            counts.interpreter_mb = max(counts.interpreter_mb, peak)
    return held


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from map(int, task.read_text().split())
        except OSError:  # it has just ended
            continue


def _memory(pid: int) -> tuple[float, float]:
    """Return the peak and the present resident size of a process in MB."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0, 0.0
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    peak, now = (int(lines.get(name, "0 kB").split()[0]) / 1000 for name in ("VmHWM", "VmRSS"))
    return peak, now
