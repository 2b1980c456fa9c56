"""Circuits for tests: hand-written ones, and random ones that the game would let stand."""

import random
from collections.abc import Sequence

from diagnose.env.blocks import CANONICAL_STATES, Pos, name_of, parse_block
from diagnose.env.circuit import Circuit, unsupported

SIDE = 33
BUTTON = "stone_button[face=floor]"
WIRE = "redstone_wire"
LAMP = "redstone_lamp"
PASSIVE = (
    *("stone",) * 3,
    "glass",
    *(WIRE,) * 8,
    *("repeater",) * 3,
    *("comparator",) * 2,
    "target",
    *(LAMP,) * 3,
)
ALL_PARTS = (*PASSIVE, "redstone_torch", "redstone_wall_torch", "redstone_block", "observer")
_STATES = {
    name: tuple(sorted(state for state in CANONICAL_STATES if name_of(state) == name))
    for name in set(ALL_PARTS)
}


def circuit(*blocks: tuple[int, int, int, str], side: int = SIDE) -> Circuit:
    """Return the circuit of blocks whose first is the button to press."""
    press = list(blocks[0][:3])
    return Circuit.from_json({"blocks": [list(block) for block in blocks], "press": press}, side)


def line(*parts: str, y: int = 1) -> Circuit:
    """Return a button at the origin and parts one after the other to the south of it."""
    return circuit((0, y, 0, BUTTON), *((0, y, z, part) for z, part in enumerate(parts, start=1)))


def random_circuit(seed: int, parts: Sequence[str] = ALL_PARTS, size: int = 6) -> Circuit:
    """Return a crowded random circuit; what has no support is taken away."""
    draw = random.Random(seed)
    density = draw.choice((0.2, 0.4, 0.6, 0.8))
    blocks: dict[Pos, str] = {}
    for y in (1, 2, 3):
        for x in range(size):
            for z in range(size):
                if draw.random() < density / y:
                    blocks[x, y, z] = draw.choice(_STATES[draw.choice(parts)])
    press = (draw.randrange(size), 1, draw.randrange(size))
    blocks[press] = parse_block(BUTTON)
    while loose := unsupported(blocks, SIDE):
        for pos, _ in loose:
            del blocks[pos]
    return Circuit(blocks, press)
