"""Verdicts per second, task by task, beside the bare engine.

    .venv/bin/python benchmarks/verdicts.py [--all] [--repeats 15]

``cached`` is a circuit judged again, ``judged`` one that was not seen before, in this process's
standing world. ``bare`` makes the same calls of the engine, recorded beforehand, with the same
arguments and nothing else: it builds, settles, presses, runs and hands over its log, of which
nobody reads a word. ``over`` is what judging costs beyond that. ``fresh`` makes a new engine world
for every circuit, as a program without a standing world must.

``build`` is the part of ``bare`` that clears the standing world and builds the circuit into it.
That is all that editing in place, by the difference from the last circuit, could save: about a
fifteenth. It is not done, because the engine's dust keeps what neighbours told it in the order in
which they were placed, and a circuit that feeds itself rests in a state that hangs on its building:
what a press says would depend on what was built before.

Times are processor time of repeats that take turns: the best of them, and for ``over`` and
``build`` the median over the repeats of the ratio within one, which a busy machine hardly moves.
"""

import argparse
import statistics
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
    """Press and judge, as an episode does: what stands is made a circuit, hashed, and looked up."""
    family = family_of(task)
    standing = Circuit(circuit.blocks, circuit.press)
    trace = press(standing, task.area_side, last_fall_rt=family.last_fall_rt(task))
    return judge(family, task, standing, trace)


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


def milliseconds(works: list[Callable[[], object]], repeats: int) -> list[list[float]]:
    """Return the processor times of each, taking turns."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for index, work in enumerate(works):
            work()  # whoever came before it leaves the machine's caches in another state
            began = time.process_time()
            work()
            times[index].append(1e3 * (time.process_time() - began))
    return times


def ratio(upper: list[float], lower: list[float]) -> float:
    """Return the median ratio of times taken in the same turn."""
    return statistics.median(a / b for a, b in zip(upper, lower, strict=True))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true", help="also the levels past the paper's")
    parser.add_argument("--repeats", type=int, default=15)
    given = parser.parse_args()
    print(f"{ENGINE}; verdicts a second, and judging beyond the bare engine")
    print("task   blocks   cached  judged    bare   fresh    over   build")
    totals = [0.0, 0.0, 0.0]
    for task in all_tasks(LEVELS if given.all else PUBLISHED_LEVELS):
        try:
            circuit = build_device(task, true_laws())
        except InputError as error:
            print(f"{task.id:6s} {error}")
            continue
        last_rt = family_of(task).last_fall_rt(task)
        calls = engine_calls(task, circuit)
        building = [call for call in calls if call[0].__name__ in {"restore", "place_block"}]
        works: list[Callable[[], object]] = [
            partial(unseen, task, circuit),
            partial(replayed, calls),
            partial(press_fresh, circuit, task.area_side, last_fall_rt=last_rt),
            partial(replayed, building),
        ]
        judged_ms, bare_ms, fresh_ms, build_ms = milliseconds(works, given.repeats)
        (cached_ms,) = milliseconds([partial(judged, task, circuit)], 10 * given.repeats)
        over, build = ratio(judged_ms, bare_ms) - 1, ratio(build_ms, bare_ms)
        bare = min(bare_ms)
        totals = [a + b for a, b in zip(totals, (bare, over * bare, build * bare), strict=True)]
        rates = "".join(f"{1e3 / min(ms):8.0f}" for ms in (judged_ms, bare_ms, fresh_ms))
        print(
            f"{task.id:6s} {len(circuit.blocks):6d} {1e3 / min(cached_ms):8.0f}{rates} "
            f"{over:7.1%} {build:7.1%}"
        )
    bare, over, build = totals
    print(f"all together: {over / bare:.1%} beyond the bare engine; building {build / bare:.1%}")


if __name__ == "__main__":
    main()
