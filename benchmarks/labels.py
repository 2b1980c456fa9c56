"""How often the failure labeller names the cause: planted faults, missing laws, published devices.

    .venv/bin/python benchmarks/labels.py
    .venv/bin/python benchmarks/labels.py --part tuned

``tuned`` is what the labeller was mended on: tasks of levels 1 and 3, seeds 0 to 3. ``held_out``
is levels 2, 4 and 5 with other seeds, and ``devices`` the repaired published devices, whose layout
no builder of a task makes. Devices that pass in spite of the fault are left out.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from benchmarks.planting import KINDS, planted
from diagnose.env.circuit import Circuit
from diagnose.env.devices import AREA_SIDE, published_devices
from diagnose.env.engine import press
from diagnose.env.experiments import true_laws
from diagnose.tasks import Task, all_tasks, build_device, family_of, verdict_of
from diagnose.tasks.failing import causes_of
from diagnose.tasks.needs import needed_laws

PARTS = {
    "tuned": ((1, 3), range(4)),
    "held_out": ((2, 4, 5), range(200, 206)),
    "devices": ((0,), range(300, 304)),
}


@dataclass(frozen=True)
class Case:
    """One failing device, and what is known to be wrong with it."""

    task: Task
    circuit: Circuit
    truth: str  # a cause, or a law
    planted: str  # how


def faulty(levels: Sequence[int], seeds: Sequence[int]) -> Iterator[Case]:
    """Yield the full-knowledge devices with one planted fault, where they fail by it."""
    for task, device in sound():
        if task.level not in levels:
            continue
        for kind in KINDS:
            seen = set()
            for seed in seeds:
                circuit = planted(kind, task, device, seed)
                if circuit is None or circuit in seen or verdict_of(task, circuit).passed:
                    continue
                seen.add(circuit)
                if not kind.only_dark or _only_dark(task, circuit):
                    yield Case(task, circuit, kind.cause, kind.plant.__name__)


def sound() -> Iterator[tuple[Task, Circuit]]:
    """Yield devices without a fault and what is asked of them: of the others, that all light."""
    for task in all_tasks():
        yield task, build_device(task, true_laws())
    for name, one in published_devices().items():
        yield Task("A", 0, one.lamps, AREA_SIDE, {"skew_rt": 60, "device": name}), one.repaired


def _only_dark(task: Task, circuit: Circuit) -> bool:
    last_rt = family_of(task).last_fall_rt(task)
    trace = press(circuit, task.area_side, last_fall_rt=last_rt)
    times = [lit for intervals in trace.lamps.values() for lit in intervals]
    return not all(trace.lamps.values()) and all(lit.fall_rt is not None for lit in times)


def ignorant(missing: int) -> Iterator[tuple[Task, Circuit, frozenset[str]]]:
    """Yield the devices of agents that lack some of the laws a task needs, where they fail."""
    for task in all_tasks():
        for laws in combinations(needed_laws(task), missing):
            known = {law: value for law, value in true_laws().items() if law not in laws}
            circuit = build_device(task, known)
            if not verdict_of(task, circuit).passed:
                yield task, circuit, frozenset(laws)


def table(cases: Sequence[tuple[Case, str, tuple[str, ...]]]) -> None:
    """Print recall and precision per cause."""
    first = Counter(named for _, named, _ in cases)
    right = Counter(case.truth for case, named, _ in cases if named == case.truth)
    among = Counter(case.truth for case, _, names in cases if case.truth in names)
    print(f"{'planted cause':22s} failures  named first  among those named  precision")
    for truth, total in sorted(Counter(case.truth for case, _, _ in cases).items()):
        precision = right[truth] / first[truth] if first[truth] else float("nan")
        print(
            f"{truth:22s} {total:8d} {right[truth] / total:12.1%} {among[truth] / total:18.1%}"
            f" {precision:10.1%}"
        )
    total = len(cases)
    print(
        f"{'all':22s} {total:8d} {sum(right.values()) / total:12.1%}"
        f" {sum(among.values()) / total:18.1%}"
    )
    totals = Counter(case.truth for case, _, _ in cases)
    mean = sum(right[truth] / count for truth, count in totals.items()) / len(totals)
    print(f"{'mean over causes':22s} {'':8s} {mean:12.1%}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=PARTS, default="held_out")
    parser.add_argument("--wrong", action="store_true", help="list what was named wrongly")
    given = parser.parse_args()
    cases, took_s = [], []
    for case in faulty(*PARTS[given.part]):
        began = time.perf_counter()
        found = causes_of(case.task, case.circuit)
        took_s.append(time.perf_counter() - began)
        names = tuple(one.cause for one in found)
        cases.append((case, names[0] if names else "none", names))
    print(f"Planted faults, {given.part}")
    table(cases)
    if given.wrong:
        for case, named, names in cases:
            if named != case.truth:
                print(f"  {case.task.id} {case.planted}: {', '.join(names) or named}")
    print(f"{1e3 * sum(took_s) / len(took_s):.1f} ms a device, {1e3 * max(took_s):.1f} ms at most")
    for missing in (1, 2):
        rows = list(ignorant(missing))
        laws = [(truth, causes_of(task, circuit)) for task, circuit, truth in rows]
        right = sum(bool(found) and found[0].law in truth for truth, found in laws)
        share = f"{right / len(rows):.1%}"
        print(
            f"Devices of agents that lack {missing} needed law(s): {right} of {len(rows)}, {share}"
        )


if __name__ == "__main__":
    main()
