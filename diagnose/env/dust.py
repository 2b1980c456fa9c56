"""The shape of redstone dust: which of its four sides it connects to.

The engine derives the same shape, but shows it only once a neighbour has changed; a test holds the
two equal. Dust connects to dust beside it and one step up or down, to what can give a signal, and
to a repeater's ends and an observer's back. With connections along one axis only it runs straight
through; with none at all it is a cross.
"""

from collections.abc import Mapping

from diagnose.env.blocks import HORIZONTAL, OFFSETS, OPPOSITE, STONE, Pos, name_of, props_of

DUST = "redstone_wire"
_GIVES_SIGNAL = frozenset(
    {
        "comparator",
        "redstone_torch",
        "redstone_wall_torch",
        "redstone_block",
        "target",
        "stone_button",
        DUST,
    }
)
_CONDUCTORS = frozenset({"stone", "target", "redstone_lamp"})
_FULL = _CONDUCTORS | {"glass", "redstone_block", "observer"}
_STEPS = tuple((side, OFFSETS[side][0], OFFSETS[side][2]) for side in HORIZONTAL)


def sides_of(blocks: Mapping[Pos, str], pos: Pos) -> dict[str, str]:
    """Return the connected sides of the dust at ``pos``: direction -> ``side`` or ``up``.

    ``blocks`` holds no floor; the cells at y = 0 count as stone.
    """
    x, y, z = pos
    free_above = _name(blocks, (x, y + 1, z)) not in _CONDUCTORS
    sides: dict[str, str] = {}
    for side, dx, dz in _STEPS:
        at = (x + dx, y, z + dz)
        name = _name(blocks, at)
        if name in _FULL and free_above and _name(blocks, (x + dx, y + 1, z + dz)) == DUST:
            sides[side] = "up"
        elif _joins(name, side, blocks, at) or (
            name not in _CONDUCTORS and _name(blocks, (x + dx, y - 1, z + dz)) == DUST
        ):
            sides[side] = "side"
    if len(sides) > 1:
        return sides
    if not sides:
        return dict.fromkeys(HORIZONTAL, "side")
    sides[OPPOSITE[next(iter(sides))]] = "side"
    return sides


def _joins(name: str, side: str, blocks: Mapping[Pos, str], at: Pos) -> bool:
    """Return whether dust reaches out sideways to a block that lies towards ``side``."""
    if name == "repeater":
        return props_of(blocks[at])["facing"] in (side, OPPOSITE[side])
    if name == "observer":
        return props_of(blocks[at])["facing"] == side
    return name in _GIVES_SIGNAL


def _name(blocks: Mapping[Pos, str], pos: Pos) -> str:
    state = blocks.get(pos)
    if state is None:
        return name_of(STONE) if pos[1] == 0 else "air"
    return name_of(state)
