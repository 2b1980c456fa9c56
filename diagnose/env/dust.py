"""The shape of redstone dust: which of its four sides it connects to.

The engine derives the same shape, but shows it only once a neighbour has changed; a test holds the
two equal. Dust connects to dust beside it and one step up or down, to what can give a signal, and
to a repeater's ends and an observer's back. With connections along one axis only it runs straight
through; with none at all it is a cross.
"""

from collections.abc import Iterator, Mapping

from diagnose.env.blocks import AIR, HORIZONTAL, OFFSETS, OPPOSITE, Pos, name_of, props_of
from diagnose.env.trace import Dust

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


class Dusts(Mapping[Pos, Dust]):
    """Every dust of a circuit; a shape is worked out when asked for, as few judges ask.

    Attributes:
        blocks: of the circuit.
        peaks: the strongest signal that each dust carried, 0..15.
    """

    def __init__(self, blocks: Mapping[Pos, str], peaks: Mapping[Pos, int]) -> None:
        self.blocks = blocks
        self.peaks = peaks
        self._known: dict[Pos, Dust] = {}

    def __getitem__(self, pos: Pos) -> Dust:
        """Return the dust at ``pos``."""
        found = self._known.get(pos)
        if found is None:
            peak = self.peaks[pos]
            sides = tuple(sides_of(self.blocks, pos))
            found = self._known[pos] = Dust(len(sides), peak, sides)
        return found

    def __iter__(self) -> Iterator[Pos]:
        """Go through the cells."""
        return iter(self.peaks)

    def __len__(self) -> int:
        """The number of dusts."""
        return len(self.peaks)

    def __repr__(self) -> str:
        """As a dictionary shows itself."""
        return repr(dict(self))

    def __reduce__(self) -> tuple[type[dict[Pos, Dust]], tuple[dict[Pos, Dust]]]:
        """Cross process boundaries: a read-only view of blocks does not pickle."""
        return (dict, (dict(self),))


def peaks_of(dusts: Mapping[Pos, Dust]) -> Mapping[Pos, int]:
    """Return the strongest signal of every dust, without working out its shape if it can."""
    if isinstance(dusts, Dusts):
        return dusts.peaks
    return {pos: dust.peak for pos, dust in dusts.items()}


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
