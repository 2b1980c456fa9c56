"""Memory of one long-running worker: its resident size over many verdicts of ever new circuits.

    .venv/bin/python benchmarks/memory.py [verdicts]

Gold devices of every family, each with a stone or two put somewhere at random, so that none is
found in a cache. Prints the size at each tenth, and the slope over the second half. Linux only.
"""

import random
import sys
import time
from pathlib import Path

from diagnose.env.circuit import Circuit
from diagnose.env.engine import CACHE, press
from diagnose.env.experiments import true_laws
from diagnose.env.trace import Verdict
from diagnose.tasks import Task, build_device, family_of, judge, task

TASKS = ("A-L2", "B-L2", "C-L2", "D-L2", "E-L2")


def resident_mb() -> float:
    """Return the resident size of this process in MB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000


def varied(one: Task, draw: random.Random) -> Circuit:
    """Return a gold device with two more stones where nothing stands."""
    device = build_device(one, true_laws())
    blocks = dict(device.blocks)
    for _ in range(2):
        cell = (
            draw.randrange(one.area_side),
            draw.choice((1, 3, 4)),
            draw.randrange(one.area_side),
        )
        blocks.setdefault(cell, "minecraft:stone")
    return Circuit(blocks, device.press)


def judged(one: Task, circuit: Circuit) -> Verdict:
    """Press and judge, as an episode does."""
    family = family_of(one)
    trace = press(circuit, one.area_side, last_fall_rt=family.last_fall_rt(one))
    return judge(family, one, circuit, trace)


def main() -> None:
    """Print the table."""
    verdicts = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    draw = random.Random(1)
    sizes: list[tuple[int, float]] = []
    began = time.monotonic()
    passed = 0
    print("verdicts  resident MB  traces held")
    for number in range(1, verdicts + 1):
        one = task(draw.choice(TASKS))
        passed += judged(one, varied(one, draw)).passed
        if number % max(1, verdicts // 10) == 0:
            sizes.append((number, resident_mb()))
            print(f"{number:8d} {sizes[-1][1]:12.1f} {len(CACHE):12d}")
    half = sizes[len(sizes) // 2 - 1 :]
    (first, least), (last, most) = half[0], half[-1]
    slope_kb = 1e3 * (most - least) / max(1, last - first)
    print(f"second half: {slope_kb:+.2f} kB a verdict; {passed} passed")
    print(f"{verdicts} verdicts in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
