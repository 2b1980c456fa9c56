"""Write the published failure devices, and the device that works, as circuit files.

    .venv/bin/python tools/published_devices.py

The paper (arXiv 2604.24697) names twelve failed devices of the 32-lamp broadcast task and how many
lamps each lights; their blueprints are not released. These rebuild them: each fails by the
mechanism that its name says and by nothing else, and ``repair`` mends that mechanism alone.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from diagnose.env.experiments import true_laws
from diagnose.tasks import build_device, task

FOLDER = Path(__file__).parents[1] / "diagnose" / "env" / "data" / "devices"
DUST, LAMP, STONE, GLASS = "redstone_wire", "redstone_lamp", "stone", "glass"
BUTTON = "stone_button[face=floor,facing=north]"
CATEGORIES = {
    "structural": "application",
    "signal propagation": "discovery",
    "wire semantics": "identification",
}
Flat = tuple[int, int]
STEPS: dict[str, Flat] = {"east": (1, 0), "west": (-1, 0), "south": (0, 1), "north": (0, -1)}
BACK = {"east": "west", "west": "east", "south": "north", "north": "south"}
MIDDLE = (16, 16)
TEETH = (3, 5, 7, 9)  # where on an arm lamps hang, two each


class Plan:
    """Blocks by cell, and the repair."""

    def __init__(self, press: tuple[int, int, int] = (16, 1, 16)) -> None:
        self.blocks: dict[tuple[int, int, int], str] = {press: BUTTON}
        self.press = press
        self.remove: list[tuple[int, int, int]] = []
        self.place: list[tuple[tuple[int, int, int], str]] = []

    def put(self, block: str, cells: Iterable[Flat], y: int = 1) -> None:
        """Put a block on (x, z) cells, each of them empty."""
        for x, z in cells:
            if (x, y, z) in self.blocks:
                raise ValueError(f"cell {(x, y, z)} is taken")
            self.blocks[x, y, z] = block

    def mend(self, block: str, cells: Iterable[Flat], y: int = 1) -> None:
        """Let the repair put a block on (x, z) cells, in place of what stands there."""
        self.place += [((x, y, z), block) for x, z in cells]

    def drop(self, cells: Iterable[Flat], y: int = 1) -> None:
        """Let the repair empty (x, z) cells."""
        self.remove += [(x, y, z) for x, z in cells]


def at(start: Flat, way: str, steps: int, aside: int = 0) -> Flat:
    """Return the cell ``steps`` along ``way`` and ``aside`` to its right hand."""
    dx, dz = STEPS[way]
    return (start[0] + dx * steps - dz * aside, start[1] + dz * steps + dx * aside)


def wire(plan: Plan, way: str, length: int, start: Flat = MIDDLE, first: int = 1) -> None:
    """Lay an arm's dust."""
    plan.put(DUST, [at(start, way, k) for k in range(first, length + 1)])


def lamps(
    plan: Plan, way: str, teeth: Iterable[int], start: Flat = MIDDLE, *, stubs: bool = True
) -> None:
    """Hang lamps two cells off on both sides of an arm, each with the stub that points at it."""
    for k in teeth:
        for side in (1, -1):
            if stubs:
                plan.put(DUST, [at(start, way, k, side)])
            plan.put(LAMP, [at(start, way, k, 2 * side)])


def arm(plan: Plan, way: str, teeth: tuple[int, ...] = TEETH) -> None:
    """Lay an arm from the middle with its lamps."""
    wire(plan, way, teeth[-1])
    lamps(plan, way, teeth)


def glass_pedestal() -> Plan:
    """The button's power has to pass its pedestal; glass passes none."""
    plan = Plan((16, 2, 16))
    plan.put(GLASS, [MIDDLE])
    for way in STEPS:
        arm(plan, way)
    plan.mend(STONE, [MIDDLE])
    return plan


def broken_bridge() -> Plan:
    """The only wire crosses a bridge whose deck has a hole."""
    plan = Plan((16, 1, 4))
    plan.put(DUST, [(16, 5), *((16, z) for z in range(11, 15))])
    plan.put("repeater[facing=north]", [(16, 15)])
    deck = [(16, z) for z in range(6, 11) if z != 8]
    plan.put(STONE, deck)
    plan.put(DUST, deck, 2)
    plan.put(DUST, [MIDDLE])
    for way, teeth in (
        ("east", (*TEETH, 11)),
        ("west", (*TEETH, 11)),
        ("south", (*TEETH, 11, 13)),
    ):
        arm(plan, way, teeth)
    plan.mend(STONE, [(16, 8)])
    plan.mend(DUST, [(16, 8)], 2)
    return plan


def axes_only() -> Plan:
    """Wires run along the axes; nothing leads from them to the lamps on either side."""
    plan = Plan()
    for way in STEPS:
        wire(plan, way, TEETH[-1])
        lamps(plan, way, TEETH, stubs=False)
        plan.mend(DUST, [at(MIDDLE, way, k, side) for k in TEETH for side in (1, -1)])
    return plan


def backwards_repeaters() -> Plan:
    """Three of four arms begin with a repeater that faces against the signal."""
    plan = Plan()
    for way in STEPS:
        facing = BACK[way] if way == "east" else way
        plan.put(f"repeater[facing={facing}]", [at(MIDDLE, way, 1)])
        wire(plan, way, TEETH[-1], first=2)
        lamps(plan, way, TEETH)
        if way != "east":
            plan.mend(f"repeater[facing={BACK[way]}]", [at(MIDDLE, way, 1)])
    return plan


def long_snake() -> Plan:
    """94 dusts in one wire without a repeater: the signal dies at the fifteenth."""
    plan = Plan((3, 1, 4))
    first, last = (3, 4), (30, 10)
    wire(plan, "east", 27, first)
    lamps(plan, "east", range(2, 24, 3), first)
    plan.put(DUST, [(30, z) for z in range(5, 10)])
    plan.put(DUST, [(x, 10) for x in range(30, 0, -1)])
    lamps(plan, "west", range(3, 25, 3), last)
    plan.mend("repeater[facing=west]", [(18, 4)])
    plan.mend("repeater[facing=north]", [(30, 6)])
    plan.mend("repeater[facing=east]", [(20, 10)])
    return plan


def missing_rails() -> Plan:
    """One arm's lamps and stubs stand without the wire that should carry the signal to them."""
    plan = Plan()
    teeth = (4, 7, 10, 13)
    for way in STEPS:
        lamps(plan, way, teeth)
        if way != "north":
            wire(plan, way, teeth[-1])
    plan.mend(DUST, [at(MIDDLE, "north", k) for k in range(1, teeth[-1] + 1)])
    return plan


def tiny_core() -> Plan:
    """A small core feeds four long rows: what lies more than fifteen dusts from it stays dark."""
    plan = Plan((2, 1, 16))
    for way in ("north", "south"):
        wire(plan, way, 9, (2, 16))
        for k, teeth in ((3, (10, 13, 16, 19)), (9, (4, 8, 11, 14))):
            start = at((2, 16), way, k)
            wire(plan, "east", teeth[-1], start)
            lamps(plan, "east", teeth, start)
            plan.mend("repeater[facing=west]", [at(start, "east", teeth[0] + 1)])
    return plan


def islands() -> Plan:
    """Two arms are islands: they touch the core on a diagonal only, which joins no dust."""
    plan = Plan()
    for way in ("east", "west"):
        arm(plan, way)
    for way in ("north", "south"):
        wire(plan, way, 2)
        beside = at(MIDDLE, way, 0, 1)
        wire(plan, way, 11, beside, first=3)
        lamps(plan, way, (5, 7, 9, 11), beside)
        plan.mend(DUST, [at(beside, way, 2)])
    return plan


def parallel_lines() -> Plan:
    """Wires run past the lamps beside them instead of pointing at them."""
    plan = Plan()
    arm(plan, "east")
    arm(plan, "west", TEETH[:3])
    for way in ("north", "south"):
        wire(plan, way, 11)
        places = [(k, side) for k in (3, 5, 7, 9) for side in (1, -1)] + [(11, 1)]
        for k, side in places:
            plan.put(LAMP, [at(MIDDLE, way, k, side)])
            plan.mend(DUST, [at(MIDDLE, way, k, side)])
            plan.mend(LAMP, [at(MIDDLE, way, k, 2 * side)])
    return plan


def connection_trap() -> Plan:
    """A dust between two stubs joins them both, and so turns them away from their lamps."""
    plan = Plan()
    for way in STEPS:
        arm(plan, way)
    traps = [
        at(MIDDLE, way, k, side)
        for way, side in (("east", 1), ("west", 1), ("north", 1))
        for k in (4, 8)
    ]
    plan.put(DUST, traps)
    plan.drop(traps)
    return plan


def dead_end_hooks() -> Plan:
    """Branches end in a hook, whose last dust points past the lamp beside it."""
    plan = Plan()
    for way in ("east", "west"):
        arm(plan, way, TEETH[:3])
    for way in ("north", "south"):
        wire(plan, way, 9)
        for k in (3, 8):
            for side in (1, -1):
                hook = [at(MIDDLE, way, k, side), at(MIDDLE, way, k, 2 * side)]
                plan.put(DUST, [*hook, at(MIDDLE, way, k + 1, 2 * side)])
                plan.put(LAMP, [at(MIDDLE, way, k + 1, 3 * side)])
                plan.drop([at(MIDDLE, way, k + 1, 3 * side)])
                plan.mend(LAMP, [at(MIDDLE, way, k + 2, 2 * side)])
    return plan


def the_ring() -> Plan:
    """A ring of dust has no end: it points at none of the lamps around it."""
    plan = Plan()
    for way in ("north", "south"):
        wire(plan, way, 3)
    for way in STEPS:
        plan.put(DUST, [at(MIDDLE, way, 4, aside) for aside in range(-4, 4)])
        for aside in (-3, -1, 1, 3):
            plan.put(LAMP, [at(MIDDLE, way, 5, aside)])
            plan.mend(DUST, [at(MIDDLE, way, 5, aside)])
            plan.mend(LAMP, [at(MIDDLE, way, 6, aside)])
    return plan


DEVICES = (
    (glass_pedestal, "structural", 0, 32, "non_conductor"),
    (broken_bridge, "structural", 0, 32, "gap_in_wire"),
    (axes_only, "structural", 0, 32, "no_wire_to_lamp"),
    (backwards_repeaters, "structural", 8, 32, "repeater_backwards"),
    (long_snake, "signal propagation", 10, 32, "signal_died"),
    (missing_rails, "signal propagation", 24, 32, "missing_rail"),
    (tiny_core, "signal propagation", 8, 32, "signal_died"),
    (islands, "wire semantics", 16, 32, "diagonal_gap"),
    (parallel_lines, "wire semantics", 14, 32, "dust_passes_lamp"),
    (connection_trap, "wire semantics", 20, 32, "dust_turned_away"),
    (dead_end_hooks, "wire semantics", 12, 20, "dust_passes_lamp"),
    (the_ring, "wire semantics", 0, 16, "dust_passes_lamp"),
)


def write(name: str, data: dict[str, Any]) -> None:
    """Write one file: a line per key, so that it can be read."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in data.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Write all files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for plan_of, category, lit, total, cause in DEVICES:
        plan, name = plan_of(), plan_of.__name__
        blocks = [[*cell, block] for cell, block in sorted(plan.blocks.items())]
        write(
            name,
            {
                "name": name.replace("_", " "),
                "category": category,
                "capacity": CATEGORIES[category],
                "lit": lit,
                "lamps": total,
                "cause": cause,
                "mechanism": plan_of.__doc__,
                "press": plan.press,
                "blocks": blocks,
                "repair": {
                    "remove": plan.remove,
                    "place": [[*cell, block] for cell, block in plan.place],
                },
            },
        )
    device = build_device(task("A-L4"), true_laws()).to_json()
    about = {"name": "working reference", "category": "", "capacity": "", "lit": 32, "lamps": 32}
    write("working_reference", about | {"cause": "", "mechanism": "All lamps light."} | device)


if __name__ == "__main__":
    main()
