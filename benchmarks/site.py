"""A device as a place to plant a fault in: which cells are of which shape."""

from collections.abc import Iterator

from diagnose.env.blocks import AIR, HORIZONTAL, OPPOSITE, Pos, moved, name_of
from diagnose.env.circuit import Circuit
from diagnose.env.dust import sides_of


class Site:
    """A device, and questions about its cells."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.blocks = circuit.blocks

    def name(self, pos: Pos) -> str:
        """Return what stands at a cell; the floor is stone."""
        return "stone" if pos[1] == 0 else name_of(self.blocks.get(pos, AIR))

    def free(self, pos: Pos) -> bool:
        """Return whether a cell is empty and something full lies below it."""
        below = self.name(moved(pos, "down"))
        return self.name(pos) == "air" and below in ("stone", "glass", "redstone_lamp")

    def straight(self) -> Iterator[tuple[Pos, str]]:
        """Yield dusts of a plain straight wire, and one of its two directions."""
        for pos in self.circuit.cells("redstone_wire"):
            sides = set(sides_of(self.blocks, pos))
            for way in ("east", "south"):
                ends = [self.name(moved(pos, one)) for one in (way, OPPOSITE[way])]
                if sides == {way, OPPOSITE[way]} and set(ends) == {"redstone_wire"}:
                    yield pos, way

    def stubs(self) -> Iterator[tuple[Pos, str]]:
        """Yield the last dusts before a lamp, and the way they point."""
        for pos in self.circuit.cells("redstone_wire"):
            sides = set(sides_of(self.blocks, pos))
            for way in HORIZONTAL:
                if (
                    sides == {way, OPPOSITE[way]}
                    and self.name(moved(pos, way)) == "redstone_lamp"
                    and self.name(moved(pos, OPPOSITE[way])) == "redstone_wire"
                ):
                    yield pos, way

    def touches(self, pos: Pos, but: Pos) -> bool:
        """Return whether a lamp stands beside a cell."""
        around = (moved(pos, way) for way in HORIZONTAL)
        return any(self.name(one) == "redstone_lamp" for one in around if one != but)

    def passed(self, pos: Pos) -> bool:
        """Return whether the dusts beside a cell all run past it."""
        beside = {way: moved(pos, way) for way in HORIZONTAL}
        return not any(
            {way, OPPOSITE[way]} & set(sides_of(self.blocks, one))
            for way, one in beside.items()
            if self.name(one) == "redstone_wire"
        )

    def alone(self, pos: Pos, *but: Pos) -> bool:
        """Return whether no dust and no diode stands beside a cell."""
        around = [moved(pos, way) for way in HORIZONTAL]
        return all(
            self.name(one) in ("air", "stone", "redstone_lamp") for one in around if one not in but
        )
