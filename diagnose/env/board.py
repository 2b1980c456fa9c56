"""Engine worlds: a new one for one circuit, or this process's standing one, built into again.

Making a world costs about 10 ms however small it is; building 200 blocks into one that stands
costs 1 ms. One thread at a time may use the standing world: who does holds ``STANDING``.
"""

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass

import nucleation

from diagnose.env.blocks import AIR, CANONICAL_STATES, STONE, Pos, name_of, parse_block
from diagnose.env.circuit import Circuit

_REDSTONE_BLOCK = parse_block("redstone_block")
_DARK = {
    state: state.replace("lit=true", "lit=false")
    for state in CANONICAL_STATES
    if name_of(state) in ("redstone_torch", "redstone_wall_torch")
} | {_REDSTONE_BLOCK: "minecraft:redstone_torch[lit=false]"}
# The engine knows only the states it was given when the world was made.
_KNOWN_STATES = ";".join(sorted(CANONICAL_STATES | set(_DARK.values())))


def fresh_world(
    area_side: int, blocks: Iterable[tuple[Pos, str]] = ()
) -> nucleation.TickSimulation:
    """Return a new world: the floor, and blocks that were all there at once."""
    schematic = nucleation.Schematic.create("area")
    schematic.fill_cuboid(0, 0, 0, area_side - 1, 0, area_side - 1, STONE)
    for (x, y, z), state in blocks:
        schematic.set_block_from_string(x, y, z, state)
    return nucleation.TickSimulation.from_schematic(
        schematic,
        nucleation.TickSettleMode.Placement,
        0,
        0,
        0,
        _KNOWN_STATES,
    )


@dataclass(frozen=True)
class _Board:
    """An empty world and the checkpoint to return to."""

    world: nucleation.TickSimulation
    empty: int


# Held from building into the standing world to the last look at it: episodes that wait for a
# provider share their process's world in turn.
STANDING = threading.RLock()

# Keyed by process: after a fork, the child makes its own.
_BOARDS: dict[tuple[int, int], _Board] = {}


def _board(area_side: int) -> _Board:
    key = (os.getpid(), area_side)
    board = _BOARDS.get(key)
    if board is None:
        world = fresh_world(area_side)
        board = _BOARDS[key] = _Board(world, world.checkpoint())
    return board


def standing_world(circuit: Circuit, area_side: int) -> nucleation.TickSimulation:
    """Build the circuit into this process's empty world.

    A placed block tells its neighbours, but does not look at them itself; and dust that changes
    its shape while powered leaves a lamp lit that it no longer points at. So power comes last:
    torches stand dark until the block they hang on wakes them, and a redstone block is a dark
    torch (to which dust connects in the same way) until everything else stands.
    """
    board = _board(area_side)
    world = board.world
    world.restore(board.empty)
    for (x, y, z), state in sorted(circuit.blocks.items(), key=_building_order):
        world.place_block(x, y, z, _DARK.get(state, state))
    for x, y, z in circuit.cells("redstone_torch"):
        if y == 1:  # it stands on the floor, which was there before it
            world.place_block(x, 0, z, AIR)
            world.place_block(x, 0, z, STONE)
    for x, y, z in circuit.cells("redstone_block"):
        world.place_block(x, y, z, _REDSTONE_BLOCK)
    return world


def _building_order(item: tuple[Pos, str]) -> tuple[bool, int, int, int]:
    """What is dark at first comes first, so that what it hangs on is placed after it."""
    (x, y, z), state = item
    return (state not in _DARK, y, z, x)
