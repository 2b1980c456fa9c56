"""Where power goes: which lamps a dust junction feeds.

The flow follows the strongest signal each dust carried during the press, because a junction may
be dark again when the last lamp lights: from dust to dust one weaker, into what dust points at or
lies on, through conducting blocks, and from the input of a repeater or comparator to its output.
What never changed during the press carried nothing of it: power that always stood on a wire is no
signal, and a torch that stays dark passes none on.
"""

from collections.abc import Iterable, Iterator, Mapping

from diagnose.env.blocks import (
    HORIZONTAL,
    OFFSETS,
    OPPOSITE,
    Pos,
    conducts,
    moved,
    name_of,
    props_of,
    support_of,
)
from diagnose.env.circuit import Circuit
from diagnose.env.dust import DUST, peaks_of
from diagnose.env.trace import Trace

JUNCTION_CONNECTIONS = 3
_Node = tuple[Pos, str]  # a cell, and how power is in it: "part", "weak" or "strong"
_LAMP = "redstone_lamp"
_TORCHES = ("redstone_torch", "redstone_wall_torch")


def junction_reach(circuit: Circuit, trace: Trace) -> Mapping[Pos, frozenset[Pos]]:
    """Return, for each powered dust with three or more connections, the lamps lit through it.

    A junction whose branches end blind reaches no lamp; it is in the mapping with an empty set.
    """
    flow = _Flow(circuit, trace)
    return {pos: frozenset(flow.lamps_from(pos)) for pos in _junctions(flow)}


def downstream(
    circuit: Circuit, trace: Trace, parts: Iterable[Pos]
) -> Mapping[Pos, frozenset[Pos]]:
    """Return, for each of the parts, the cells that what it puts out comes to."""
    flow = _Flow(circuit, trace)
    return {pos: flow.cells_from(pos) for pos in parts}


def branches(circuit: Circuit, trace: Trace, lamps: int) -> bool:
    """Return whether some junction carries power on to at least ``lamps`` lamps.

    Strong junctions are looked at first: they lie near the button and mostly decide at once.
    """
    flow = _Flow(circuit, trace)
    return any(len(flow.lamps_from(pos, enough=lamps)) >= lamps for pos in _junctions(flow))


def _junctions(flow: "_Flow") -> Iterator[Pos]:
    """Yield the dusts with three or more connections that carried a signal, strongest first.

    A shape costs more to work out than a strength to read, and the first junctions mostly decide.
    """
    carrying = [(-peak, pos) for pos, peak in flow.peaks.items() if peak and flow.carries(pos)]
    for _, pos in sorted(carrying):
        if flow.dust[pos].connections >= JUNCTION_CONNECTIONS:
            yield pos


class _Flow:
    """The directed graph of one press; edges are found on demand."""

    def __init__(self, circuit: Circuit, trace: Trace) -> None:
        self.blocks = circuit.blocks
        self.dust = trace.dust
        self.peaks = peaks_of(trace.dust)
        self.active = trace.active
        self.lit = frozenset(pos for pos, intervals in trace.lamps.items() if intervals)
        self._edges: dict[_Node, tuple[_Node, ...]] = {}

    def carries(self, pos: Pos) -> bool:
        """Return whether the press can have acted through the part at ``pos``."""
        return self.active is None or pos in self.active

    def lamps_from(self, start: Pos, enough: int | None = None) -> set[Pos]:
        """Return the lamps that were lit and lie downstream of ``start``: all, or ``enough``."""
        lamps: set[Pos] = set()
        for cell in self._walk(start):
            if cell in self.lit:
                lamps.add(cell)
                if len(lamps) == enough:
                    break
        return lamps

    def cells_from(self, start: Pos) -> frozenset[Pos]:
        """Return the cells that what ``start`` puts out comes to, its own among them."""
        return frozenset(self._walk(start))

    def _walk(self, start: Pos) -> Iterator[Pos]:
        """Yield ``start`` and every cell downstream of it, some more than once."""
        first = (start, "part")
        seen = {first}
        waiting = [first]
        yield start
        while waiting:
            node = waiting.pop()
            edges = self._edges.get(node)
            if edges is None:
                edges = self._edges[node] = tuple(self._next(node))
            for beyond in edges:
                if beyond not in seen:
                    seen.add(beyond)
                    waiting.append(beyond)
                    yield beyond[0]

    def _next(self, node: _Node) -> Iterator[_Node]:
        pos, kind = node
        if kind != "part":
            yield from self._through_block(pos, strong=kind == "strong")
            return
        if not self.carries(pos):
            return
        name = self._name(pos)
        if name == DUST:
            yield from self._from_dust(pos)
        elif name in _TORCHES:
            yield from self._from_torch(pos)
        elif name in ("repeater", "comparator", "observer"):
            facing = props_of(self.blocks[pos])["facing"]
            yield from self._into(moved(pos, facing, -1), pos, strong=True)
        for direction in OFFSETS:  # an observer that watches this cell
            beside = moved(pos, direction)
            if self._faces(beside, ("observer",), pos):
                yield (beside, "part")

    def _from_dust(self, pos: Pos) -> Iterator[_Node]:
        for side in self.dust[pos].sides:
            yield from self._into(moved(pos, side), pos, strong=False)
        yield from self._into(moved(pos, "down"), pos, strong=False)
        for beyond in self._dust_beside(pos):
            if self._hands_on(pos, beyond):
                yield (beyond, "part")

    def _hands_on(self, giver: Pos, taker: Pos) -> bool:
        """Dust loses one on the way; what carried more than that was fed by another."""
        return 0 < self.peaks[taker] == self.peaks[giver] - 1

    def _dust_beside(self, pos: Pos) -> Iterator[Pos]:
        """Yield the dusts that take power from dust at ``pos``.

        Up a step the block above ``pos`` must not conduct. Down a step the block beside must be
        open, and the higher dust must lie on a conductor: glass hands power up, never down.
        """
        open_above = not self._conducts(moved(pos, "up"))
        on_conductor = self._conducts(moved(pos, "down"))
        for side in HORIZONTAL:
            beside = moved(pos, side)
            above, below = moved(beside, "up"), moved(beside, "down")
            if self._name(beside) == DUST:
                yield beside
            elif self._name(above) == DUST and open_above:
                yield above
            if self._name(below) == DUST and on_conductor and not self._conducts(beside):
                yield below

    def _from_torch(self, pos: Pos) -> Iterator[_Node]:
        support = support_of(pos, self.blocks[pos])
        for direction in OFFSETS:
            beside = moved(pos, direction)
            if beside == support:
                continue
            if direction == "up" and self._conducts(beside):
                yield (beside, "strong")
            yield from self._part_at(beside, pos, dust=True)

    def _into(self, cell: Pos, source: Pos, *, strong: bool) -> Iterator[_Node]:
        """Yield what power put into ``cell`` from the part at ``source`` reaches."""
        if self._conducts(cell):
            yield (cell, "strong" if strong else "weak")
        yield from self._part_at(cell, source, dust=strong)

    def _through_block(self, block: Pos, *, strong: bool) -> Iterator[_Node]:
        for direction in OFFSETS:
            beside = moved(block, direction)
            yield from self._part_at(beside, block, dust=strong)
            state = self.blocks.get(beside)
            if state and name_of(state) in _TORCHES and support_of(beside, state) == block:
                yield (beside, "part")

    def _part_at(self, cell: Pos, source: Pos, *, dust: bool) -> Iterator[_Node]:
        """Yield the part at ``cell`` if it takes power from ``source``."""
        name = self._name(cell)
        if (
            (name == _LAMP and cell in self.lit)
            or (name == DUST and dust and self.peaks[cell] > 0)
            or self._faces(cell, ("repeater", "comparator"), source)
            or (name == "comparator" and self._feeds_side(source, cell))
        ):
            yield (cell, "part")

    def _faces(self, cell: Pos, names: tuple[str, ...], source: Pos) -> bool:
        state = self.blocks.get(cell)
        if state is None or name_of(state) not in names:
            return False
        return moved(cell, props_of(state)["facing"]) == source

    def _feeds_side(self, source: Pos, comparator: Pos) -> bool:
        """A comparator's sides take dust, repeaters and comparators, not powered blocks."""
        if self._name(source) not in (DUST, "repeater", "comparator"):
            return False
        facing = props_of(self.blocks[comparator])["facing"]
        return any(
            moved(comparator, side) == source
            for side in HORIZONTAL
            if side not in (facing, OPPOSITE[facing])
        )

    def _name(self, pos: Pos) -> str:
        state = self.blocks.get(pos)
        return name_of(state) if state else "air"

    def _conducts(self, pos: Pos) -> bool:
        state = self.blocks.get(pos)
        return conducts(state) if state else pos[1] == 0
