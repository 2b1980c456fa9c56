"""The shape of redstone dust: which of its four sides it connects to.

The engine derives the same shape, but shows it only once a neighbour has changed; a test holds the
two equal. Dust connects to dust beside it and one step up or down, to what can give a signal, and
to a repeater's ends and an observer's back. With connections along one axis only it runs straight
through; with none at all it is a cross.
"""

from collections.abc import Mapping

from diagnose.env.blocks import AIR, HORIZONTAL, OFFSETS, OPPOSITE, Pos, name_of, props_of

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

    ``blocks`` holds no floor, which no dust connects to.
    """
    x, y, z = pos
    state_at = blocks.get
    free_above = name_of(state_at((x, y + 1, z), AIR)) not in _CONDUCTORS
    sides: dict[str, str] = {}
    for side, dx, dz in _STEPS:
        beside = state_at((x + dx, y, z + dz), AIR)
        name = name_of(beside)
        if free_above and name in _FULL and name_of(state_at((x + dx, y + 1, z + dz), AIR)) == DUST:
            sides[side] = "up"
        elif _joins(name, side, beside) or (
            name not in _CONDUCTORS and name_of(state_at((x + dx, y - 1, z + dz), AIR)) == DUST
        ):
            sides[side] = "side"
    if len(sides) > 1:
        return sides
    if not sides:
        return dict.fromkeys(HORIZONTAL, "side")
    sides[OPPOSITE[next(iter(sides))]] = "side"
    return sides


def _joins(name: str, side: str, state: str) -> bool:
    """Return whether dust reaches out sideways to a block that lies towards ``side``."""
    if name in _GIVES_SIGNAL:
        return True
    if name == "repeater":
        return props_of(state)["facing"] in (side, OPPOSITE[side])
    return name == "observer" and props_of(state)["facing"] == side
