"""Verdicts per second, task by task: the whole judge against the bare engine, in one run.

    .venv/bin/python benchmarks/verdicts.py

``fresh`` makes a new engine world for each press, as the engine alone would have to; ``standing``
is the judge as used (one world per process, built into from a checkpoint); ``cached`` is the same
circuit again.
"""

import time
from collections.abc import Callable
from functools import partial

from diagnose.env.circuit import Circuit
from diagnose.env.engine import CACHE, press, press_fresh
from diagnose.env.experiments import true_laws
from diagnose.env.trace import Verdict
from diagnose.tasks import Family, Task, all_tasks, build_device, family_of, judge


def milliseconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the best of ``repeats`` timings."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return 1e3 * best


def judged(family: Family, task: Task, circuit: Circuit, last_rt: int) -> Verdict:
    """Press and judge, as an episode does."""
    trace = press(circuit, task.area_side, last_fall_rt=last_rt)
    return judge(family, task, circuit, trace)


def main() -> None:
    """Print the table."""
    print("task   blocks  fresh ms  standing ms  ratio  cached ms")
    for task in all_tasks():
        family = family_of(task)
        circuit = build_device(task, true_laws())
        last_rt = family.last_fall_rt(task)

        fresh = partial(press_fresh, circuit, task.area_side, last_fall_rt=last_rt)
        again = partial(judged, family, task, circuit, last_rt)
        bare, cached = milliseconds(fresh), milliseconds(again)
        whole = milliseconds(lambda work=again: (CACHE.clear(), work()))
        print(
            f"{task.id:6s} {len(circuit.blocks):6d} {bare:9.2f} {whole:12.2f} "
            f"{whole / bare:6.2f} {cached:10.3f}"
        )


if __name__ == "__main__":
    main()
