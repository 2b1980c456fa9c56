"""Whether a world that is quiet is at rest, or only has missed what a part did to itself.

The engine drops an update that reaches a torch or comparator while that part is itself changing. A
torch that darkens its own block, or a comparator whose output comes back to its side, flickers for
ever in the game and stands still here, in a state against its own rule. Tell such a part that
something beside it has changed, which changes nothing where all is at rest, and it moves.
"""

import json
from collections.abc import Iterable, Iterator, Mapping

import nucleation

from diagnose.env.blocks import AIR, OFFSETS, Pos, moved, name_of, parse_block, props_of
from diagnose.env.circuit import LAYERS, Circuit
from diagnose.env.log import gives_of

INVERTING = ("redstone_torch", "redstone_wall_torch", "comparator")
_GLASS = parse_block("glass")  # neither conducts nor bends dust
_PATIENCE_TICKS = 4  # a torch and a comparator answer after two


def at_rest(world: nucleation.TickSimulation, circuit: Circuit, area_side: int) -> bool:
    """Return whether a quiet world stays as it is when its torches and comparators look again.

    A part that has no free cell beside it, unwatched by observers, is taken at its word. The log of
    changes is emptied; the world is as it was, if it was at rest.
    """
    blinked = dict.fromkeys(_beside(circuit, area_side))
    if not blinked:
        return True
    world.clear_changes()
    for x, y, z in blinked:
        world.place_block(x, y, z, _GLASS)
        world.place_block(x, y, z, AIR)
    world.run(_PATIENCE_TICKS)
    moving = any(
        gives_of(change["from"]) != gives_of(change["to"])  # and not just dust's shape
        for change in json.loads(world.changes_json())
    )
    world.clear_changes()
    return not moving


def _beside(circuit: Circuit, area_side: int) -> Iterator[Pos]:
    """Yield a free cell beside each inverting part."""
    blocks = circuit.blocks
    parts = [pos for pos, state in blocks.items() if name_of(state) in INVERTING]
    if not parts:
        return
    watched = set(_watched(blocks))
    for part in parts:
        for direction in OFFSETS:
            x, y, z = cell = moved(part, direction)
            inside = 0 <= x < area_side and 1 <= y <= LAYERS and 0 <= z < area_side
            if inside and cell not in blocks and cell not in watched:
                yield cell
                break


def _watched(blocks: Mapping[Pos, str]) -> Iterable[Pos]:
    """Return the cells that observers look at."""
    return (
        moved(pos, props_of(state)["facing"])
        for pos, state in blocks.items()
        if name_of(state) == "observer"
    )
