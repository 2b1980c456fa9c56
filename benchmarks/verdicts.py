"""Verdicts per second, task by task, beside the bare engine.

    .venv/bin/python benchmarks/verdicts.py [--all] [--repeats 15]

``cached`` is a circuit judged again, ``judged`` one that was not seen before, in this process's
standing world. ``bare`` makes the same calls of the engine, recorded beforehand, with the same
arguments and nothing else: it builds, settles, presses, runs and hands over its log, of which nobody
reads a word. ``over`` is what judging costs beyond that. ``fresh`` makes a new engine world for every
circuit, as a program without a standing world must. Times are processor time, the best of some
repeats that take turns, so that a busy machine tells the same as a quiet one.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

from diagnose.env import board
from diagnose.env.circuit import Circuit
from diagnose.env.engine import CACHE, ENGINE, press, press_fresh
from diagnose.env.experiments import true_laws
from diagnose.env.trace import Verdict
from diagnose.errors import InputError
from diagnose.tasks import Task, all_tasks, build_device, family_of, judge
from diagnose.tasks.base import LEVELS, PUBLISHED_LEVELS

Calls = list[tuple[Callable[..., Any], tuple[Any, ...]]]


class Recorder:
    """A world that notes every call of it."""

    def __init__(self, world: Any, calls: Calls) -> None:
        self._world = world
        self._calls = calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the world's method, noted when called."""
        method = getattr(self._world, name)

        def call(*args: Any) -> Any:
            self._calls.append((method, args))
            return method(*args)

        return call


def judged(task: Task, circuit: Circuit) -> Verdict:
    """Press and judge, as an episode does."""
    family = family_of(task)
    trace = press(circuit, task.area_side, last_fall_rt=family.last_fall_rt(task))
    return judge(family, task, circuit, trace)


def unseen(task: Task, circuit: Circuit) -> Verdict:
    """Judge as if for the first time."""
    CACHE.clear()
    return judged(task, circuit)


def engine_calls(task: Task, circuit: Circuit) -> Calls:
    """Return the engine's calls of one verdict, in a standing world of their own."""
    calls: Calls = []
    made = board.fresh_world
    with (
        mock.patch.object(board, "_BOARDS", {}),
        mock.patch.object(board, "fresh_world", lambda side: Recorder(made(side), calls)),
    ):
        unseen(task, circuit)
    return [call for call in calls if call[0].__name__ != "checkpoint"]  # made once, with the world


def replayed(calls: Calls) -> None:
    """Make the calls."""
    for call, args in calls:
        call(*args)


def milliseconds(works: list[Callable[[], object]], repeats: int) -> list[float]:
    """Return the best processor time of each, taking turns."""
    best = [float("inf")] * len(works)
    for _ in range(repeats):
        for index, work in enumerate(works):
            began = time.process_time()
            work()
            best[index] = min(best[index], time.process_time() - began)
    return [1e3 * value for value in best]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true", help="also the levels past the paper's")
    parser.add_argument("--repeats", type=int, default=15)
    given = parser.parse_args()
    print(f"{ENGINE}; verdicts a second, and judging beyond the bare engine")
    print("task   blocks   cached  judged    bare   fresh    over")
    totals = [0.0, 0.0]
    for task in all_tasks(LEVELS if given.all else PUBLISHED_LEVELS):
        try:
            circuit = build_device(task, true_laws())
        except InputError as error:
            print(f"{task.id:6s} {error}")
            continue
        last_rt = family_of(task).last_fall_rt(task)
        works: list[Callable[[], object]] = [
            partial(unseen, task, circuit),
            partial(replayed, engine_calls(task, circuit)),
            partial(press_fresh, circuit, task.area_side, last_fall_rt=last_rt),
            partial(judged, task, circuit),
        ]
        judged_ms, bare_ms, fresh_ms, _ = milliseconds(works, given.repeats)
        (cached_ms,) = milliseconds([partial(judged, task, circuit)], 10 * given.repeats)
        totals = [totals[0] + judged_ms, totals[1] + bare_ms]
        rates = "".join(f"{1e3 / ms:8.0f}" for ms in (judged_ms, bare_ms, fresh_ms))
        print(
            f"{task.id:6s} {len(circuit.blocks):6d} {1e3 / cached_ms:8.0f}{rates} "
            f"{judged_ms / bare_ms - 1:7.1%}"
        )
    print(f"all together: judging costs {totals[0] / totals[1] - 1:.1%} beyond the bare engine")


if __name__ == "__main__":
    main()
