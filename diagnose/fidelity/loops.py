"""Which parts of a circuit feed themselves.

Such a circuit can rest in more than one state, and which one it takes depends on how it was built
or in what order simultaneous changes are carried out.
"""

from collections.abc import Iterator

from diagnose.env.blocks import HORIZONTAL, OPPOSITE, Pos, moved, props_of
from diagnose.env.circuit import Circuit
from diagnose.env.dust import DUST, Dusts
from diagnose.env.flow import _Flow
from diagnose.env.trace import Interval, Trace

PARTS = ("redstone_torch", "redstone_wall_torch", "repeater", "comparator", "observer")
_Node = tuple[Pos, str]


def on_loops(circuit: Circuit) -> frozenset[Pos]:
    """Return the torches, repeaters, comparators and observers whose output can come back."""
    ways = _EveryWay(circuit)
    return frozenset(pos for name in PARTS for pos in circuit.cells(name) if ways.comes_back(pos))


def feeds_itself(circuit: Circuit) -> bool:
    """Return whether some torch, repeater, comparator or observer lies on a loop."""
    ways = _EveryWay(circuit)
    return any(ways.comes_back(pos) for name in PARTS for pos in circuit.cells(name))


class _EveryWay(_Flow):
    """Every way that power, or a lock, could ever take, whatever its strength."""

    def __init__(self, circuit: Circuit) -> None:
        lamps = {pos: (Interval(0, None),) for pos in circuit.cells("redstone_lamp")}
        dust = Dusts(circuit.blocks, dict.fromkeys(circuit.cells(DUST), 15))
        super().__init__(circuit, Trace(lamps, True, (), True, 0, dust))

    def comes_back(self, pos: Pos) -> bool:
        """Return whether what the part at ``pos`` puts out can come back to it."""
        seen: set[_Node] = set()
        waiting: list[_Node] = [(pos, "part")]
        while waiting:
            for beyond in self._next(waiting.pop()):
                if beyond == (pos, "part"):
                    return True
                if beyond not in seen:
                    seen.add(beyond)
                    waiting.append(beyond)
        return False

    def _hands_on(self, giver: Pos, taker: Pos) -> bool:
        return True

    def _part_at(self, cell: Pos, source: Pos, *, dust: bool) -> Iterator[_Node]:
        # A repeater or comparator also takes from its sides: a lock, or what is to be subtracted.
        yield from super()._part_at(cell, source, dust=dust)
        if self._name(cell) in ("repeater", "comparator"):
            facing = props_of(self.blocks[cell])["facing"]
            for side in HORIZONTAL:
                if side not in (facing, OPPOSITE[facing]) and moved(cell, side) == source:
                    yield (cell, "part")
